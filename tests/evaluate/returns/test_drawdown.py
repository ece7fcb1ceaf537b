from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.evaluate.returns.drawdown import Accumulation, Drawdown, below_high, drawdowns, worst
from lstm_bench.evaluate.returns.risk import compounded_risk, risk_analysis

ACCUMULATIONS = get_args(Accumulation)
RETURNS = st.lists(st.sampled_from([-0.04, -0.01, 0.0, 0.01, 0.02, 0.05]), min_size=1, max_size=40)


def test_by_hand() -> None:
    # the sum: 1, 3, 2, 1, 3, 4, 2, 3
    returns = np.array([1.0, 2.0, -1.0, -1.0, 2.0, 1.0, -2.0, 1.0])
    assert drawdowns(returns, "summed") == [
        Drawdown(start=1, bottom=3, recovery=4, depth=-2.0, days=2),
        Drawdown(start=5, bottom=6, recovery=None, depth=-2.0, days=2),
    ]


def test_compounded_depth_is_a_share_of_the_high() -> None:
    (found,) = drawdowns(np.array([1.0, -0.5, -0.5, 1.0]), "compounded")
    assert found == Drawdown(start=0, bottom=2, recovery=None, depth=-0.75, days=3)


@pytest.mark.parametrize("accumulation", ACCUMULATIONS)
@given(returns=RETURNS)
@settings(max_examples=60)
def test_they_are_the_days_below_the_high(accumulation: Accumulation, returns: list[float]) -> None:
    values = np.array(returns)
    below = below_high(values, accumulation)
    found = drawdowns(values, accumulation)
    covered = [t for one in found for t in range(first_day(one), first_day(one) + one.days)]
    assert covered == np.flatnonzero(below < 0).tolist()
    for one in found:
        assert one.start is None or below[one.start] == 0
        inside = below[first_day(one) : first_day(one) + one.days]
        assert one.depth == inside.min() < 0
        assert one.bottom == first_day(one) + int(inside.argmin())
        if one.recovery is None:
            assert first_day(one) + one.days == len(values)
        else:
            assert one.recovery == first_day(one) + one.days
            assert below[one.recovery] == 0
    risk = risk_analysis(values) if accumulation == "summed" else compounded_risk(values)
    assert risk["max_drawdown"] == min((one.depth for one in found), default=0.0)


def first_day(one: Drawdown) -> int:
    return 0 if one.start is None else one.start + 1


@given(returns=RETURNS)
@settings(max_examples=40)
def test_below_the_high_is_what_the_curve_says(returns: list[float]) -> None:
    values = np.array(returns)
    curve, wealth = values.cumsum(), np.append(1.0, (1 + values).cumprod())
    np.testing.assert_array_equal(below_high(values, "summed"), curve - np.maximum.accumulate(curve))
    shares = (wealth / np.maximum.accumulate(wealth) - 1)[1:]
    np.testing.assert_allclose(below_high(values, "compounded"), shares, atol=1e-14)


def test_the_worst_come_first_and_the_earlier_of_equals() -> None:
    found = [Drawdown(i, i + 1, i + 2, depth, 1) for i, depth in enumerate([-1.0, -3.0, -1.0, -2.0])]
    assert [one.start for one in worst(found, 3)] == [1, 3, 0]
    assert len(worst(found)) == 4


@pytest.mark.parametrize("accumulation", ACCUMULATIONS)
def test_none(accumulation: Accumulation) -> None:
    assert drawdowns(np.empty(0), accumulation) == []
    assert drawdowns(np.array([0.1, 0.0, 0.1]), accumulation) == []


def test_a_loss_on_the_first_day() -> None:
    returns = np.array([-0.5, 0.25, 1.0])
    assert drawdowns(returns, "summed") == []  # the sum starts after the first day
    assert drawdowns(returns, "compounded") == [
        Drawdown(start=None, bottom=0, recovery=2, depth=-0.5, days=2)
    ]


@pytest.mark.parametrize("lost", [-1.0, -1.5])
def test_wealth_that_is_lost_stays_lost(lost: float) -> None:
    (found,) = drawdowns(np.array([0.1, lost, 0.1, -3.0]), "compounded")
    assert found == Drawdown(start=0, bottom=1, recovery=None, depth=-1.0, days=3)
