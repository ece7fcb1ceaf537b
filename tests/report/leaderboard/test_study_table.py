"""A study's leaderboard as numbers."""

from __future__ import annotations

from math import isnan, nan

import pytest

from lstm_bench.report.leaderboard.study_table import mean_and_std


def test_runs_without_a_value_do_not_count() -> None:
    mean, std = mean_and_std("IC", [{"IC": 1.0}, {"IC": nan}, {"ICIR": 5.0}, {"IC": 2.0}])
    assert mean == 1.5
    assert std == pytest.approx(0.5**0.5)
    mean, std = mean_and_std("IC", [{"IC": 1.0}, {"IC": nan}])
    assert mean == 1.0
    assert isnan(std)
    assert all(map(isnan, mean_and_std("IC", [{"IC": nan}] * 3)))
