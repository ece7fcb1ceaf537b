"""What each signal plants, recomputed from the bars: correlations of a day's stocks with their label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.synthetic import parse_signal
from lstm_bench.data.synthetic_signal import SIGNALS, USUAL_SPREAD, SignalName
from lstm_bench.data.synthetic_trading import Tape, trade

Panel = Any

STOCKS, DAYS = 60, 1600


def tape_of(signal: SignalName) -> Tape:
    return trade(STOCKS, DAYS, np.random.Generator(np.random.PCG64(4)), signal)


def mean_of(values: Panel, days: int) -> Panel:
    """Exponential mean of each column, which skips NaN; the first value is its start."""
    out = np.full_like(values, np.nan)
    state = np.full(values.shape[1], np.nan)
    for t, row in enumerate(values):
        known = np.isfinite(row)
        state = np.where(np.isnan(state), row, np.where(known, state + (row - state) / days, state))
        out[t] = state
    return out


class Bars:
    """Past moves and labels of a tape, ``[T, N]``."""

    def __init__(self, tape: Tape) -> None:
        traded = tape.close > 0
        close = np.log(np.where(traded, tape.close * tape.factor.astype(np.float64), np.nan))
        variance = mean_of(tape.change.astype(np.float64) ** 2, 20)
        self.spread = np.sqrt(np.maximum(variance, 1e-6))
        self.move = close - mean_of(close, 5)
        self.quarter = close - mean_of(close, 60)
        self.trend = mean_of(close, 20) - mean_of(close, 60)
        self.label = np.full_like(close, np.nan)
        self.label[:-2] = tape.change[2:]

    def linear(self) -> Panel:
        return -self.quarter * self.spread

    def product(self) -> Panel:
        return -np.tanh(self.move / self.spread) * np.tanh(self.trend / (2 * self.spread))

    def ic(self, factor: Panel) -> tuple[float, float]:
        """Return the mean daily correlation with the label after 100 days, and its standard error."""
        found = []
        for x, y in zip(factor[100:], self.label[100:], strict=True):
            known = np.isfinite(x) & np.isfinite(y)
            if known.sum() > 10:
                found.append(np.corrcoef(x[known], y[known])[0, 1])
        return float(np.mean(found)), float(np.std(found) / np.sqrt(len(found)))


@pytest.fixture(scope="module")
def bars() -> dict[SignalName, Bars]:
    return {name: Bars(tape_of(name)) for name in SIGNALS}


def test_the_linear_signal_is_the_reversal_of_a_quarter(bars: dict[SignalName, Bars]) -> None:
    mean, error = bars["linear"].ic(bars["linear"].linear())
    assert mean > 0.03
    assert mean > 6 * error
    assert abs(bars["linear"].ic(bars["linear"].product())[0]) < mean / 3


def test_the_nonlinear_signal_is_the_product_of_moves_that_tell_little_alone(
    bars: dict[SignalName, Bars],
) -> None:
    found = bars["nonlinear"]
    mean, error = found.ic(found.product())
    assert mean > 0.1
    assert mean > 12 * error
    for alone in (found.move, found.trend, found.linear()):
        assert abs(found.ic(alone)[0]) < mean / 3


def test_none_plants_nothing(bars: dict[SignalName, Bars]) -> None:
    found = bars["none"]
    for factor in (found.move, found.trend, found.linear(), found.product(), found.spread):
        mean, error = found.ic(factor)
        assert abs(mean) < 4 * error


def test_the_usual_market_has_the_mixed_one(bars: dict[SignalName, Bars]) -> None:
    calm = -np.tanh(2 * np.log(bars["mixed"].spread / USUAL_SPREAD))
    mean, error = bars["mixed"].ic(calm)
    assert mean > 4 * error


def test_prices_stay_sane_under_every_signal() -> None:
    for name in SIGNALS:
        tape = tape_of(name)
        worth = tape.close * tape.factor
        assert worth[-1].max() < 1e3 * worth[0].max()


def test_signals_have_names() -> None:
    assert [parse_signal(name) for name in SIGNALS] == list(SIGNALS)
    with pytest.raises(DataError, match="signal: got 'liner'; did you mean 'linear'"):
        parse_signal("liner")
