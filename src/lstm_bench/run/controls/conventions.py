"""The same scores under other conventions: how returns are accumulated, and how orders are filled and charged."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.config.sections.exchange import REGIONS
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.data.arrays import Days, Floats, Floats32
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.evaluate.returns.drawdown import Accumulation
from lstm_bench.evaluate.returns.risk import (
    COMPOUNDING_DAYS_PER_YEAR,
    TRADING_DAYS_PER_YEAR,
    compounded_risk,
    return_series,
    risk_analysis,
)
from lstm_bench.evaluate.signal.grid import ScoreGrid
from lstm_bench.evaluate.trading.backtest import BacktestResult, backtest
from lstm_bench.evaluate.trading.quotes import load_benchmark, load_quotes, place, quote_fields, quote_span
from lstm_bench.record.record import Record

__all__ = ["Convention", "Figures", "RecordedScores", "Trading", "conventions", "figures_under"]

Figures = dict[str, float]
"""``annualized_return``, ``information_ratio`` and ``max_drawdown`` of the excess return with cost."""

_LIMIT = 0.095
"""Limit rule of a configuration and a region that have none: that of China's markets."""


@dataclass(frozen=True)
class Convention:
    """One way to turn scores into figures.

    Attributes
    ----------
    name : as tables show it
    portfolio : the backtest, resolved for its region
    accumulation, days_per_year : how daily returns become figures
    is_own : whether it is the configuration's own
    """

    name: str
    portfolio: PortAnalysisConfig
    accumulation: Accumulation = "summed"
    days_per_year: float = TRADING_DAYS_PER_YEAR
    is_own: bool = False

    def figures(self, excess: Floats) -> Figures:
        """Return the figures of daily excess returns ``[T]``."""
        risk = risk_analysis if self.accumulation == "summed" else compounded_risk
        found = risk(excess, self.days_per_year)
        return {name: found[name] for name in ("annualized_return", "information_ratio", "max_drawdown")}


def conventions(config: ResolvedRun, fields: Collection[str]) -> tuple[Convention, ...]:
    """Return the configuration's own convention and those that differ from it in one respect; none without a backtest.

    With another deal price than close and open, both are compared. ``fields`` are those of the data: a price that they
    lack is left out.
    """
    if config.portfolio_analysis is None:
        return ()
    own = resolve(config.portfolio_analysis, config.qlib_init.region)
    exchange = own.backtest.exchange_kwargs
    found = [Convention("own: summed, 238 days", own, is_own=True)]
    for accumulation, days in _ACCUMULATIONS:
        found.append(Convention(f"{accumulation}, {days} days", own, accumulation, days))
    for price in ("close", "open"):
        if exchange.deal_price != price and price in fields:
            found.append(Convention(f"deal price {price}", _with_exchange(own, deal_price=price)))
    if exchange.limit_threshold is None:
        limit = REGIONS[config.qlib_init.region].limit_threshold or _LIMIT
        found.append(Convention(f"limit rule on, {limit:g}", _with_exchange(own, limit_threshold=limit)))
    else:
        found.append(Convention("limit rule off", _with_exchange(own, limit_threshold=None)))
    for factor in (0, 2):
        costs = {name: getattr(exchange, name) * factor for name in _COSTS}
        found.append(Convention(f"costs × {factor}", _with_exchange(own, **costs)))
    return tuple(found)


_ACCUMULATIONS: tuple[tuple[Accumulation, int], ...] = (
    ("summed", COMPOUNDING_DAYS_PER_YEAR),
    ("compounded", TRADING_DAYS_PER_YEAR),
    ("compounded", COMPOUNDING_DAYS_PER_YEAR),
)
_COSTS = ("open_cost", "close_cost", "min_cost", "impact_cost")


def _with_exchange(config: PortAnalysisConfig, **changed: Any) -> PortAnalysisConfig:
    exchange = config.backtest.exchange_kwargs.model_copy(update=changed)
    backtest_section = config.backtest.model_copy(update={"exchange_kwargs": exchange})
    return config.model_copy(update={"backtest": backtest_section})


@dataclass(frozen=True, eq=False)
class RecordedScores:
    """The scores of a record, ``[T, N]`` float32 on ``days`` and ``instruments``."""

    values: Floats32
    days: Days
    instruments: tuple[str, ...]
    seed: int

    @classmethod
    def of(cls, record: Record) -> RecordedScores:
        """Read the scores of a record. Raises ``DataError`` if it has none."""
        grid = ScoreGrid.of({"pred": record.table("pred")["score"]})
        return cls(
            grid.values[0].astype(np.float32), grid.days, grid.instruments, int(record.provenance()["seed"])
        )


class Trading:
    """Backtests of recorded scores on one data folder. Quotes of the same fields, days and stocks are read once."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.fields = provider.fields
        self._quotes: dict[object, tuple[Panel, npt.NDArray[np.float32]]] = {}

    def market(self, scores: RecordedScores, portfolio: PortAnalysisConfig) -> tuple[Panel, Floats32]:
        """Return the quotes and the benchmark's returns for a backtest. Raises ``DataError`` if the data lack them."""
        span = quote_span(self._provider, portfolio, scores.days)
        exchange, benchmark = portfolio.backtest.exchange_kwargs, portfolio.backtest.benchmark
        section = exchange.codes, exchange.start_time, exchange.end_time, tuple(portfolio.backtest.holdings)
        key = quote_fields(portfolio), span, scores.instruments, repr(section), repr(benchmark)
        if key not in self._quotes:
            self._quotes[key] = (
                load_quotes(self._provider, portfolio, *span, scores.instruments),
                load_benchmark(self._provider, benchmark, *span),
            )
        return self._quotes[key]

    def trade(self, scores: RecordedScores, portfolio: PortAnalysisConfig) -> BacktestResult:
        """Trade on scores."""
        quotes, bench = self.market(scores, portfolio)
        placed = place(scores.values, scores.days, scores.instruments, quotes)
        return backtest(placed, quotes, bench, portfolio, scores.seed)


def figures_under(
    trading: Trading, scores: RecordedScores, under: tuple[Convention, ...]
) -> Iterator[tuple[Convention, Figures]]:
    """Yield each convention with the figures of the scores; conventions with the same backtest share it."""
    excess: dict[int, Floats] = {}
    for convention in under:
        key = id(convention.portfolio)
        if key not in excess:
            report = trading.trade(scores, convention.portfolio).report
            excess[key] = return_series(report)["excess_return_with_cost"]
        yield convention, convention.figures(excess[key])
