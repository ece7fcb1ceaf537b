"""The label as the model saw it: a record keeps the raw one, and training had what its processors made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from lstm_bench.config.processor import ProcessorConfig
from lstm_bench.config.workflow import RunConfig
from lstm_bench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["label_processors", "trained_label"]


def label_processors(config: RunConfig) -> list[ProcessorConfig]:
    """Return what works on the label alone before training, in order."""
    handler = config.task.dataset.kwargs.handler.kwargs
    chain = [*handler.shared_processors, *handler.learn_processors]
    return [entry for entry in chain if getattr(entry.kwargs, "fields_group", None) == "label"]


def trained_label(label: pd.DataFrame, chain: Sequence[ProcessorConfig]) -> npt.NDArray[np.float64]:
    """Put raw labels into the units of training.

    Parameters
    ----------
    label
        A record's table of that name.
    chain
        From :func:`label_processors`.

    Returns
    -------
    ``[S]`` float64
        In the order of the table; NaN where a processor dropped the row.

    Raises
    ------
    DataError
        Where a processor was fitted on days that the record does not hold.
    """
    from lstm_bench.features.columns import StoredColumns
    from lstm_bench.features.processors import process
    from lstm_bench.features.table import Rows, Table

    for entry in chain:
        if hasattr(entry.kwargs, "fit_start_time"):
            raise DataError(
                f"{entry.name} was fitted on the labels of the fit period, which a record does not keep"
            )
    index = cast("pd.MultiIndex", label.index)
    days, instruments = index.levels
    of_day, of_instrument = (np.asarray(codes) for codes in index.codes)
    order = np.lexsort((of_day, of_instrument))  # a table of the processors runs instrument by instrument
    rows = Rows(
        of_day[order].astype(np.int32), of_instrument[order].astype(np.int32), (len(days), len(instruments))
    )
    table = Table(
        rows,
        days.to_numpy().astype("datetime64[D]"),
        np.ones(len(rows), dtype=np.bool_),
        StoredColumns((), np.empty((0, len(rows)), dtype=np.float32)),
        StoredColumns(("LABEL0",), label["LABEL0"].to_numpy(np.float32)[order][None]),
    )
    done, _ = process(table, chain)
    values = np.full(len(rows), np.nan)
    values[order] = np.where(done.kept, done.label.column(0), np.nan)
    return values
