"""How often two equal rows are called different."""

from __future__ import annotations

import numpy as np
import pytest
from tests.statistics.simulations.worlds import MIXES, SEEDS, autoregressive, panel, table

from lstm_bench.statistics.nested import nested_difference
from lstm_bench.statistics.verdict import verdict

pytestmark = pytest.mark.statistics

REPETITIONS = 2500
DAYS = 250


def _called_different(mix: str, seeds: tuple[int, int], *, paired: bool) -> float:
    generator = np.random.default_rng(seeds)
    calls = 0
    for _ in range(REPETITIONS):
        common = autoregressive(generator, (1, DAYS), 0.2)
        a, b = (panel(generator, MIXES[mix], k, DAYS, 0.2, common) for k in seeds)
        # the days of a row that the other does not share
        a += np.sqrt(0.2 * DAYS) * autoregressive(generator, (1, DAYS), 0.2)
        names = (range(seeds[0]), range(seeds[1])) if paired else None
        calls += verdict(nested_difference(a, b, seeds=names)).word != "undecided"
    return calls / REPETITIONS


def test_equal_rows_are_rarely_called_different() -> None:
    lines: dict[str, list[float]] = {}
    for mix in ("seeds", "days", "balanced"):
        lines[f"{mix}, paired"] = [_called_different(mix, (k, k), paired=True) for k in SEEDS]
        lines[f"{mix}, unpaired"] = [_called_different(mix, (k, k), paired=False) for k in SEEDS]
    table("Equal rows called different", tuple(f"{k} and {k}" for k in SEEDS), lines)
    other = [_called_different("balanced", pair, paired=False) for pair in ((3, 20), (5, 10), (10, 20))]
    table(
        "Equal rows of different numbers of seeds called different", ("3, 20", "5, 10", "10, 20"), {"": other}
    )
    shares = np.concatenate([*lines.values(), other])
    # 5 %, and two standard errors of a share of 2,500
    assert shares.max() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / REPETITIONS)
    assert shares.mean() <= 0.05


def test_a_row_is_rarely_called_different_from_an_equal_model_without_seeds() -> None:
    shares = []
    for seeds in SEEDS:
        generator = np.random.default_rng(seeds)
        calls = 0
        for _ in range(REPETITIONS):
            common = autoregressive(generator, (1, DAYS), 0.2)
            row = panel(generator, MIXES["balanced"], seeds, DAYS, 0.2, common)
            ridge = np.sqrt(0.45 * DAYS) * (common + 0.6 * autoregressive(generator, (1, DAYS), 0.2))
            calls += verdict(nested_difference(row, ridge)).word != "undecided"
        shares.append(calls / REPETITIONS)
    table("A row called different from an equal model without seeds", tuple(map(str, SEEDS)), {"": shares})
    assert max(shares) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / REPETITIONS)
