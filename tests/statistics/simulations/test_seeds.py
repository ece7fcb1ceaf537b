"""How often the interval over seeds covers the mean, beside the percentile bootstrap that it replaced."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.statistics.simulations.worlds import HIGH, LOW, SEEDS, Floats, table

from lstm_bench.statistics.seed_interval import mean_interval

pytestmark = pytest.mark.statistics

REPETITIONS = 20_000


def test_an_interval_over_seeds_covers_the_mean() -> None:
    generator = np.random.default_rng(1)
    laws: dict[str, Callable[[tuple[int, int]], Floats]] = {
        "normal seeds": lambda shape: generator.standard_normal(shape),
        "heavy tails (t, 5)": lambda shape: np.asarray(generator.standard_t(5, shape)),
        "uniform seeds": lambda shape: generator.uniform(-1, 1, shape),
    }
    lines: dict[str, list[float]] = {}
    for name, law in laws.items():
        lines[name] = []
        for n in SEEDS:
            found = [mean_interval(values) for values in law((REPETITIONS, n))]
            lines[name].append(float(np.mean([one.low <= 0 <= one.high for one in found])))
    bootstrap = []
    for n in SEEDS:
        values = generator.standard_normal((2000, n))
        means = values @ generator.multinomial(n, np.full(n, 1 / n), 1000).T / n
        low, high = np.quantile(means, [0.025, 0.975], axis=1)
        bootstrap.append(float(np.mean((low <= 0) & (high >= 0))))
    columns = tuple(f"{n} seeds" for n in SEEDS)
    table(
        "Coverage of the 95 % interval over seeds (Student's t)",
        columns,
        lines | {"(percentiles)": bootstrap},
    )
    for name in ("normal seeds", "heavy tails (t, 5)"):
        assert all(LOW <= share <= HIGH for share in lines[name])
    # three or five seeds without any tails are covered less: no interval from three values can know their law
    assert min(lines["uniform seeds"]) > 0.915
    assert bootstrap[0] < 0.85
