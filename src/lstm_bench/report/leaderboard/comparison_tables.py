"""A comparison as a table, as Markdown and as plain data."""

from __future__ import annotations

import math
from typing import Any

from lstm_bench.core.counting import counted
from lstm_bench.report.leaderboard.comparison import Comparison, MetricComparison
from lstm_bench.report.leaderboard.formats import markdown_table, nullable
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.row_days import days_text, shares_of_days
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.statistics.estimate import FEWEST, Estimate

__all__ = [
    "HEADER",
    "UNDECIDED",
    "comparison_lines",
    "comparison_markdown",
    "comparison_object",
    "estimate_text",
    "heading",
    "note",
    "plain_estimate",
    "primary_title",
    "source_text",
]

HEADER = ("Metric", "A", "B", "A − B", "p", "P(A > B)", "Verdict")

UNDECIDED = "undecided"
"""Text for a value with too few seeds or days for an interval or a p-value."""


def heading(comparison: Comparison) -> str:
    """Describe what is compared."""
    a, b, seeds = comparison.a, comparison.b, comparison.seeds
    setting = a.setting
    reduced = [row.name for row in (a, b) if row.reductions]
    text = (
        f"A is {_described(a)}, B is {_described(b)}; {counted(len(seeds), 'common seed')}; {setting.market}, test "
        f"{setting.test[0]} to {setting.test[1]}, data {setting.data_fingerprint[:12]}."
    )
    few = [row.name for row in (a, b) if row.has_seeds and len(row.complete) < FEWEST]
    if few:
        text += f" Fewer than three seeds of {' and of '.join(few)} give no interval: the differences are undecided."
    elif len(seeds) < FEWEST:
        text += " Seeds are not paired."
    shares = shares_of_days((a, b))
    lacking = [f"{row.name} has {days}" for row in (a, b) if (days := days_text(row, shares))]
    if lacking:
        text += f" {' and '.join(lacking)}: metrics are of the days of both, others are left out."
    return f"{text} Reduced runs: {', '.join(reduced)}." if reduced else text


def _described(row: Row) -> str:
    known = (row.dataset, counted(len(row.complete), "seed"))
    return f"{row.name} ({', '.join(filter(None, known))})"


def comparison_lines(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a line per metric."""
    return [
        (
            f"{_name(found)} *" if _is_over_seeds(found) else _name(found),
            f"{found.difference.mean_a:.4f}",
            f"{found.difference.mean_b:.4f}",
            estimate_text(found.difference.estimate),
            UNDECIDED if math.isnan(found.p_value) else f"{found.p_value:.4f}",
            f"{found.difference.improvement:.3f}",
            found.verdict.text,
        )
        for found in comparison.metrics
    ]


def note(comparison: Comparison) -> str:
    """Explain the table."""
    metrics = comparison.metrics
    pairing = "common seeds" if len(comparison.seeds) >= FEWEST else "all seeds of both rows"
    text = f"A − B is over {pairing}, with its 95 % interval"
    of_seeds = [found for found in metrics if _is_over_seeds(found)]
    if len(of_seeds) == len(metrics):
        text += " over seeds by Student's t: other days are not allowed for."
    else:
        text += " over seeds and days together."
        if of_seeds:
            text += " Metrics with * do not follow from days: their interval is over seeds, by Student's t."
    if len(metrics) > 1:
        text += (
            f" p is by Holm over the {len(metrics)} metrics, and verdicts A better and B better need p < 0.05; "
            "intervals are of each metric by itself."
        )
    else:
        text += " A better and B better need p < 0.05."
    margins: dict[float, list[str]] = {}
    for found in metrics:
        if found.margin is not None:
            margins.setdefault(found.margin, []).append(_name(found))
    within = "; ".join(f"±{margin:g} for {' and '.join(names)}" for margin, names in margins.items())
    number = sum(map(len, margins.values()))
    if number:
        text += f" Rows are equivalent if two one-sided tests reject a difference of the margin, {within}"
        text += (
            f", with p < 0.05 by Holm over these {number}."
            if number > 1
            else ": the 90 % interval is inside."
        )
    return f"{text} P(A > B) is over all pairs of a seed of A and one of B, ties half."


def source_text(comparison: Comparison) -> str:
    """Say where the uncertainty of the primary metric comes from, if seeds and days are told apart."""
    nested = comparison.primary.difference.nested
    if nested is None or nested.variance <= 0:
        return ""
    shares = (("seeds", nested.seed), ("days", nested.day), ("their interaction", nested.interaction))
    listed = ", ".join(f"{100 * share / nested.variance:.0f} % from {what}" for what, share in shares)
    return f"The variance of A − B in {_name(comparison.primary)} comes to {listed}."


def primary_title(comparison: Comparison) -> str:
    """Name the metric of the verdict in the last line."""
    return f"Verdict by {_name(comparison.primary)}:"


def comparison_markdown(comparison: Comparison) -> str:
    """Write a comparison as Markdown, which ends in the verdict of the primary metric."""
    parts = [
        heading(comparison),
        markdown_table(HEADER, comparison_lines(comparison)),
        note(comparison),
        *filter(None, [source_text(comparison)]),
        f"{primary_title(comparison)} **{comparison.primary.verdict.text}**",
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
        "paired": len(comparison.seeds) >= FEWEST,
        "reduced": {row.name: list(row.reductions) for row in (comparison.a, comparison.b)},
        "metrics": {found.metric: _plain_metric(found) for found in comparison.metrics},
        "primary": comparison.primary.metric,
        "verdict": comparison.primary.verdict.text,
    }


def estimate_text(estimate: Estimate, digits: str = "+.4f") -> str:
    """Write an estimate with its interval."""
    text = f"{estimate.value:{digits}}"
    if not estimate.is_decided:
        return f"{text} ({UNDECIDED})"
    return f"{text} [{estimate.low:{digits}}, {estimate.high:{digits}}]"


def _is_over_seeds(found: MetricComparison) -> bool:
    return found.difference.nested is None and found.difference.estimate.is_decided


def _name(found: MetricComparison) -> str:
    return COLUMNS.get(found.metric, found.metric)


def _plain_metric(found: MetricComparison) -> dict[str, Any]:
    difference, nested = found.difference, found.difference.nested
    return {
        "mean_a": difference.mean_a,
        "mean_b": difference.mean_b,
        "difference": plain_estimate(difference.estimate),
        "interval": "seeds and days" if nested is not None else "seeds" if _is_over_seeds(found) else None,
        "variance": None
        if nested is None
        else {
            "seed": nested.seed,
            "day": nested.day,
            "interaction": nested.interaction,
            "dominant": nested.dominant,
        },
        "p_value": nullable(difference.p_value),
        "p_value_holm": nullable(found.p_value),
        "equivalence_p_value_holm": nullable(found.equivalence_p_value),
        "probability_of_improvement": difference.improvement,
        "margin": found.margin,
        "verdict": found.verdict.text,
        "more_seeds": found.verdict.more_seeds,
        "more_days": found.verdict.more_days,
    }


def plain_estimate(estimate: Estimate) -> dict[str, float | None]:
    """Return an estimate as plain data."""
    return {"value": estimate.value, "low": nullable(estimate.low), "high": nullable(estimate.high)}
