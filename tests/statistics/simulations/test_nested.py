"""How often the nested interval covers, for known parts of the variance."""

from __future__ import annotations

import numpy as np
import pytest
from tests.statistics.simulations.worlds import HIGH, LOW, MIXES, RHOS, SEEDS, Mix, panel, table

from lstm_bench.statistics.estimate import FEWEST_DAYS
from lstm_bench.statistics.influence import Statistic
from lstm_bench.statistics.nested import nested_interval

pytestmark = pytest.mark.statistics

REPETITIONS = 2500
COLUMNS = tuple(f"{seeds} seeds" for seeds in SEEDS)


def coverage(mix: Mix, days: int, rho: float, statistic: Statistic = "mean") -> list[float]:
    shares = []
    for seeds in SEEDS:
        generator = np.random.default_rng(1000 * seeds + days)
        hits = 0
        for _ in range(REPETITIONS):
            # mean 10 standard errors above 0; a day's standard deviation gives the ratio
            values = 10.0 + panel(generator, mix, seeds, days, rho)
            true = 10.0
            if statistic == "ratio":
                of_day = (mix.day * days + mix.interaction * seeds * days) * (1 - rho) / (1 + rho)
                true /= np.sqrt(of_day)
            found = nested_interval(values, statistic).estimate
            hits += found.low <= true <= found.high
        shares.append(hits / REPETITIONS)
    return shares


@pytest.mark.parametrize(
    ("days", "mixes"), [(FEWEST_DAYS, ("days", "balanced")), (250, tuple(MIXES)), (871, ("balanced",))]
)
def test_the_nested_interval_covers_the_mean(days: int, mixes: tuple[str, ...]) -> None:
    lines = {
        f"mostly {name}, rho {rho}" if name != "balanced" else f"balanced, rho {rho}": coverage(
            MIXES[name], days, rho
        )
        for name in mixes
        for rho in RHOS
    }
    table(f"Coverage of the 95 % nested interval of a mean, {days} days", COLUMNS, lines)
    # few degrees of freedom of both parts make the interval of three seeds and the fewest days a little too wide
    highest = HIGH + 0.01 if days == FEWEST_DAYS else HIGH
    for shares in lines.values():
        assert all(LOW <= share <= highest for share in shares)


@pytest.mark.parametrize("days", [FEWEST_DAYS, 250])
def test_the_nested_interval_covers_a_ratio(days: int) -> None:
    lines = {f"balanced, rho {rho}": coverage(MIXES["balanced"], days, rho, "ratio") for rho in RHOS}
    table(f"Coverage of the 95 % nested interval of a ratio (as ICIR), {days} days", COLUMNS, lines)
    for shares in lines.values():
        assert all(LOW <= share <= HIGH for share in shares)
