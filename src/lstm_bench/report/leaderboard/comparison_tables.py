"""A comparison as tables of text, Markdown and plain data."""

from __future__ import annotations

import math
from typing import Any

from lstm_bench.core.counting import counted
from lstm_bench.report.leaderboard.comparison import Comparison
from lstm_bench.report.leaderboard.formats import markdown_table, nullable
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.statistics.estimate import FEWEST, Estimate

__all__ = [
    "DAILY_HEADER",
    "SEED_HEADER",
    "UNDECIDED",
    "comparison_markdown",
    "comparison_object",
    "daily_lines",
    "heading",
    "seed_lines",
]

SEED_HEADER = ("Metric", "A", "B", "A − B, common seeds", "Wilcoxon p", "P(A > B)")
DAILY_HEADER = ("Daily series", "Days", "Mean block", "A − B, mean of a day")

UNDECIDED = "undecided"
"""Text for a value with too few seeds or days for an interval or a p-value."""


def heading(comparison: Comparison) -> str:
    """Describe what is compared."""
    a, b, seeds = comparison.a, comparison.b, comparison.seeds
    setting = a.setting
    reduced = [row.name for row in (a, b) if row.reductions]
    of_a, of_b = (f"{row.name} ({row.dataset}, {counted(len(row.complete), 'seed')})" for row in (a, b))
    text = (
        f"A is {of_a}, B is {of_b}; {counted(len(seeds), 'common seed')}; {setting.market}, test {setting.test[0]} "
        f"to {setting.test[1]}, data {setting.data_fingerprint[:12]}."
    )
    if len(seeds) < FEWEST:
        text += " Fewer than three common seeds give no interval: their differences are undecided."
    return f"{text} Reduced runs: {', '.join(reduced)}." if reduced else text


def seed_lines(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a line per metric."""
    return [
        (
            COLUMNS.get(found.metric, found.metric),
            f"{found.mean_a:.4f}",
            f"{found.mean_b:.4f}",
            _estimate(found.difference, "+.4f"),
            UNDECIDED if math.isnan(found.p_value) else f"{found.p_value:.4f}",
            f"{found.improvement:.3f}",
        )
        for found in comparison.metrics
    ]


def daily_lines(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a line per daily series."""
    return [
        (found.series, str(found.days), f"{found.block:.1f} days", _estimate(found.difference, "+.6f"))
        for found in comparison.daily
    ]


def comparison_markdown(comparison: Comparison) -> str:
    """Write a comparison as Markdown."""
    parts = [
        heading(comparison),
        markdown_table(SEED_HEADER, seed_lines(comparison)),
        markdown_table(DAILY_HEADER, daily_lines(comparison)),
        "In brackets 95 % intervals: Student's t over seeds, for days the stationary bootstrap of the seed-mean "
        "series. Net return is return less cost. P(A > B) is over all pairs of a seed of A and one of B, ties half.",
    ]
    return "\n\n".join(parts) + "\n"


def comparison_object(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data, with all digits."""
    setting = comparison.a.setting
    return {
        "a": comparison.a.name,
        "b": comparison.b.name,
        "data_fingerprint": setting.data_fingerprint,
        "market": setting.market,
        "test": [str(day) for day in setting.test],
        "seeds": list(comparison.seeds),
        "reduced": {row.name: list(row.reductions) for row in (comparison.a, comparison.b)},
        "metrics": {
            found.metric: {
                "mean_a": found.mean_a,
                "mean_b": found.mean_b,
                "difference": _plain(found.difference),
                "wilcoxon_p": nullable(found.p_value),
                "probability_of_improvement": found.improvement,
            }
            for found in comparison.metrics
        },
        "daily": {
            found.series: {
                "days": found.days,
                "mean_block": found.block,
                "difference": _plain(found.difference),
            }
            for found in comparison.daily
        },
    }


def _estimate(estimate: Estimate, digits: str) -> str:
    text = f"{estimate.value:{digits}}"
    if not estimate.is_decided:
        return f"{text} ({UNDECIDED})"
    return f"{text} [{estimate.low:{digits}}, {estimate.high:{digits}}]"


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": nullable(estimate.low), "high": nullable(estimate.high)}
