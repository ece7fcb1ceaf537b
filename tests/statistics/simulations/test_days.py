"""How often the interval of a daily series covers its mean, and its ratio of mean and deviation."""

from __future__ import annotations

import numpy as np
import pytest
from tests.statistics.simulations.worlds import HIGH, LOW, RHOS, autoregressive, table

from lstm_bench.statistics.days import daily_interval
from lstm_bench.statistics.estimate import FEWEST_DAYS
from lstm_bench.statistics.influence import Statistic

pytestmark = pytest.mark.statistics

REPETITIONS = 4000
LENGTHS = (FEWEST_DAYS, 100, 140, 250, 871)
LEVEL_OF_SERIES = 0.2


@pytest.mark.parametrize("statistic", ["mean", "ratio"])
def test_a_daily_interval_covers(statistic: Statistic) -> None:
    lines: dict[str, list[float]] = {}
    for days in LENGTHS:
        lines[f"{days} days"] = []
        for rho in RHOS:
            series = LEVEL_OF_SERIES + autoregressive(np.random.default_rng(days), (REPETITIONS, days), rho)
            deviation = np.sqrt((1 - rho) / (1 + rho))
            true = LEVEL_OF_SERIES / (deviation if statistic == "ratio" else 1.0)
            found = [daily_interval(one, statistic) for one in series]
            lines[f"{days} days"].append(float(np.mean([one.low <= true <= one.high for one in found])))
    columns = tuple(f"rho {rho}" for rho in RHOS)
    table(f"Coverage of the 95 % interval of a daily series, {statistic}", columns, lines)
    for shares in lines.values():
        assert all(LOW <= share <= HIGH for share in shares)
