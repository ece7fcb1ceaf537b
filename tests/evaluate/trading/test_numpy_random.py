from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.evaluate.trading.numpy_random import choose, start_stream


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_draws_are_numpys_after_its_seed(seed: int) -> None:
    ours, numpys = start_stream(seed), np.random.RandomState(seed)
    for size in (1, 5, 60, 0, 37) * 20:  # far beyond one key of 624 words
        population = np.arange(100, 100 + max(size, 40))
        np.testing.assert_array_equal(
            choose(population, size, ours), numpys.choice(population, size, replace=False)
        )


@pytest.mark.parametrize("size", [-1, 4])
def test_an_impossible_draw_takes_all_and_consumes_nothing(size: int) -> None:
    stream = start_stream(1)
    before = stream.copy()
    np.testing.assert_array_equal(choose(np.array([3, 1, 2]), size, stream), [3, 1, 2])
    np.testing.assert_array_equal(stream, before)


def test_the_population_is_left_alone() -> None:
    population = np.arange(10)
    choose(population, 10, start_stream(0))
    np.testing.assert_array_equal(population, np.arange(10))
