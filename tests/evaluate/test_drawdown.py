from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.evaluate.drawdown import Accumulation, Drawdown, drawdowns, worst
from lstm_bench.evaluate.risk import compounded_risk, risk_analysis

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
@settings(max_examples=60, deadline=None)
def test_they_are_the_days_below_the_high(accumulation: Accumulation, returns: list[float]) -> None:
    values = np.array(returns)
    curve = values.cumsum() if accumulation == "summed" else (1 + values).cumprod()
    found = drawdowns(values, accumulation)
    below = [t for t in range(len(curve)) if curve[t] < curve[: t + 1].max()]
    covered = [t for one in found for t in range(one.start + 1, one.start + 1 + one.days)]
    assert covered == below
    for one in found:
        high = curve[one.start]
        assert high == curve[: one.start + 1].max()
        inside = curve[one.start + 1 : one.start + 1 + one.days]
        assert (inside < high).all()
        fall = inside - high if accumulation == "summed" else inside / high - 1
        assert one.depth == fall.min() < 0
        assert one.bottom == one.start + 1 + int(fall.argmin())
        if one.recovery is None:
            assert one.start + one.days == len(values) - 1
        else:
            assert one.recovery == one.start + one.days + 1
            assert curve[one.recovery] >= high
    risk = risk_analysis(values) if accumulation == "summed" else compounded_risk(values)
    assert risk["max_drawdown"] == min((one.depth for one in found), default=0.0)


def test_the_worst_come_first_and_the_earlier_of_equals() -> None:
    found = [Drawdown(i, i + 1, i + 2, depth, 1) for i, depth in enumerate([-1.0, -3.0, -1.0, -2.0])]
    assert [one.start for one in worst(found, 3)] == [1, 3, 0]
    assert len(worst(found)) == 4


@pytest.mark.parametrize("accumulation", ACCUMULATIONS)
def test_none(accumulation: Accumulation) -> None:
    assert drawdowns(np.empty(0), accumulation) == []
    assert drawdowns(np.array([-0.5]), accumulation) == []  # the curve starts after the first day
    assert drawdowns(np.array([0.1, 0.0, 0.1]), accumulation) == []


def test_wealth_that_is_lost_has_none() -> None:
    assert drawdowns(np.array([0.1, -1.0, 0.1]), "compounded") == []
