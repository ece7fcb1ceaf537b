from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from lstm_bench.model.loss.sample import LossSpec, batch_mean_loss, error_grads, error_losses, mean_loss

NAN = math.nan


def test_only_labelled_samples_count() -> None:
    scores = torch.tensor([1.0, 2.0, 5.0], requires_grad=True)
    loss = mean_loss(scores, torch.tensor([0.0, NAN, 3.0]))
    assert loss.item() == (1 + 4) / 2
    loss.backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad.tolist() == [1.0, 0.0, 2.0]


def test_no_label_is_no_loss() -> None:
    assert mean_loss(torch.ones(2), torch.tensor([NAN, NAN])).item() == 0


def test_the_error_has_the_wider_dtype() -> None:
    assert mean_loss(torch.ones(2), torch.ones(2, dtype=torch.float64)).dtype == torch.float64


def test_batch_means_are_averaged() -> None:
    scores, labels = torch.tensor([1.0, 1.0, 3.0]), torch.zeros(3)
    assert batch_mean_loss(scores, labels, [torch.tensor([0, 1]), torch.tensor([2])]) == (1 + 9) / 2
    assert math.isnan(batch_mean_loss(scores, labels, []))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8), st.floats(0.01, 10.0))
def test_huber_is_torchs(missed: list[float], delta: float) -> None:
    errors = torch.tensor(missed, dtype=torch.float64)
    expected = functional.huber_loss(errors, torch.zeros_like(errors), reduction="none", delta=delta)
    torch.testing.assert_close(error_losses(errors, LossSpec("huber", huber_delta=delta)), expected)


@pytest.mark.parametrize("loss", [LossSpec("mse"), LossSpec("huber", huber_delta=0.7)])
def test_grads_are_the_gradient(loss: LossSpec) -> None:
    errors = torch.tensor([-3.0, -0.6, 0.0, 0.2, 5.0], dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(error_losses(errors, loss).sum(), errors)
    torch.testing.assert_close(error_grads(errors.detach(), loss), expected)
    assert torch.autograd.gradcheck(lambda values: error_losses(values, loss), errors)


@pytest.mark.parametrize("name", ["mse", "huber"])
def test_weights_count_as_in_qlib(name: Literal["mse", "huber"]) -> None:
    """Qlib takes the mean of weight times loss over labelled samples, whatever the weights sum up to."""
    scores, labels, weights = [1.0, 2.0, 5.0, 0.5], [0.0, NAN, 3.0, 0.0], [2.0, 9.0, 0.5, 1.5]

    def one(error: float) -> float:
        if name == "mse":
            return error**2
        return error**2 / 2 if abs(error) <= 1 else abs(error) - 0.5

    there = [i for i, label in enumerate(labels) if not math.isnan(label)]
    expected = sum(weights[i] * one(scores[i] - labels[i]) for i in there) / len(there)
    given = mean_loss(torch.tensor(scores), torch.tensor(labels), LossSpec(name), torch.tensor(weights))
    assert given.item() == pytest.approx(expected)
