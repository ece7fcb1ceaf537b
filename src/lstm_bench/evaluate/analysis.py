"""The full evaluation of a score panel and of the backtest on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_bench.data.arrays import Bools, Days, Floats, Reals
from lstm_bench.evaluate.headlines import OF_PORTFOLIO, OF_SIGNAL
from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.returns.drawdown import drawdowns, worst
from lstm_bench.evaluate.returns.performance import CONVENTIONS, QLIB, performance
from lstm_bench.evaluate.returns.risk import return_series
from lstm_bench.evaluate.signal.decay import Decay, ic_decay
from lstm_bench.evaluate.signal.groups import GroupReturns, group_returns
from lstm_bench.evaluate.signal.metrics import SignalMetrics
from lstm_bench.evaluate.signal.periods import ic_by_period, ic_summary
from lstm_bench.evaluate.signal.precision import Precision, precision
from lstm_bench.evaluate.signal.stability import Stability, stability
from lstm_bench.evaluate.trading.backtest import BacktestResult
from lstm_bench.evaluate.trading.holdings import holding_statistics

__all__ = ["PortfolioAnalysis", "SignalAnalysis", "analyse_portfolio", "analyse_signal"]


@dataclass(frozen=True)
class SignalAnalysis:
    """The evaluation of scores beyond their IC."""

    days: Days  # ``[T]`` datetime64[D]
    metrics: SignalMetrics  # the daily ICs
    precision: Precision  # daily series
    groups: GroupReturns  # daily series
    stability: Stability  # daily series
    decay: Decay  # ICs with later labels

    def series(self) -> dict[str, Floats]:
        """Return the daily series other than the ICs: name -> ``[T]``."""
        precisions = {
            "long_precision": self.precision.long,
            "short_precision": self.precision.short,
            "long_precision_excess": self.precision.long_excess,
            "short_precision_excess": self.precision.short_excess,
        }
        return precisions | self.groups.series() | self.stability._asdict()

    def sections(self) -> dict[str, Any]:
        """Return ``signal``, with means over days and the share of days with an IC above 0, and ``groups``."""
        of_groups = self.groups.series()
        signal = {name: moments(each).mean for name, each in self.series().items() if name not in of_groups}
        for name in ("ic", "rank_ic"):
            known = getattr(self.metrics, name)
            known = known[~np.isnan(known)]
            signal[f"{name}_hit_rate"] = float((known > 0).mean()) if len(known) else np.nan
        return {"signal": signal, "groups": self.groups.summary()}

    def headlines(self) -> dict[str, float]:
        """Return the figures of ``headlines.OF_SIGNAL``."""
        series = self.series()
        return {headline: moments(series[name]).mean for headline, name in OF_SIGNAL.items()}

    def decay_rows(self) -> list[dict[str, float]]:
        """Return a row per lag: ``lag`` and the entries of :func:`~lstm_bench.evaluate.signal.periods.ic_summary`."""
        rows = zip(self.decay.ic, self.decay.rank_ic, strict=True)
        return [
            {"lag": lag, **ic_summary({"ic": ic, "rank_ic": rank_ic})}
            for lag, (ic, rank_ic) in enumerate(rows)
        ]

    def period_rows(self) -> list[dict[str, Any]]:
        """Return a row per year and per month, see :func:`~lstm_bench.evaluate.signal.periods.ic_by_period`."""
        return ic_by_period({"ic": self.metrics.ic, "rank_ic": self.metrics.rank_ic}, self.days)


@dataclass(frozen=True)
class PortfolioAnalysis:
    """The evaluation of a backtest.

    Attributes
    ----------
    returns : name of :func:`~lstm_bench.evaluate.returns.risk.return_series` -> sections of
        :func:`~lstm_bench.evaluate.returns.performance.performance`
    drawdowns : the worst five of each series, under both conventions: ``series``, ``accumulation``, ``rank``,
        ``depth``, ``start``, ``bottom``, ``recovery`` (datetime64[D]; NaT for a start before the first day, and
        without a recovery), ``days``
    holdings : daily, see :func:`~lstm_bench.evaluate.trading.holdings.holding_statistics`
    turnover : mean of the daily turnover, divided by the account of the day before
    """

    returns: dict[str, dict[str, dict[str, Any]]]
    drawdowns: list[dict[str, Any]]
    holdings: dict[str, Floats]
    turnover: float

    def sections(self) -> dict[str, Any]:
        """Return ``returns``, and ``holdings`` with means over days."""
        means = {name: moments(series).mean for name, series in self.holdings.items()}
        return {"returns": self.returns, "holdings": {**means, "turnover": self.turnover}}

    def headlines(self) -> dict[str, float]:
        """Return the figures of ``headlines.OF_PORTFOLIO``."""
        figures = self.returns["excess_return_with_cost"][QLIB.name]
        return {headline: figures[name] for headline, name in OF_PORTFOLIO.items()}


def analyse_signal(
    score: Reals, label: Reals, rows: Bools, days: Days, metrics: SignalMetrics
) -> SignalAnalysis:
    """Evaluate scores ``[T, N]`` beyond their IC.

    ``metrics`` are the daily ICs of the same scores.
    """
    return SignalAnalysis(
        days,
        metrics,
        precision(score, label, rows),
        group_returns(score, label, rows),
        stability(score, rows),
        ic_decay(score, label, rows),
    )


def analyse_portfolio(portfolio: BacktestResult) -> PortfolioAnalysis:
    """Evaluate a backtest's daily returns and holdings."""
    series = return_series(portfolio.report)
    return PortfolioAnalysis(
        {name: performance(returns, portfolio.days) for name, returns in series.items()},
        [row for name, returns in series.items() for row in _worst_drawdowns(name, returns, portfolio.days)],
        holding_statistics(portfolio),
        moments(portfolio.report["turnover"]).mean,
    )


def _worst_drawdowns(name: str, returns: Floats, days: Days) -> list[dict[str, Any]]:
    known = ~np.isnan(returns)
    returns, days = returns[known], days[known].astype("datetime64[D]")
    return [
        {
            "series": name,
            "accumulation": convention.accumulation,
            "rank": rank,
            "depth": drawdown.depth,
            "start": _day(days, drawdown.start),
            "bottom": days[drawdown.bottom],
            "recovery": _day(days, drawdown.recovery),
            "days": drawdown.days,
        }
        for convention in CONVENTIONS
        for rank, drawdown in enumerate(worst(drawdowns(returns, convention.accumulation)), start=1)
    ]


def _day(days: Days, position: int | None) -> np.datetime64:
    return np.datetime64("NaT") if position is None else days[position]
