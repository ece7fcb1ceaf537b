"""How often the confidence set contains the best row."""

from __future__ import annotations

import numpy as np
import pytest
from tests.statistics.simulations.worlds import Floats, autoregressive, table

from lstm_bench.statistics.confidence_set import confidence_set

pytestmark = pytest.mark.statistics

REPETITIONS = 1500
DAYS = 250
ROWS = {"1, 1, 3, 5, 20 seeds": (1, 1, 3, 5, 20), "six of 3 seeds": (3,) * 6, "five of 10 seeds": (10,) * 5}
PARTS = {"days": (0.0005, 0.05), "seeds": (0.004, 0.01)}
"""Standard deviation of a seed, and of a row's own days."""


def _rows(
    generator: np.random.Generator, seeds: tuple[int, ...], means: Floats, part: tuple[float, float]
) -> list[Floats]:
    """Draw rows of daily ICs: days that all share, days of a row, seeds, and seeds' days."""
    common = 0.15 * autoregressive(generator, (1, DAYS), 0.2)
    rows = []
    for k, mean in zip(seeds, means, strict=True):
        row = mean + common + part[1] * autoregressive(generator, (1, DAYS), 0.2)
        if k > 1:
            row = row + part[0] * generator.standard_normal((k, 1))
            row = row + 0.03 * autoregressive(generator, (k, DAYS), 0.2)
        rows.append(row)
    return rows


@pytest.mark.parametrize("name", list(ROWS))
def test_the_set_contains_the_best(name: str) -> None:
    seeds = ROWS[name]
    generator = np.random.default_rng(len(name))
    lines: dict[str, list[float]] = {}
    for part, sizes in PARTS.items():
        equal, every, best, size = 0, 0, 0, 0
        for _ in range(REPETITIONS):
            inside = confidence_set(_rows(generator, seeds, np.full(len(seeds), 0.04), sizes))
            equal += inside[0]
            every += all(inside)
            means = np.full(len(seeds), 0.04)
            means[: len(seeds) // 2] -= 0.01
            which = int(generator.integers(len(seeds)))
            means[which] = 0.041
            inside = confidence_set(_rows(generator, seeds, means, sizes))
            best += inside[which]
            size += sum(inside)
        lines[f"mostly {part}"] = [one / REPETITIONS for one in (equal, every, best, size / len(seeds))]
    table(
        f"Confidence set at 90 %, {name}",
        ("one of equal", "all equal", "the best", "rows in it"),
        lines,
    )
    for equal_share, _, best_share, kept in lines.values():
        assert min(equal_share, best_share) >= 0.90
        assert kept < 0.97, "the set leaves rows out"
