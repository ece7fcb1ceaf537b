from __future__ import annotations

import math

import torch

from lstm_bench.model.loss import batch_mean_loss, mean_squared_error

NAN = math.nan


def test_only_labelled_samples_count() -> None:
    scores = torch.tensor([1.0, 2.0, 5.0], requires_grad=True)
    loss = mean_squared_error(scores, torch.tensor([0.0, NAN, 3.0]))
    assert loss.item() == (1 + 4) / 2
    loss.backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad.tolist() == [1.0, 0.0, 2.0]


def test_no_label_is_no_loss() -> None:
    assert mean_squared_error(torch.ones(2), torch.tensor([NAN, NAN])).item() == 0


def test_the_error_has_the_wider_dtype() -> None:
    assert mean_squared_error(torch.ones(2), torch.ones(2, dtype=torch.float64)).dtype == torch.float64


def test_batch_means_are_averaged() -> None:
    scores, labels = torch.tensor([1.0, 1.0, 3.0]), torch.zeros(3)
    assert batch_mean_loss(scores, labels, [torch.tensor([0, 1]), torch.tensor([2])]) == (1 + 9) / 2
    assert math.isnan(batch_mean_loss(scores, labels, []))
