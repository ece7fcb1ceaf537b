"""Simulates the trading days of the synthetic market, with a planted signal.

One market factor, stochastic volatility, Student-t noise; volume that is persistent, heavy-tailed and grows
with the size of the move; prices on a tick of one cent, daily limits of 10 %, yearly dividends and splits.

The return from ``t + 1`` to ``t + 2``, Qlib's usual label, contains a small multiple of a function of the
bars up to ``t``, one of :mod:`lstm_bench.data.synthetic_signal`. An LSTM that has learnt the usual one reaches a test
IC between 0.03 and 0.10, as on real data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.data.arrays import Bools, Floats, Ints
from lstm_bench.data.synthetic_signal import SIGNALS, SignalName, Situation

__all__ = ["MIN_DAYS", "MIN_STOCKS", "OVERLAPS", "PLANTED", "REENTERS", "Tape", "trade"]

MIN_STOCKS = 12
MIN_DAYS = 250

# The first stocks have one irregularity each, at a share of the calendar.
SUSPENDED, STILL, LIMITS, LISTED, SPLIT, REENTERS, OVERLAPS, DELISTED = range(8)
PLANTED = 8
_SUSPENDED_AT, _SUSPENDED_DAYS = 0.30, 70
_STILL_AT, _STILL_DAYS = 0.35, 8
_LIMITS_AT, _LIMITS_APART = 0.40, 5
_LISTED_AT = 0.45
_SPLIT_AT = 0.55
_DELISTED_AT, _FALL_DAYS = 0.90, 4

_LIMIT = 0.10
_YEAR = 240


@dataclass(frozen=True)
class Tape:
    """Bars of T days of trading in N stocks."""

    # ``[N]`` int64, day of the first bar, and the day after the last
    begin: Ints
    end: Ints
    # ``[T, N]`` int32, raw prices in cents; 0 without trade
    open: npt.NDArray[np.int32]
    high: npt.NDArray[np.int32]
    low: npt.NDArray[np.int32]
    close: npt.NDArray[np.int32]
    lots: npt.NDArray[np.int32]  # ``[T, N]`` int32, volume in lots of 100 shares
    factor: npt.NDArray[np.float32]  # ``[T, N]`` float32, adjusted over raw price, also on suspended days
    # ``[T, N]`` float32: adjusted close over the adjusted close before, minus 1; NaN on the first day and without
    # trade
    change: npt.NDArray[np.float32]
    worth: npt.NDArray[np.float32]  # ``[T, N]`` float32, market value, up to a constant


def _blank_tape(days: int, begin: Ints, end: Ints) -> Tape:
    shape = days, len(begin)
    return Tape(
        begin=begin,
        end=end,
        open=np.zeros(shape, np.int32),
        high=np.zeros(shape, np.int32),
        low=np.zeros(shape, np.int32),
        close=np.zeros(shape, np.int32),
        lots=np.zeros(shape, np.int32),
        factor=np.ones(shape, np.float32),
        change=np.full(shape, np.nan, np.float32),
        worth=np.zeros(shape, np.float32),
    )


def trade(stocks: int, days: int, rng: np.random.Generator, signal: SignalName = "mixed") -> Tape:
    """Simulate the market for ``days`` days."""
    market = _Market(stocks, days, rng, signal)
    for t in range(days):
        market.trade(t)
    return market.tape


def _student_t(u: Floats) -> Floats:
    """Quantiles of Student's t with 4 degrees of freedom, scaled to unit variance."""
    a = np.sqrt(np.clip(4 * u * (1 - u), 1e-12, 1))
    size: Floats = np.sqrt(2 * np.maximum(np.cos(np.arccos(a) / 3) / a - 1, 0))
    quantile: Floats = np.copysign(size, u - 0.5)
    return quantile


def _logistic(u: Floats) -> Floats:
    """Quantiles of the logistic distribution, scaled to unit variance."""
    u = np.clip(u, 1e-12, 1 - 1e-12)
    logit: Floats = np.log(u / (1 - u))
    return logit * (math.sqrt(3) / math.pi)


