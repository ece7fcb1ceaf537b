"""The dataset of other days than a run's own: processed with what the run's processors learned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.dataset import Dataset, View, keeps_bars, window_shape
from lstm_bench.dataset.handler import needed_features, process_infer, read_table
from lstm_bench.dataset.segments import Segment
from lstm_bench.dataset.windows import Resident
from lstm_bench.features.processors import FittedStatistics
from lstm_bench.features.table import Table

__all__ = ["build_inference_dataset", "first_position"]


def first_position(config: HandlerConfig, provider: Provider) -> int:
    """Calendar position of the first day that a handler's table can have, however short the calendar is."""
    start = config.kwargs.start_time
    return 0 if start is None else int(np.searchsorted(provider.calendar, np.datetime64(start, "D")))


def build_inference_dataset(
    config: DatasetConfig,
    provider: Provider,
    fitted: Mapping[str, tuple[FittedStatistics, ...]],
    begin: int,
    end: int,
    *,
    d_feat: int,
) -> Dataset:
    """Build infer data alone, which no label and no fit period is needed for.

    Features are those of a table that begins on the handler's first day, as a run's does: expanding values depend
    on it, and so do the last digits of rolling ones. Rows are there from as many days before ``begin`` as a window
    of ``begin`` sees.

    Parameters
    ----------
    fitted
        ``shared`` and ``infer`` -> what the processors of a run learned, in order.
    begin, end
        Calendar positions of the days to predict, end exclusive; not before the handler's first day.
    d_feat
        As for :func:`lstm_bench.dataset.dataset.build_dataset`.

    Returns
    -------
    Dataset
        Its one segment, ``test``, is ``begin..end``, its one data key ``infer``.

    Raises
    ------
    ConfigError
        Where columns, ``d_feat`` and ``step_len`` do not fit each other.
    DataError
        Where there is no row, or ``fitted`` is of other processors or columns.
    """
    handler = config.kwargs.handler
    start = first_position(handler, provider)
    names = needed_features(handler)
    lagged = keeps_bars(config, names, d_feat)

    def read(rows_from: int) -> tuple[Table, tuple[str, ...]]:
        return read_table(handler, provider, start, end, names, lagged=lagged, rows_from=rows_from)

    back = (config.step_len or 0) if config.is_time_series else 0
    rows_from = max(start, begin - back)
    raw, instruments = read(rows_from)
    if start < rows_from and len(np.unique(raw.rows.days[raw.rows.days < begin - start])) < back:
        raw, instruments = read(start)  # on some of the days nothing had a row: windows see earlier ones
    infer = process_infer(handler, raw, fitted)
    step_len, n_features = window_shape(config, len(infer.feature.names), d_feat)
    return Dataset(
        config=config,
        provider=provider,
        days=raw.days,
        instruments=instruments,
        feature_names=infer.feature.names,
        label_name=raw.label.names[0],
        step_len=step_len,
        n_features=n_features,
        rows=raw.rows,
        raw_labels=raw.label.column(0),
        fitted=fitted,
        segments={"test": Segment("test", begin, end)},
        offset=start,
        views={"infer": View.of(infer, Resident(infer.feature.for_windows()))},
        embargo=0,
        embargoed=np.zeros(len(raw.days), dtype=np.bool_),
    )
