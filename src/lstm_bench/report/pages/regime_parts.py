"""The section of a run's metrics by regime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.evaluate.regimes import Regime, regimes
from lstm_bench.record.daily_panel import daily_panel
from lstm_bench.record.record import Record
from lstm_bench.report.figures.regimes import regime_figures
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.pages.page import Cell, Note, PageTable, Part, cell
from lstm_bench.statistics.estimate import FEWEST_DAYS, Estimate

__all__ = ["regime_parts", "regime_table"]

_FORMS = {"Annualized Return": ".2%", "Information Ratio": ".3f"}
"""Column -> digits of its figures; those of the others are four."""


def regime_parts(record: Record) -> Iterator[Part]:
    """Yield the table and the figures of a record's metrics by regime, and a note on what it lacks.

    Raises ``DataError`` if a table of the record is damaged.
    """
    if not record.has_table("ic"):
        yield Note("This record has no daily IC (ic), so that it has no regimes.", is_absence=True)
        return
    panel = daily_panel(record)
    found = regimes(panel)
    yield regime_table(found)
    yield from regime_figures(found)
    if not panel.by_liquidity:
        yield Note(
            "This record has no ICs by liquidity (ic, with columns for them): an older version wrote it, its data have "
            "no volume, or its configuration requests no backtest.",
            is_absence=True,
        )


def regime_table(regimes: Sequence[Regime]) -> PageTable:
    """Show each regime's metrics, with the 95 % interval beneath each."""
    shown = [metric for metric in MEASURES if any(metric in one.metrics for one in regimes)]
    lines = [
        [
            Cell(one.label),
            cell(one.days, ".0f"),
            *(_estimate(one.metrics.get(metric), _FORMS.get(COLUMNS[metric], ".4f")) for metric in shown),
        ]
        for one in regimes
    ]
    return PageTable(
        "regime_metrics",
        "Metrics by regime",
        ["Regime", "Days", *(COLUMNS[metric] for metric in shown)],
        lines,
        "Return and information ratio are of the excess with cost. Up are months in which the benchmark's returns sum "
        "to more than 0. Volatility is that of the benchmark on the 20 days before; liquidity is a stock's mean traded "
        "amount of 20 days. Both make three groups of equal size. Beneath each figure is its 95 % interval "
        f"over days; a regime of fewer than {FEWEST_DAYS} days has none.",
    )


def _estimate(estimate: Estimate | None, form: str) -> Cell:
    if estimate is None:
        return Cell("–")
    if not estimate.is_decided:
        return cell(estimate.value, form)
    ends = f"{cell(estimate.low, form).text} to {cell(estimate.high, form).text}"
    return cell(estimate.value, form, detail=ends)