class _Market:
    """The state of N stocks between two days; every array is ``[N]``."""

    def __init__(self, stocks: int, days: int, rng: np.random.Generator, signal: SignalName) -> None:
        listing, delisting, price, shares, beta, volatility, turnover, payday = rng.random((8, stocks))
        self.days, self.rng, self.signal = days, rng, SIGNALS[signal]
        self.ordinary = np.arange(stocks) >= PLANTED
        begin = np.where(self.ordinary & (listing < 0.25), 3.2 * listing * days, 0).astype(np.int64)
        end = np.where(self.ordinary & (delisting < 0.04), (0.9 + 2 * delisting) * days, days)
        end = end.astype(np.int64)
        begin[LISTED], end[DELISTED] = int(_LISTED_AT * days), int(_DELISTED_AT * days)
        self.tape = _blank_tape(days, begin, end)
        self.close = np.rint(500 * 10**price)  # cents
        self.factor = np.ones(stocks, np.float32)
        self.shares = 10 ** (2 * shares)
        self.pause = np.zeros(stocks, np.int64)  # days of suspension left
        self.payday = (_YEAR * payday).astype(np.int64)
        self.beta = 0.6 + 0.8 * beta
        self.volatility = 0.013 + 0.004 * volatility
        self.turnover = 8 + 3 * turnover  # log lots on a usual day
        self.market_heat, self.heat, self.crowd = 0.0, np.zeros(stocks), np.zeros(stocks)
        self.mean_close = np.log(self.close)  # over 5 days
        self.monthly_mean, self.quarterly_mean = self.mean_close, self.mean_close  # over 20 and 60 days
        self.variance = self.volatility**2 + 1e-4
        self.mean_volume = self.turnover.copy()
        self.expected, self.expected_next = np.zeros(stocks), np.zeros(stocks)

    def trade(self, t: int) -> None:
        """Trade one day, record its bars, and update the expected returns."""
        noise = self.rng.random((10, len(self.close)))
        traded = self._not_suspended(t, noise[0], noise[1])
        ratio = np.where(traded, self._split(t, noise[2]), 1.0)
        reference = self.close / ratio  # the previous close, in today's shares
        highest = np.floor(reference * (1 + _LIMIT) + 0.5)
        lowest = np.maximum(np.ceil(reference * (1 - _LIMIT) - 0.5), 1)

        move = self._move(t, noise[3], noise[4], noise[5])
        close = np.clip(np.rint(reference * np.exp(move)), lowest, highest)
        gain = close / reference - 1
        self.factor = (self.factor * ratio).astype(np.float32)
        lots = self._lots(t, gain, noise[6])

        spread = np.sqrt(self.variance)
        opening = np.rint(reference * np.exp(0.4 * move + 0.4 * spread * _logistic(noise[7])))
        above = np.exp(-0.4 * spread * np.log(1 - noise[8]))
        below = np.exp(0.4 * spread * np.log(1 - noise[9]))
        opening = np.clip(opening, lowest, highest)
        high = np.minimum(np.rint(np.maximum(opening, close) * above), highest)
        low = np.maximum(np.rint(np.minimum(opening, close) * below), lowest)
        stuck = np.abs(move) > 2 * _LIMIT  # at the limit from open to close

        tape = self.tape
        tape.close[t] = np.where(traded, close, 0)
        tape.lots[t] = np.where(traded, lots, 0)
        for prices, price in ((tape.open, opening), (tape.high, high), (tape.low, low)):
            prices[t] = np.where(traded, np.where(stuck, close, price), 0)
        tape.change[t] = np.where(traded & (t > tape.begin), gain, np.nan)
        tape.factor[t] = self.factor
        self.close = np.where(traded, close, self.close)
        tape.worth[t] = self.shares * self.factor * self.close
        self._update_statistics(traded, gain, lots)

    def _not_suspended(self, t: int, u: Floats, v: Floats) -> Bools:
        """Count down suspensions and begin new ones. A stock always trades on its first and last day."""
        begin, end = self.tape.begin, self.tape.end
        self.pause = np.maximum(self.pause - 1, 0)
        begins = self.ordinary & (self.pause == 0) & (u < 0.003)
        self.pause = np.where(begins, (2 / (v + 0.02)).astype(np.int64), self.pause)
        if t == int(_SUSPENDED_AT * self.days):
            self.pause[SUSPENDED] = _SUSPENDED_DAYS
        traded: Bools = (begin <= t) & (t < end) & ((self.pause == 0) | (t == begin) | (t == end - 1))
        return traded

    def _split(self, t: int, u: Floats) -> Floats:
        """Shares held tonight per share held last night: a dividend reinvested, a split or its reverse."""
        due = self.ordinary & ((t - self.payday) % _YEAR == 0) & (t > self.tape.begin)
        ratio = np.where(self.close > 6000, 2.0, np.where(self.close < 300, 0.5, 1 + 0.04 * u))
        ratio = np.where(due, ratio, 1.0)
        if t == int(_SPLIT_AT * self.days):
            ratio[SPLIT] = 2.0
        return ratio

    def _move(self, t: int, u_heat: Floats, u_move: Floats, u_market: Floats) -> Floats:
        """Log returns before ticks and limits: the market's, the stock's own, and the signal."""
        self.market_heat = 0.97 * self.market_heat + 0.12 * float(_logistic(u_market[:1])[0])
        self.heat = 0.95 * self.heat + 0.2 * _logistic(u_heat)
        market = 0.011 * np.exp(self.market_heat) * float(_student_t(u_market[1:2])[0])
        idiosyncratic = self.volatility * np.exp(self.heat) * _student_t(u_move)
        move: Floats = (
            self.beta * market + idiosyncratic + self.signal.strength * self.volatility * self.expected
        )
        if 0 <= t - int(_STILL_AT * self.days) < _STILL_DAYS:
            move[STILL] = 0.0
        limit_up = int(_LIMITS_AT * self.days)
        if t in (limit_up, limit_up + _LIMITS_APART):
            move[LIMITS] = 0.3 if t == limit_up else -0.3
        if self._falls(t):
            move[DELISTED] = -0.06
        return move

    def _lots(self, t: int, gain: Floats, u: Floats) -> Floats:
        """Volume, from a stock's usual turnover, its crowding, and the size of the day's move."""
        self.crowd = 0.85 * self.crowd + 0.35 * _logistic(u)
        size = np.minimum(np.abs(gain) / np.sqrt(self.variance), 4)
        excess = self.crowd + 0.3 * (size - 0.7)
        if self._falls(t):
            excess[DELISTED] = 2.0
        lots: Floats = np.clip(np.rint(np.exp(self.turnover + excess) * self.factor), 1, 2e9)
        return lots

    def _falls(self, t: int) -> bool:
        """Whether the stock to be delisted falls on heavy volume, which a bet on reversal buys."""
        return 0 < int(self.tape.end[DELISTED]) - t <= _FALL_DAYS

    def _update_statistics(self, traded: Bools, gain: Floats, lots: Floats) -> None:
        """Update the moving statistics with today's bars. Their signal acts the day after tomorrow."""
        log_close = np.log(self.close * self.factor)
        volume_shock = np.log(lots / self.factor) - self.mean_volume
        step = traded.astype(np.float64)
        self.mean_close = self.mean_close + step * (log_close - self.mean_close) / 5
        self.monthly_mean = self.monthly_mean + step * (log_close - self.monthly_mean) / 20
        self.quarterly_mean = self.quarterly_mean + step * (log_close - self.quarterly_mean) / 60
        self.mean_volume = self.mean_volume + step * volume_shock / 20
        self.variance = self.variance + step * (gain**2 - self.variance) / 20
        spread = np.sqrt(self.variance)
        trend = self.monthly_mean - self.quarterly_mean
        quarter = log_close - self.quarterly_mean
        now = Situation(log_close - self.mean_close, quarter, trend, volume_shock, spread)
        self.expected = self.expected_next
        self.expected_next = step * self.signal.expected(now)
