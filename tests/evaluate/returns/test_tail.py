from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lstm_bench.evaluate.returns.tail import tail_risk


def test_by_a_plain_loop() -> None:
    returns = np.random.default_rng(0).standard_t(4, 251) * 0.01
    ordered = sorted(returns.tolist())
    tail = tail_risk(returns)
    for level, share in (("95", 0.05), ("99", 0.01)):
        place = share * (len(ordered) - 1)
        low = int(place)
        value = ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])
        assert tail[f"var_{level}"] == pytest.approx(value)
        below = [one for one in ordered if one <= value]
        assert tail[f"cvar_{level}"] == pytest.approx(sum(below) / len(below))
    assert tail["skew"] == pytest.approx(stats.skew(returns, bias=False))
    assert tail["kurtosis"] == pytest.approx(stats.kurtosis(returns, bias=False))


@given(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=60))
@settings(max_examples=50)
def test_the_further_tail_is_the_worse(returns: list[float]) -> None:
    tail = tail_risk(np.array(returns))
    rounding = 1e-15
    assert min(returns) - rounding <= tail["cvar_99"] <= tail["var_99"] + rounding
    assert tail["var_99"] <= tail["var_95"] + rounding
    assert tail["cvar_95"] <= tail["var_95"] + rounding
    assert tail["cvar_99"] <= tail["cvar_95"] + rounding


def test_too_few_days() -> None:
    assert all(np.isnan(value) for value in tail_risk(np.empty(0)).values())
    tail = tail_risk(np.array([0.01]))
    assert tail["var_95"] == tail["cvar_99"] == 0.01
    assert np.isnan(tail["skew"])
    assert np.isnan(tail["kurtosis"])
