"""The t test against scipy, and how many pairs it needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from lstm_bench.statistics.paired_t import (
    equivalence_p_value,
    more_pairs_to_reject,
    paired_p_value,
    paired_verdict,
)
from lstm_bench.statistics.verdict import Verdict


@pytest.mark.parametrize("n", [3, 5, 20])
def test_the_p_value_is_scipys(n: int) -> None:
    x = np.random.default_rng(n).normal(0.3, 1.0, n)
    assert paired_p_value(x) == pytest.approx(stats.ttest_1samp(x, 0.0).pvalue, rel=1e-12)


def test_what_has_no_spread_is_certain() -> None:
    assert paired_p_value([0.0, 0.0, 0.0]) == 1.0
    assert paired_p_value([0.1, 0.1, 0.1]) == 0.0
    assert np.isnan(paired_p_value([0.1, 0.2]))


def test_more_pairs_are_the_least_that_reject() -> None:
    x = np.array([0.5, -0.1, 0.2])
    more = more_pairs_to_reject(x, 0.05)
    assert more is not None
    mean, std = x.mean(), x.std(ddof=1)
    for n, rejects in ((3 + more, True), (3 + more - 1, False)):
        p = 2 * stats.t.sf(abs(mean) / (std / np.sqrt(n)), n - 1)
        assert bool(p < 0.05) is rejects
    stricter = more_pairs_to_reject(x, 0.01)
    assert stricter is not None
    assert stricter > more
    assert more_pairs_to_reject([1.0, -1.0, 0.0], 0.05) is None


def judged(differences: Sequence[float], margin: float | None = None, comparisons: int = 1) -> Verdict:
    """Judge differences whose p-values are corrected for further comparisons."""
    equivalent = np.nan if margin is None else equivalence_p_value(differences, margin)
    return paired_verdict(
        differences,
        margin=margin,
        p_value=min(1.0, comparisons * paired_p_value(differences)),
        equivalence_p_value=min(1.0, comparisons * equivalent),
    )


def test_equivalence_is_both_one_sided_tests() -> None:
    x = np.random.default_rng(0).normal(0.1, 1.0, 20)
    below, above = (
        stats.ttest_1samp(x, m, alternative=to).pvalue for m, to in ((0.5, "less"), (-0.5, "greater"))
    )
    assert equivalence_p_value(x, 0.5) == pytest.approx(max(below, above), rel=1e-12)
    assert (equivalence_p_value([0.1] * 3, 0.2), equivalence_p_value([0.2] * 3, 0.2)) == (0.0, 1.0)
    assert np.isnan(equivalence_p_value([0.1, 0.2], 1.0))


@pytest.mark.parametrize(
    ("differences", "margin", "text"),
    [
        ([0.3, 0.31, 0.32], None, "A better"),
        ([-0.3, -0.31, -0.32], None, "B better"),
        ([0.3, 0.31, 0.32], 1.0, "equivalent within 1"),
        ([0.5, -0.1, 0.2], 0.1, "undecided (needs about 9 more seeds)"),
        ([0.0, 1.0, -1.0], 0.1, "undecided (more seeds cannot decide it)"),
        ([0.5, -0.45, 0.2], None, "undecided (needs about 130 more seeds)"),
    ],
)
def test_verdicts(differences: list[float], margin: float | None, text: str) -> None:
    assert judged(differences, margin).text == text


def test_a_corrected_p_value_decides_less_and_needs_more() -> None:
    x = [0.3, 0.2, 0.25, 0.4, 0.1]
    assert judged(x).word == "A better"
    found = judged(x, comparisons=20)
    assert found.word == "undecided"
    assert found.more_seeds is not None
    assert judged(x, 0.37).word == "equivalent"
    assert judged(x, 0.37, comparisons=2).word == "A better"
