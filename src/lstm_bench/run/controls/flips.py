"""Rows of an experiment that change places under another convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np

from lstm_bench.core.errors import InputError
from lstm_bench.record.record import Record
from lstm_bench.run.controls.conventions import RecordedScores, Trading, conventions, figures_under
from lstm_bench.run.controls.document import Flip

__all__ = ["RowFigures", "find_flips", "row_figures"]

Metric = Literal["annualized_return", "information_ratio"]


@dataclass(frozen=True)
class RowFigures:
    """Figures of a row under each convention: means over its seeds.

    ``own`` is the name of the configuration's own convention, ``figures`` maps each name to metric and value.
    """

    own: str
    figures: Mapping[str, Mapping[str, float]]


def row_figures(trading: Trading, records: Sequence[Record], data: str) -> RowFigures:
    """Evaluate a row's records under every convention.

    Raises ``InputError`` if a record has no scores or no backtest, or its data are not those named ``data``.
    """
    values: dict[str, dict[str, list[float]]] = {}
    own = ""
    for record in records:
        found = record.provenance()["data_fingerprint"]
        if found != data:
            raise InputError(f"{record.path}: computed from other data, {found[:12]}, expected {data[:12]}")
        under = conventions(record.config().resolved(), trading.fields)
        if not under:
            raise InputError(f"{record.path}: its configuration requests no backtest")
        own = next(one.name for one in under if one.is_own)
        for convention, figures in figures_under(trading, RecordedScores.of(record), under):
            of_metric = values.setdefault(convention.name, {})
            for metric, value in figures.items():
                of_metric.setdefault(metric, []).append(value)
    means = {
        name: {metric: float(np.mean(each)) for metric, each in of_metric.items()}
        for name, of_metric in values.items()
    }
    return RowFigures(own, means)


def find_flips(rows: Mapping[str, RowFigures]) -> list[Flip]:
    """Find the pairs of rows whose order by a metric differs from the order under their own convention.

    Only conventions that both rows have are compared; NaN and equal figures have no order.
    """
    flips = []
    for one, other in combinations(rows, 2):
        a, b = rows[one], rows[other]
        for name in (name for name in a.figures if name in b.figures and name != a.own):
            for metric in get_args(Metric):
                before = a.figures[a.own][metric] - b.figures[b.own][metric]
                now = a.figures[name][metric] - b.figures[name][metric]
                if before * now < 0:
                    better, worse = (one, other) if before > 0 else (other, one)
                    flips.append(Flip(convention=name, metric=metric, better=better, worse=worse))
    return flips
