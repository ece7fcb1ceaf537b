"""The figure of metrics by regime, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lstm_bench.evaluate.regimes import Regime, RegimeGroup
from lstm_bench.report.figures.figure import Figure, axes, axis
from lstm_bench.report.figures.traces import Trace, horizontal, points
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.statistics.estimate import FEWEST_DAYS

__all__ = ["regime_figures"]

_COLOURS: dict[RegimeGroup, str] = {
    "all": "@ink",
    "year": "@blue",
    "market": "@orange",
    "volatility": "@green",
    "liquidity": "@purple",
}
_NAMES: dict[RegimeGroup, str] = {
    "all": "all days",
    "year": "year",
    "market": "market",
    "volatility": "volatility",
    "liquidity": "liquidity",
}
_SHOWN = ("Rank IC", "1day.excess_return_with_cost.information_ratio")


def _tick(regime: Regime) -> str:
    return regime.label.replace(" ", "<br>")


def regime_figures(regimes: Sequence[Regime]) -> Iterator[Figure]:
    """Draw Rank IC and information ratio by regime, with 95 % intervals; a metric that no regime has is left out."""
    for metric in _SHOWN:
        having = [regime for regime in regimes if metric in regime.metrics]
        if not having:
            continue
        title = COLUMNS[metric]
        yield Figure(
            f"regimes_{title.lower().replace(' ', '_')}",
            f"{title} by regime",
            "Each point is the metric on some of the days, or of some of the stocks, with its 95 % interval over days "
            f"if it has {FEWEST_DAYS} days or more. An interval that contains 0 shows no signal; intervals that "
            "overlap widely do not show a difference.",
            list(_traces(having, metric)),
            axes(
                axis(
                    type="category",
                    categoryorder="array",
                    categoryarray=[_tick(one) for one in having],
                ),
                axis(title),
                shapes=[horizontal(0.0)],
            ),
            is_wide=True,
        )


def _traces(regimes: Sequence[Regime], metric: str) -> Iterator[Trace]:
    for group, colour in _COLOURS.items():
        members = [regime for regime in regimes if regime.group == group]
        if not members:
            continue
        estimates = [regime.metrics[metric] for regime in members]
        above = [one.high - one.value if one.is_decided else 0.0 for one in estimates]
        below = [one.value - one.low if one.is_decided else 0.0 for one in estimates]
        error = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
        error |= {"thickness": 1.6, "width": 5, "color": colour}
        names, values = [_tick(one) for one in members], [one.value for one in estimates]
        yield points(_NAMES[group], names, values, colour, size=9, error_y=error)
