"""The label in the units of training, recomputed from the raw label in a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.config.sections.processor import (
    CSRankNormKwargs,
    CSZFillnaKwargs,
    CSZScoreNormKwargs,
    DropnaLabelKwargs,
    DropnaProcessorKwargs,
    NoKwargs,
    ProcessorConfig,
)
from lstm_bench.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.features.fitted import FittedStatistics

__all__ = ["LabelChain", "trained_label"]

_BY_DAY = (CSRankNormKwargs, CSZFillnaKwargs, CSZScoreNormKwargs, NoKwargs)
"""Processors that compute a label from the other labels of its day."""


@dataclass(frozen=True)
class LabelChain:
    """The processors that act on the label before training.

    Attributes
    ----------
    parts : ``shared``, ``infer`` or ``learn`` -> its processors that act on the label, in order
    obstacle : why they cannot be repeated from a record; empty if they can
    """

    parts: Mapping[str, tuple[ProcessorConfig, ...]]
    obstacle: str

    @classmethod
    def of(cls, handler: HandlerConfig) -> LabelChain:
        """Return the chain of a handler: shared, then infer if learn is appended to it, then learn processors."""
        chains = {"shared": handler.shared_processors}
        if handler.kwargs.process_type == "append":
            chains["infer"] = handler.infer_processors
        chains["learn"] = handler.learn_processors
        parts = {
            key: tuple(_on_label(entry) for entry in chain if entry.acts_on_label)
            for key, chain in chains.items()
        }
        return cls(parts, _obstacle(handler, chains))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the processors, in order."""
        return tuple(entry.name for part in self.parts.values() for entry in part)


def trained_label(
    label: pd.DataFrame, handler: HandlerConfig, fitted: Mapping[str, Sequence[FittedStatistics]]
) -> npt.NDArray[np.float64]:
    """Convert raw labels, a record's table ``label``, into the units of training.

    ``fitted`` has the statistics that the processors of the run's handler learned. The result, ``[S]`` float64, is in
    the order of the table; NaN if a processor dropped the row.

    Raises
    ------
    DataError
        If the record's rows are not those that the processors saw, or it lacks their statistics.
    """
    from lstm_bench.features.columns import StoredColumns
    from lstm_bench.features.processors import process
    from lstm_bench.features.table import Rows, Table

    chain = LabelChain.of(handler)
    if chain.obstacle:
        raise DataError(chain.obstacle)
    index = cast("pd.MultiIndex", label.index)
    days, instruments = index.levels
    of_day, of_instrument = (np.asarray(codes) for codes in index.codes)
    order = np.lexsort((of_day, of_instrument))  # processors expect rows instrument by instrument
    rows = Rows(
        of_day[order].astype(np.int32), of_instrument[order].astype(np.int32), (len(days), len(instruments))
    )
    table = Table(
        rows,
        days.to_numpy().astype("datetime64[D]"),
        np.ones(len(rows), dtype=np.bool_),
        StoredColumns((), np.empty((0, len(rows)), dtype=np.float32)),
        StoredColumns(handler.label.names[:1], label["LABEL0"].to_numpy(np.float32)[order][None]),
    )
    for key, part in chain.parts.items():
        of_label = [found for found in fitted.get(key, ()) if found.group == "label"]
        table, _ = process(table, part, fitted=of_label)
    values = np.full(len(rows), np.nan)
    values[order] = np.where(table.kept, table.label.column(0), np.nan)
    return values


def _on_label(entry: ProcessorConfig) -> ProcessorConfig:
    """Restrict a processor to the label, since the record has no features."""
    if not hasattr(entry.kwargs, "fields_group"):
        return entry
    kwargs = entry.kwargs.model_copy(update={"fields_group": "label"})
    return entry.model_copy(update={"kwargs": kwargs})


def _obstacle(handler: HandlerConfig, chains: Mapping[str, Sequence[ProcessorConfig]]) -> str:
    """Describe the processor that prevents the trained labels from being computed again; empty if there is none.

    A record has the rows that the infer processors left. Processors that drop rows by their label are repeated here.
    Processors that drop rows by their features cannot be repeated. They are an obstacle if the record still has these
    rows, or if labels were compared across rows that the record lacks.
    """
    is_compared = False  # whether a processor computed labels from all labels of a day
    for key, chain in chains.items():
        for entry in chain:
            is_compared |= entry.acts_on_label and isinstance(entry.kwargs, _BY_DAY)
            if _drops_by_features(entry) and (key == "learn" or is_compared):
                return _reason(entry)
    aside = () if "infer" in chains else handler.infer_processors
    return next((_reason(entry) for entry in aside if _drops_by_features(entry) and is_compared), "")


def _drops_by_features(entry: ProcessorConfig) -> bool:
    drops = isinstance(entry.kwargs, DropnaProcessorKwargs | DropnaLabelKwargs)
    return drops and getattr(entry.kwargs, "fields_group", None) != "label"


def _reason(entry: ProcessorConfig) -> str:
    return f"{entry.name} dropped rows by their features, and the record's rows are not those that labels were made of"
