"""The metrics of a row by regime, with intervals over its seeds and days."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.evaluate.regimes import DailyPanel, Regime, regimes
from lstm_bench.report.leaderboard.comparison_tables import plain_estimate
from lstm_bench.report.leaderboard.measures import common_axis, panel_of
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.statistics.estimate import Estimate

__all__ = ["REGIME_HEADER", "regime_lines", "regime_object", "row_regimes"]

_SHOWN = ("Rank IC", "1day.excess_return_with_cost.information_ratio")
REGIME_HEADER = (
    "Regime",
    "Days",
    *(text for metric in _SHOWN for text in (COLUMNS[metric], "95 % interval")),
)


def row_regimes(row: Row) -> list[Regime]:
    """Compute the metrics of a row by regime of days, from its evidence; empty without a daily IC.

    Returns are left out if a seed has no backtest. Evidence has no ICs by liquidity; the report of a run shows them.
    """
    found = [row.daily[result.seed] for result in row.complete if result.seed in row.daily]
    if not found:
        return []
    days = common_axis(found)
    traded = not any(np.isnan(daily.series["bench"]).all() for daily in found)
    series = {
        measure.series: panel_of(found, measure, days)
        for measure in MEASURES.values()
        if traded or measure.series != "excess"
    }
    bench = np.full(len(days), np.nan)
    for daily in found:
        bench[np.searchsorted(days, daily.days)] = daily.series["bench"]
    return regimes(DailyPanel(days, series, bench))


def regime_lines(row: Row) -> list[tuple[str, ...]]:
    """Return a line per regime, with its days and the interval of each metric shown."""
    return [
        (one.label, f"{one.days:,}", *(text for metric in _SHOWN for text in _texts(one.metrics.get(metric))))
        for one in row_regimes(row)
    ]


def _texts(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return "–", "–"
    ends = f"[{estimate.low:.4f}, {estimate.high:.4f}]" if estimate.is_decided else "–"
    return f"{estimate.value:.4f}", ends


def regime_object(row: Row) -> list[dict[str, Any]]:
    """Return the regimes as plain data, with all metrics."""
    return [
        {
            "group": one.group,
            "name": one.name,
            "days": one.days,
            "metrics": {metric: plain_estimate(found) for metric, found in one.metrics.items()},
        }
        for one in row_regimes(row)
    ]
