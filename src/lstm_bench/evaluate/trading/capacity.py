"""Capacity: what remains of a backtest's return as its assets grow and its orders move the market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_bench.config.sections.backtest import PortAnalysisConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Floats, Floats32, Reals
from lstm_bench.data.panel import Panel
from lstm_bench.evaluate.returns.risk import TRADING_DAYS_PER_YEAR, return_series
from lstm_bench.evaluate.trading.backtest import BacktestResult, backtest

__all__ = [
    "ASSETS", "IMPACT_COST", "PARTICIPATION_LIMIT", "CapacityPoint", "capacity", "participation", "with_assets",
]  # fmt: skip

ASSETS: tuple[float, ...] = tuple(float(f"{size:.2g}") for size in np.logspace(7, 10, 7))
"""Assets in the account's currency, 10 million to 10 billion: 10, 32, 100, 320 million and so on."""

IMPACT_COST = 0.1
"""Impact cost if the configuration has none: Qlib's documentation recommends it."""

PARTICIPATION_LIMIT = 0.1
"""Share of a stock's traded value beyond which an order would not be filled at the day's price.

The backtest fills every order at that price, so figures mean nothing if many orders are larger.
"""

_LARGE_ORDERS = 0.05


@dataclass(frozen=True, eq=False)
class CapacityPoint:
    """A backtest with some assets.

    Attributes
    ----------
    assets : the account's first cash
    excess : ``[D]``, daily return in excess of the benchmark, after cost and impact
    cost : cost and impact of a year, as a share of the account
    participation : ``[M]``, each order's share of the day's traded value of its stock
    without_volume : number of orders on days for which the data have no volume, which ``participation`` lacks
    """

    assets: float
    excess: Floats
    cost: float
    participation: Floats
    without_volume: int

    @property
    def is_meaningful(self) -> bool:
        """Whether there are orders, and at most one in twenty exceeds :data:`PARTICIPATION_LIMIT`."""
        large = self.participation > PARTICIPATION_LIMIT
        return len(large) > 0 and bool(large.mean() <= _LARGE_ORDERS)


def with_assets(config: PortAnalysisConfig, assets: float) -> PortAnalysisConfig:
    """Return a resolved backtest that starts with cash only, and whose orders move the market.

    The impact cost is the configuration's, or :data:`IMPACT_COST` if that is 0.
    """
    section = config.backtest
    exchange = section.exchange_kwargs
    impact = exchange.impact_cost or IMPACT_COST
    changed = {"account": assets, "exchange_kwargs": exchange.model_copy(update={"impact_cost": impact})}
    return config.model_copy(update={"backtest": section.model_copy(update=changed)})


def capacity(
    score: Reals, quotes: Panel, bench: Floats32, config: PortAnalysisConfig, seed: int = 0
) -> list[CapacityPoint]:
    """Trade on the same scores with each size of :data:`ASSETS`.

    The arguments are those of :func:`~lstm_bench.evaluate.trading.backtest.backtest`; ``quotes`` also has the volume.
    Raises DataError if no stock has a volume.
    """
    volume = quotes.fields.get("volume")
    if volume is None or not (volume > 0).any():
        raise DataError(
            "capacity: the data have no volume, so that the orders' share of the market is unknown"
        )
    points = []
    for assets in ASSETS:
        result = backtest(score, quotes, bench, with_assets(config, assets), seed)
        shares = participation(result, quotes)
        known = np.isfinite(shares)
        points.append(
            CapacityPoint(
                assets,
                return_series(result.report)["excess_return_with_cost"],
                float(np.mean(result.report["cost"])) * TRADING_DAYS_PER_YEAR,
                shares[known],
                int((~known).sum()),
            )
        )
    return points


def participation(result: BacktestResult, quotes: Panel) -> Floats:
    """Return each order's share of the day's traded value of its stock; NaN if the stock has no volume that day.

    ``[M]``, by day and instrument. A stock has at most one order a day, whose amount is the change of the holding. The
    price cancels in the share.
    """
    held, D, N = result.positions, len(result.days), len(result.instruments)
    amount = np.zeros((D + 1, N))
    amount[held.day + 1, held.instrument] = held.amount
    ordered = np.abs(np.diff(amount, axis=0))
    begin = int(np.searchsorted(quotes.days, result.days[0]))
    volume = quotes.fields["volume"][begin : begin + D].astype(np.float64)
    day, stock = np.nonzero(ordered)
    traded = volume[day, stock]
    shares = np.full(len(day), np.nan)
    np.divide(ordered[day, stock], traded, out=shares, where=traded > 0)
    return shares
