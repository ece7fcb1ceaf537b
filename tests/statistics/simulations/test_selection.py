"""Trials without skill: the best is rarely called significant, and the probability of overfitting is one half."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.statistics.deflated_sharpe import deflated_sharpe
from lstm_bench.statistics.overfitting import overfitting_probability

pytestmark = pytest.mark.statistics

TRIALS, DAYS = 30, 480


def trials_without_skill(
    generator: np.random.Generator, correlation: float, heavy: bool = False
) -> np.ndarray:
    """Daily returns ``[TRIALS, DAYS]`` with mean 0, and the same correlation between all pairs."""
    draw = (lambda size: generator.standard_t(5, size)) if heavy else generator.standard_normal
    own, common = draw((TRIALS, DAYS)), draw((DAYS,))
    returns: np.ndarray = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common
    return returns


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.99])
def test_the_best_of_thirty_is_significant_in_at_most_five_percent(correlation: float, heavy: bool) -> None:
    generator, studies = np.random.default_rng(0), 4000
    p_values = []
    for _ in range(studies):
        found = deflated_sharpe(trials_without_skill(generator, correlation, heavy))
        assert found is not None
        p_values.append(found.p_value)
    share = float(np.mean(np.array(p_values) <= 0.05))
    print(
        f"correlation {correlation}, heavy tails {heavy}: significant in {share:.2%} of {studies:,} studies"
    )
    assert share <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)


@pytest.mark.parametrize("ratio", [False, True])
def test_without_skill_the_probability_of_overfitting_is_one_half(ratio: bool) -> None:
    generator, studies = np.random.default_rng(1), 300
    found = [
        overfitting_probability(trials_without_skill(generator, 0.5), ratio=ratio) for _ in range(studies)
    ]
    probabilities = np.array([one.probability for one in found if one is not None])
    error = probabilities.std(ddof=1) / np.sqrt(studies)
    print(
        f"ratio {ratio}: mean {probabilities.mean():.3f} +- {error:.3f}, "
        f"standard deviation over studies {probabilities.std(ddof=1):.3f}"
    )
    assert len(probabilities) == studies
    assert abs(probabilities.mean() - 0.5) <= 3 * error


def test_a_skilled_trial_lowers_it() -> None:
    generator, lower = np.random.default_rng(2), []
    for skill in (0.0, 0.1, 0.2):
        found = []
        for _ in range(60):
            returns = trials_without_skill(generator, 0.5)
            returns[0] += skill
            one = overfitting_probability(returns)
            assert one is not None
            found.append(one.probability)
        lower.append(float(np.mean(found)))
    print("mean probability at a daily Sharpe ratio of 0, 0.1, 0.2 of one trial:", lower)
    assert lower[0] > lower[1] > lower[2]
    assert lower[2] < 0.1
