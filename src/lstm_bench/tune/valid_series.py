"""What a trial's models do on each day of valid, and the file that keeps it beside the trial's outcome.

Statistics of a selection (:mod:`lstm_bench.statistics.selection`) are computed from these series.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lstm_bench.core.errors import DataError

if TYPE_CHECKING:
    import torch

    from lstm_bench.data.arrays import Days, Floats
    from lstm_bench.dataset.dataset import Dataset, SampleSet
    from lstm_bench.model.contract import PackSpec
    from lstm_bench.model.path_name import PathName
    from lstm_bench.model.trainer import Fit

__all__ = ["SERIES", "ValidSeries", "measure_valid", "read_series", "series_path", "write_series"]

SERIES = ("ic", "rank_ic", "top_return")
"""Columns of the file besides ``seed`` and ``datetime``."""


@dataclass(frozen=True, eq=False)
class ValidSeries:
    """Daily series of one seed on valid, against raw labels.

    Attributes
    ----------
    days : ``[T]`` datetime64[D], ascending
    ic, rank_ic : ``[T]`` float64, NaN on days without a correlation
    top_return : ``[T]`` float64, mean label of the best fifth of scores minus that of all stocks, NaN if undefined
    """

    days: Days
    ic: Floats
    rank_ic: Floats
    top_return: Floats

    def means(self) -> dict[str, float]:
        """Return ``IC`` and ``Rank IC``, means over days; a figure is absent if no day has one."""
        from lstm_bench.evaluate.moments import moments

        means = {"IC": moments(self.ic).mean, "Rank IC": moments(self.rank_ic).mean}
        return {name: mean for name, mean in means.items() if math.isfinite(mean)}


def measure_valid(
    fits: Sequence[Fit],
    spec: PackSpec,
    dataset: Dataset,
    valid: SampleSet,
    device: torch.device,
    path: PathName,
) -> dict[int, ValidSeries]:
    """Score valid with each seed's best weights, and compare the scores with the raw labels, day by day.

    ``path`` is the one that trained; it scores as it did for the loss. Returns a series per seed; a seed without
    usable weights has none.
    """
    from lstm_bench.evaluate.signal.metrics import signal_metrics
    from lstm_bench.evaluate.signal.top import top_returns
    from lstm_bench.model.predict import predict_weights
    from lstm_bench.model.resident import ResidentSamples

    resident = ResidentSamples.place(valid, device)
    span, rows = dataset.rows_of(valid)
    labels = np.where(rows, dataset.raw_label[span], np.float32(np.nan))
    found = {}
    for fit in fits:
        if fit.weights:
            scores = predict_weights(spec, fit.weights, resident, path)
            panel = dataset.scores_to_panel(valid, scores)[span]
            signal = signal_metrics(panel, labels, rows)
            top = top_returns(panel, labels, rows)
            found[fit.member.seed] = ValidSeries(dataset.days[span], signal.ic, signal.rank_ic, top)
    return found


def series_path(outcome: Path) -> Path:
    """Return the file of the series beside a trial's outcome ``<key>.json``."""
    return outcome.with_suffix(".valid.parquet")


def write_series(path: Path, series: Mapping[int, ValidSeries]) -> None:
    """Write the series of a trial's seeds in one rename. Raises ``OSError`` if the file cannot be written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lstm_bench.core.atomic import staged_file

    parts = [
        pa.table(
            {
                "seed": np.full(len(one.days), seed, dtype=np.int64),
                "datetime": one.days.astype("datetime64[ms]"),
                **{name: pa.array(getattr(one, name), from_pandas=True) for name in SERIES},
            }
        )
        for seed, one in sorted(series.items())
    ]
    with staged_file(path) as staged:
        pq.write_table(pa.concat_tables(parts), staged, compression="zstd")


def read_series(path: Path) -> dict[int, ValidSeries] | None:
    """Read the series of a trial's seeds; None if there is no file.

    Raises
    ------
    DataError
        If the file cannot be read, or holds something else.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["seed", "datetime", *SERIES], partitioning=None)
        seeds = table["seed"].to_numpy()
        days = table["datetime"].to_numpy().astype("datetime64[D]")
        values = {name: table[name].to_numpy().astype(np.float64) for name in SERIES}
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read: {error}; remove it, and the trial counts as one without"
        ) from error
    return {
        int(seed): ValidSeries(
            days[seeds == seed], **{name: all_[seeds == seed] for name, all_ in values.items()}
        )
        for seed in np.unique(seeds)
    }
