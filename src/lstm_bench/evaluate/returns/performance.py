"""Performance of daily returns, summed and compounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_bench.core.errors import InputError
from lstm_bench.data.arrays import Days, Floats
from lstm_bench.evaluate.moments import scaled
from lstm_bench.evaluate.returns.drawdown import Accumulation, below_high, drawdowns
from lstm_bench.evaluate.returns.growth import growth, log_growth, reinvested
from lstm_bench.evaluate.returns.risk import (
    COMPOUNDING_DAYS_PER_YEAR,
    TRADING_DAYS_PER_YEAR,
    compounded_risk,
    risk_analysis,
)
from lstm_bench.evaluate.returns.tail import tail_risk

__all__ = ["CONVENTIONS", "QLIB", "Convention", "performance"]


@dataclass(frozen=True)
class Convention:
    """A convention for accumulating daily returns."""

    name: str  # name of its section
    accumulation: Accumulation  # ``summed`` or ``compounded``
    scaler: float  # trading days per year
    risk: Callable[[Floats, float], dict[str, float]]  # the five measures of its risk analysis

    def total(self, returns: Floats) -> float:
        """Return over all days; infinite if it overflows."""
        with np.errstate(over="ignore"):
            if self.accumulation == "summed":
                return float(returns.sum())
            return growth(log_growth(returns).sum())

    def deviation_below(self, returns: Floats) -> float:
        """Downside deviation: the root of the mean, over all days, of the squared returns below 0."""
        losses = np.minimum(returns if self.accumulation == "summed" else log_growth(returns), 0)
        if not np.isfinite(losses).all():
            return np.nan
        losses, exponent = scaled(losses)
        return float(np.ldexp(np.sqrt(np.square(losses).mean()), exponent))


QLIB = Convention("summed_238", "summed", TRADING_DAYS_PER_YEAR, risk_analysis)

CONVENTIONS = (QLIB, Convention("compounded_252", "compounded", COMPOUNDING_DAYS_PER_YEAR, compounded_risk))
"""Qlib's convention, and that of most other reports."""


def performance(returns: Floats, days: Days) -> dict[str, dict[str, Any]]:
    """Measures of daily returns.

    Raises InputError if ``returns`` is not one daily series on ``days``.

    Parameters
    ----------
    returns : ``[T]`` float64, fractions; NaN days are left out
    days : ``[T]`` datetime64[D]

    Returns
    -------
    dict
        ``summed_238`` and ``compounded_252``, each with the measures of
        :func:`~lstm_bench.evaluate.returns.risk.risk_analysis` or
        :func:`~lstm_bench.evaluate.returns.risk.compounded_risk`, and

        - ``total_return``; compounded, it stays -1 after a day that loses everything;
        - ``sortino_ratio``: ``mean`` divided by the downside deviation (of log returns, if compounded), times
          ``sqrt(scaler)`` (Sortino and Price 1994, with a target of 0);
        - ``calmar_ratio``: ``annualized_return`` divided by the depth of ``max_drawdown`` (Young 1991, over all days);
        - ``hit_rate_month``: share of months whose return is above 0;
        - ``longest_drawdown_days``, and ``current_drawdown_days`` and ``current_drawdown`` (its depth on the last day),
          both 0 at a high.

        ``daily`` with ``days`` (how many), ``hit_rate`` (share of days above 0), ``best_day`` and ``worst_day`` with
        their dates as ISO texts, and the measures of :func:`~lstm_bench.evaluate.returns.tail.tail_risk`.

        A ratio is NaN without a loss to divide by, and after a day that loses everything. All measures are NaN without
        days.
    """
    if returns.ndim != 1 or returns.shape != days.shape:
        raise InputError(f"returns: got the shape {returns.shape}, expected one daily series [{len(days)}]")
    known = ~np.isnan(returns)
    returns, days = returns[known], days[known]
    sections = {convention.name: _section(returns, days, convention) for convention in CONVENTIONS}
    return sections | {"daily": _daily(returns, days)}


def _section(returns: Floats, days: Days, convention: Convention) -> dict[str, float]:
    risk = convention.risk(returns, convention.scaler)
    if not np.isfinite(risk["mean"]):
        return risk | dict.fromkeys(
            (
                *("total_return", "sortino_ratio", "calmar_ratio", "hit_rate_month"),
                *("longest_drawdown_days", "current_drawdown_days", "current_drawdown"),
            ),
            np.nan,
        )
    lived = returns if convention.accumulation == "summed" else reinvested(returns)
    is_lost = convention.accumulation == "compounded" and bool(lived.min() <= -1)
    downside, deepest = convention.deviation_below(lived), -risk["max_drawdown"]
    months = np.split(lived, np.flatnonzero(np.diff(days.astype("datetime64[M]").astype(np.int64))) + 1)
    return risk | {
        "total_return": convention.total(lived),
        "sortino_ratio": risk["mean"] / downside * convention.scaler**0.5 if downside > 0 else np.nan,
        "calmar_ratio": risk["annualized_return"] / deepest if deepest > 0 and not is_lost else np.nan,
        "hit_rate_month": float(np.mean([convention.total(month) > 0 for month in months])),
        **_durations(lived, convention.accumulation),
    }


def _durations(returns: Floats, accumulation: Accumulation) -> dict[str, float]:
    found = drawdowns(returns, accumulation)
    current = found[-1] if found and found[-1].recovery is None else None
    return {
        "longest_drawdown_days": float(max((drawdown.days for drawdown in found), default=0)),
        "current_drawdown_days": float(current.days) if current else 0.0,
        "current_drawdown": float(below_high(returns, accumulation)[-1]),
    }


def _daily(returns: Floats, days: Days) -> dict[str, Any]:
    ends: dict[str, Any] = {}
    for name, pick in (("best_day", np.argmax), ("worst_day", np.argmin)):
        at = int(pick(returns)) if len(returns) else None
        ends[name] = np.nan if at is None else float(returns[at])
        ends[f"{name}_date"] = None if at is None else str(days[at].astype("datetime64[D]"))
    hit_rate = float((returns > 0).mean()) if len(returns) else np.nan
    return {"days": len(returns), "hit_rate": hit_rate, **ends, **tail_risk(returns)}
