"""Ridge regression against a plain solution of the augmented least squares problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.core.errors import DataError
from lstm_bench.dataset.dataset import Dataset, SampleSet
from lstm_bench.model.baselines import flat
from lstm_bench.model.baselines.flat import flat_windows, width
from lstm_bench.model.baselines.ridge import PENALTIES, fit_ridge

MakeSamples = Callable[..., SampleSet]


def by_least_squares(rows: Any, labels: Any, weights: Any, penalty: float) -> tuple[Any, float]:
    """Minimise the same sum with a row of its own for each penalty term and a column for the intercept."""
    D = rows.shape[1]
    relative = weights / weights.sum()
    center = relative @ rows
    scale = np.mean(relative @ (rows - center) ** 2)
    root = np.sqrt(relative)[:, None]
    augmented = np.vstack([
        np.hstack([rows * root, root]),
        np.hstack([np.sqrt(penalty * scale) * np.eye(D), np.zeros((D, 1))]),
    ])  # fmt: skip
    target = np.concatenate([labels * root[:, 0], np.zeros(D)])
    found = np.linalg.lstsq(augmented, target, rcond=None)[0]
    return found[:-1], float(found[-1])


def drawn(seed: int, count: int, L: int = 3, F: int = 4) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    windows = (rng.normal(size=(count, L, F)) * rng.uniform(0.2, 5, (L, F)) + rng.normal(size=(L, F))).astype(
        np.float32
    )
    labels = windows.reshape(count, -1) @ rng.normal(size=L * F) + rng.normal(size=count) * 3 + 1
    return windows, labels


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000), penalty=st.sampled_from([1e-4, 0.03, 1.0, 50.0]), weighted=st.booleans(),
    part=st.sampled_from([7, 64, 4096]),
)  # fmt: skip
def test_it_is_the_solution_of_least_squares(
    make_samples: MakeSamples, seed: int, penalty: float, weighted: bool, part: int
) -> None:
    windows, labels = drawn(seed, 150)
    labels[::9] = np.nan
    weights = np.random.default_rng(seed + 1).uniform(0.1, 3, len(labels)) if weighted else None
    train, valid = make_samples(windows, labels), make_samples(*drawn(seed + 2, 60), "valid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat, "_PART", part)
        found = fit_ridge(train, valid, lambda _: 0.0, weights, [penalty])
        scores = found.scores(valid)
    known = ~np.isnan(labels)
    rows = windows.reshape(len(windows), -1)[known].astype(np.float64)
    relative = np.ones(int(known.sum())) if weights is None else weights[known]
    coefficients, intercept = by_least_squares(rows, labels[known], relative, penalty)
    np.testing.assert_allclose(found.coefficients, coefficients, rtol=1e-7, atol=1e-9)
    expected = flat_windows(valid, np.arange(len(valid))).astype(np.float64) @ coefficients + intercept
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    assert found.parameters == 13


def test_the_penalty_is_the_best_on_valid(make_samples: MakeSamples) -> None:
    train, valid = make_samples(*drawn(1, 40)), make_samples(*drawn(2, 500), "valid")
    reached = {}
    for penalty in PENALTIES:
        fit = fit_ridge(
            train, valid, lambda scores: -float(np.mean((scores - valid.labels) ** 2)), penalties=[penalty]
        )
        reached[penalty] = fit.valid_score
    chosen = fit_ridge(train, valid, lambda scores: -float(np.mean((scores - valid.labels) ** 2)))
    assert chosen.penalty == max(reached, key=lambda penalty: reached[penalty])
    assert chosen.valid_score == pytest.approx(max(reached.values()), rel=1e-6)
    assert sorted(PENALTIES, reverse=True) == list(PENALTIES)
    assert fit_ridge(train, valid, lambda _: np.nan).penalty == PENALTIES[0]  # undecided: the simplest one


def test_a_missing_value_counts_as_the_mean(make_samples: MakeSamples) -> None:
    windows, labels = drawn(5, 200)
    windows[::7, 1, 2] = np.nan
    found = fit_ridge(
        make_samples(windows, labels), make_samples(windows, labels), lambda _: 0.0, None, [0.1]
    )
    filled = windows.copy()
    filled[::7, 1, 2] = np.nanmean(windows[:, 1, 2].astype(np.float64))
    rows = filled.reshape(len(filled), -1).astype(np.float64)
    coefficients, _ = by_least_squares(rows, labels, np.ones(200), 0.1)
    np.testing.assert_allclose(found.coefficients, coefficients, rtol=1e-5, atol=1e-6)
    assert np.isfinite(found.scores(make_samples(windows, labels))).all()


def test_what_cannot_be_learned_is_refused(make_samples: MakeSamples) -> None:
    windows, labels = drawn(1, 20)
    valid = make_samples(windows, labels)
    with pytest.raises(DataError, match="got 1 sample of train with one"):
        fit_ridge(make_samples(windows, [1.0] + [np.nan] * 19), valid, lambda _: 0.0)
    with pytest.raises(DataError, match="are constant on train"):
        fit_ridge(make_samples(np.ones_like(windows), labels), valid, lambda _: 0.0)


@pytest.mark.parametrize("name", ["workflow158", "workflow360"])
def test_rows_are_the_windows_of_the_dataset(
    request: pytest.FixtureRequest, provider: Any, name: str
) -> None:
    from lstm_bench.dataset.build import build_dataset

    dataset: Dataset = build_dataset(request.getfixturevalue(name), provider)
    samples = dataset.samples("test", "infer")
    _, windows, _ = dataset.windows("test", "infer")
    rows = flat_windows(samples, np.arange(len(samples)))
    assert rows.shape[1] == width(samples)
    np.testing.assert_array_equal(rows, windows.reshape(len(samples), -1))
