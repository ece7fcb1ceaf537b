"""The capacity of recorded scores as rows of the controls' file."""

from __future__ import annotations

import numpy as np

from lstm_bench.config.sections.backtest import PortAnalysisConfig
from lstm_bench.core.errors import DataError
from lstm_bench.evaluate.returns.risk import TRADING_DAYS_PER_YEAR
from lstm_bench.evaluate.trading.capacity import ASSETS, CapacityPoint, capacity, with_assets
from lstm_bench.evaluate.trading.quotes import place
from lstm_bench.run.controls.conventions import RecordedScores, Trading
from lstm_bench.run.controls.document import CapacityRow
from lstm_bench.statistics.days import daily_interval

__all__ = ["capacity_rows"]


def capacity_rows(
    trading: Trading, scores: RecordedScores, portfolio: PortAnalysisConfig
) -> tuple[list[CapacityRow], float]:
    """Trade on scores with assets of 10 million to 10 billion; ``portfolio`` is resolved for its region.

    Returns the rows, and the median traded value of a stock on a day, by which a reader can tell the unit of the
    data's volume. Raises ``DataError`` if the data have no volume.
    """
    quotes, bench = trading.market(scores, with_assets(portfolio, ASSETS[0]))
    placed = place(scores.values, scores.days, scores.instruments, quotes)
    points = capacity(placed, quotes, bench, portfolio, scores.seed)
    scored = ~np.isnan(placed)
    amount = (quotes.fields["close"] * quotes.fields["volume"])[scored]
    amount = amount[np.isfinite(amount) & (amount > 0)]
    if not len(amount):
        raise DataError("capacity: no scored stock has a volume")
    return [_row(point) for point in points], float(np.median(amount))


def _row(point: CapacityPoint) -> CapacityRow:
    year = TRADING_DAYS_PER_YEAR
    ratio = daily_interval(point.excess, "ratio", scale=year**0.5)
    shares = point.participation
    mean, most, highest = (
        (float(shares.mean()), float(np.quantile(shares, 0.95)), float(shares.max()))
        if len(shares)
        else (None,) * 3
    )
    return CapacityRow(
        assets=point.assets,
        information_ratio=_number(ratio.value),
        low=_number(ratio.low),
        high=_number(ratio.high),
        annualized_return=_number(float(np.nanmean(point.excess)) * year),
        cost=_number(point.cost),
        orders=len(shares) + point.without_volume,
        without_volume=point.without_volume,
        participation_mean=mean,
        participation_95=most,
        participation_max=highest,
        is_meaningful=point.is_meaningful,
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
