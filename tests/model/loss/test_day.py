"""Losses of whole days against plain loops, torch's numerical gradients and what must not change them."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.model.loss import day as day_loss
from lstm_bench.model.loss.day import comparable_days, mean_day_loss
from lstm_bench.model.loss.sample import LossSpec

Name = Literal["ic", "rank"]
Floats = npt.NDArray[np.float64]
NAMES: list[Name] = ["ic", "rank"]
seeds = st.integers(0, 10_000)


def draw(seed: int, days: int = 4, missing: float = 0.2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores, labels and days of samples in no order; some labels tie, some are NaN."""
    rng = np.random.default_rng(seed)
    day = rng.integers(0, days, 12 * days)
    scores, labels = rng.standard_normal(len(day)), np.round(rng.standard_normal(len(day)), 1)
    labels[rng.random(len(day)) < missing] = np.nan
    return torch.from_numpy(scores), torch.from_numpy(labels), torch.from_numpy(day)


def by_a_loop(
    loss: LossSpec, scores: Floats, labels: Floats, days: npt.NDArray[Any], weights: Floats
) -> float:
    given = []
    for day in np.unique(days):
        own = (days == day) & ~np.isnan(labels)
        x, y, w = scores[own], labels[own], weights[own]
        if len(set(y)) < 2:
            continue
        if loss.name == "rank":
            spread = loss.rank_temperature * x.std()
            x = np.asarray([sum(1 / (1 + math.exp((other - one) / spread)) for other in x) for one in x])
            y = pd.Series(y).rank().to_numpy()
        dx, dy = x - np.average(x, weights=w), y - np.average(y, weights=w)
        given.append(w.mean() * (1 - (w * dx * dy).sum() / math.sqrt((w * dx**2).sum() * (w * dy**2).sum())))
    return float(np.mean(given))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_by_a_plain_loop(name: Name, weighted: bool) -> None:
    for seed in range(5):
        scores, labels, days = draw(seed)
        own = np.random.default_rng(seed + 100).uniform(0.1, 3.0, len(days)) if weighted else None
        weights = None if own is None else torch.from_numpy(own)
        given = mean_day_loss(scores, labels, days, LossSpec(name, rank_temperature=0.3), weights)
        ones = np.ones(len(days)) if own is None else own
        expected = by_a_loop(
            LossSpec(name, rank_temperature=0.3), scores.numpy(), labels.numpy(), days.numpy(), ones
        )
        assert given.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_numerical_ones(name: Name) -> None:
    scores, labels, days = draw(0)
    weights = torch.rand(len(days), dtype=torch.float64) + 0.5
    for own in (None, weights):
        assert torch.autograd.gradcheck(
            lambda values, own=own: mean_day_loss(values, labels, days, LossSpec(name), own),
            scores.clone().requires_grad_(),
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_score_without_a_label_does_not_count_whatever_it_is(name: Name) -> None:
    scores, labels, days = draw(3)
    expected = mean_day_loss(scores, labels, days, LossSpec(name))
    wild = torch.where(labels.isnan(), torch.inf, scores).requires_grad_()
    loss = mean_day_loss(wild, labels, days, LossSpec(name))
    torch.autograd.backward(loss)
    assert loss.item() == expected.item()
    assert wild.grad is not None
    assert wild.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_days_whose_weights_vanish_in_float32_count_as_days_and_teach_nothing(name: Name) -> None:
    scores, labels, days = (values.float() for values in draw(2))
    days = days.long()
    weights = torch.where(days == 0, 0.0, torch.where(days == 1, 1e-44, 1.5))
    scores.requires_grad_()
    loss = mean_day_loss(scores, labels, days, LossSpec(name), weights)
    torch.autograd.backward(loss)
    heavy = days > 1
    alone = mean_day_loss(scores[heavy], labels[heavy], days[heavy], LossSpec(name), weights[heavy])
    assert loss.item() == pytest.approx(alone.item() / 2, rel=1e-6)  # two days of the four
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert not scores.grad[~heavy].any()
    assert scores.grad[heavy & ~labels.isnan()].any()


@settings(max_examples=40)
@given(seed=seeds, scale=st.floats(0.01, 100.0), shift=st.floats(-10.0, 10.0), name=st.sampled_from(NAMES))
def test_scale_and_place_of_a_days_scores_do_not_matter(
    seed: int, scale: float, shift: float, name: Name
) -> None:
    scores, labels, days = draw(seed)
    moved = torch.where(days == 1, scale * scores + shift, scores)
    before, after = (mean_day_loss(own, labels, days, LossSpec(name)) for own in (scores, moved))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-7)


