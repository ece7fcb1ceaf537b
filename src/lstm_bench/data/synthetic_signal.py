"""The signals that the synthetic market can plant: the expected return of the day after tomorrow.

``mixed`` has a part that is nearly linear and one that is not: moves on heavy volume tend to reverse [1]_, and calm
stocks earn more than agitated ones [2]_. ``linear`` is a linear function of past returns, per unit of volatility:
the moves of a quarter tend to reverse [3]_. ``nonlinear`` is minus the product of the move of a week and the trend
before it: a move along the trend tends to reverse, and one against it to go on. It is not correlated with either, so
that a linear model of past returns sees little of it. ``none`` plants nothing.

.. [1] Campbell, Grossman, Wang (1993), Trading Volume and Serial Correlation in Stock Returns.
.. [2] Ang, Hodrick, Xing, Zhang (2006), The Cross-Section of Volatility and Expected Returns.
.. [3] De Bondt, Thaler (1985), Does the Stock Market Overreact?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_bench.data.arrays import Floats

__all__ = ["SIGNALS", "USUAL_SPREAD", "SignalName", "Situation"]

SignalName = Literal["mixed", "linear", "nonlinear", "none"]

USUAL_SPREAD = 0.022


@dataclass(frozen=True, eq=False)
class Situation:
    """Moving statistics of N stocks after a day; each is ``[N]``.

    Attributes
    ----------
    move : log close over its 5-day exponential mean
    quarter : log close over its 60-day exponential mean
    trend : 20-day exponential mean of the log close over the 60-day one, which the last days hardly affect
    volume_shock : log volume over its 20-day exponential mean
    spread : daily volatility, 20-day exponential
    """

    move: Floats
    quarter: Floats
    trend: Floats
    volume_shock: Floats
    spread: Floats


@dataclass(frozen=True)
class Signal:
    """A planted signal.

    Attributes
    ----------
    strength : standard deviations of a stock's own noise per unit of the signal
    expected : the expected return ``[N]``, up to a constant
    """

    strength: float
    expected: Callable[[Situation], Floats]


def _mixed(now: Situation) -> Floats:
    reversal: Floats = -np.tanh(now.move / now.spread) / (1 + np.exp(-3 * now.volume_shock))
    calm: Floats = -np.tanh(2 * np.log(now.spread / USUAL_SPREAD))
    return reversal + 1.2 * calm


def _linear(now: Situation) -> Floats:
    # in units of the stock's own volatility, since ranks of returns depend on it
    return -now.quarter / (4 * USUAL_SPREAD) * now.spread / USUAL_SPREAD


def _nonlinear(now: Situation) -> Floats:
    product: Floats = -np.tanh(now.move / now.spread) * np.tanh(now.trend / (2 * now.spread))
    return product


SIGNALS: Mapping[SignalName, Signal] = {
    "mixed": Signal(0.17, _mixed),
    "linear": Signal(0.06, _linear),
    "nonlinear": Signal(0.45, _nonlinear),
    "none": Signal(0.0, lambda now: np.zeros_like(now.move)),
}
