"""How often a race is wrong, and how many seeds it saves, over 10,000 simulated races of at most 64 pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from lstm_bench.statistics.sequence import confidence_sequence

pytestmark = pytest.mark.statistics
RACES, SEEDS = 10_000, 64
Floats = npt.NDArray[np.float64]


def races(effect: float, noise: str = "normal") -> Floats:
    """Differences ``[races, seeds]`` with a standard deviation of 1 and a mean of ``effect``."""
    rng = np.random.default_rng(0)
    size = (RACES, SEEDS)
    drawn: Floats = rng.exponential(size=size) - rng.exponential(size=size)  # two skewed rows
    if noise == "normal":
        drawn = rng.normal(size=size)
    elif noise == "heavy tails":
        drawn = rng.standard_t(5, size)
    spread = {"normal": 1.0, "heavy tails": 5 / 3, "two skewed rows": 2.0}[noise] ** 0.5
    scaled: Floats = effect + drawn / spread
    return scaled


def stopped(decided: np.ndarray) -> np.ndarray:
    """Pairs that each race used, ``[races]``."""
    return np.where(decided.any(axis=1), decided.argmax(axis=1) + 1, SEEDS)


@pytest.mark.parametrize("noise", ["normal", "heavy tails", "two skewed rows"])
def test_null_races_are_wrong_in_at_most_five_per_cent(noise: str) -> None:
    lows, highs = confidence_sequence(races(0.0, noise))
    wrong = ((lows > 0) | (highs < 0)).any(axis=1).mean()
    print(f"\nnull races, {noise}: wrong {wrong:.2%}")
    assert wrong <= 0.05


@pytest.mark.parametrize("effect", [0.5, 1.0, 2.0])
def test_a_race_saves_seeds(effect: float) -> None:
    lows, highs = confidence_sequence(races(effect))
    for_a, for_b = lows > 0, highs < 0
    used = stopped(for_a | for_b).mean()
    wrong = (stopped(for_b) < stopped(for_a)).mean()
    right = for_a.any(axis=1).mean()
    figures = f"{used:.1f} of {SEEDS} pairs used, right {right:.2%}, wrong {wrong:.2%}"
    print(f"\neffect of {effect} standard deviations: {figures}")
    assert wrong <= 0.05
    if effect >= 1:
        assert right > 0.99
        assert used <= SEEDS / 2


@pytest.mark.parametrize("margin", [0.25, 0.5, 1.0])
def test_a_difference_of_the_margin_is_equivalent_in_at_most_five_per_cent(margin: float) -> None:
    lows, highs = confidence_sequence(races(margin))
    wrong = ((lows > -margin) & (highs < margin)).any(axis=1).mean()
    print(f"\ndifference at a margin of {margin} standard deviations: called equivalent {wrong:.2%}")
    assert wrong <= 0.05


@pytest.mark.parametrize(("margin", "least"), [(0.5, 0.5), (1.0, 0.99)])
def test_equal_rows_are_found_equivalent(margin: float, least: float) -> None:
    lows, highs = confidence_sequence(races(0.0))
    equivalent = (lows > -margin) & (highs < margin)
    used = stopped(equivalent | (lows > 0) | (highs < 0)).mean()
    found = equivalent.any(axis=1).mean()
    print(f"\nequal rows, margin {margin} standard deviations: equivalent {found:.2%}, {used:.1f} pairs used")
    assert found >= least


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_the_sequence_covers_the_mean_at_all_times(effect: float) -> None:
    lows, highs = confidence_sequence(races(effect))
    covered = ((lows <= effect) & (effect <= highs)).all(axis=1).mean()
    print(f"\neffect {effect}: mean covered at all of {SEEDS} pairs {covered:.2%}")
    assert covered >= 0.95