@settings(max_examples=40)
@given(seed=seeds, scale=st.floats(0.01, 100.0), shift=st.floats(-10.0, 10.0))
def test_the_perfect_score_has_no_ic_loss_and_its_opposite_the_most(
    seed: int, scale: float, shift: float
) -> None:
    _, labels, days = draw(seed)
    scores = scale * labels.nan_to_num() + shift
    assert mean_day_loss(scores, labels, days, LossSpec("ic")).item() == pytest.approx(0, abs=1e-7)
    assert mean_day_loss(-scores, labels, days, LossSpec("ic")).item() == pytest.approx(2, abs=1e-7)


@settings(max_examples=40)
@given(seed=seeds)
def test_only_the_order_of_labels_matters_to_ranks(seed: int) -> None:
    scores, labels, days = draw(seed)
    before, after = (mean_day_loss(scores, own, days, LossSpec("rank")) for own in (labels, labels.exp()))
    assert after.item() == before.item()


@settings(max_examples=40)
@given(seed=seeds, name=st.sampled_from(NAMES))
def test_the_order_of_samples_does_not_matter(seed: int, name: Name) -> None:
    scores, labels, days = draw(seed)
    order = torch.randperm(len(days), generator=torch.Generator().manual_seed(seed))
    before = mean_day_loss(scores, labels, days, LossSpec(name))
    after = mean_day_loss(scores[order], labels[order], days[order], LossSpec(name))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


def test_hard_ranks_are_spearmans() -> None:
    scores, labels, days = draw(3)
    table = pd.DataFrame({"score": scores.numpy(), "label": labels.numpy(), "day": days.numpy()}).dropna()
    daily = [own["score"].rank().corr(own["label"].rank()) for _, own in table.groupby("day")]
    given = mean_day_loss(scores, labels, days, LossSpec("rank", rank_temperature=1e-6)).item()
    assert given == pytest.approx(1 - np.mean(daily), abs=1e-9)


def test_days_in_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, labels, days = draw(5, days=7)
    whole = mean_day_loss(scores, labels, days, LossSpec("rank"))
    monkeypatch.setattr(day_loss, "_PAIRS", 1)
    torch.testing.assert_close(mean_day_loss(scores, labels, days, LossSpec("rank")), whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_day_that_tells_nothing_does_not_count(name: Name) -> None:
    scores, labels, days = draw(1)
    expected = mean_day_loss(scores, labels, days, LossSpec(name))
    # one stock alone, labels that are all the same, and none at all
    more_scores = torch.tensor([3.0, 1.0, 2.0, 1.0, 2.0], dtype=torch.float64)
    more_labels = torch.tensor([1.0, 0.1, 0.1, math.nan, math.nan], dtype=torch.float64)
    joined = mean_day_loss(
        torch.cat([scores, more_scores]),
        torch.cat([labels, more_labels]),
        torch.cat([days, torch.tensor([7, 8, 8, 9, 9])]),
        LossSpec(name),
    )
    torch.testing.assert_close(joined, expected)

    scores = scores.requires_grad_()
    nothing = mean_day_loss(scores, torch.full_like(labels, math.nan), days, LossSpec(name))
    nothing.backward()  # type: ignore[no-untyped-call]
    assert nothing.item() == 0
    assert scores.grad is not None
    assert not scores.grad.any()


@pytest.mark.parametrize("name", NAMES)
def test_equal_scores_are_worth_nothing_and_leave_a_gradient(name: Name) -> None:
    scores = torch.zeros(6, requires_grad=True)
    loss = mean_day_loss(scores, torch.arange(6.0), torch.zeros(6, dtype=torch.int64), LossSpec(name))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 1
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert scores.grad[0] > 0 > scores.grad[-1]


def test_days_that_can_be_compared() -> None:
    labels = torch.tensor([1.0, 2.0, math.nan, 3.0, 3.0, 5.0, math.nan, 4.0])
    days = torch.tensor([2, 0, 0, 1, 1, 2, 3, 2])
    assert [group.tolist() for group in comparable_days(labels, days)] == [[0, 5, 7]]
