"""Micro-batches against the whole batch in double precision."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.contract import MemberSpec, PackSpec, TrainingInputs
from lstm_bench.model.loss.day import mean_day_loss
from lstm_bench.model.loss.sample import LossSpec, mean_loss
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.paths.cpu.micro_batches import Batch, learn_days, learn_samples
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.random_stream import RandomStream
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.threads import parallel_map

MakeSamples = Callable[..., SampleSet]
CPU = torch.device("cpu")


def make_inputs(train: SampleSet, loss: LossSpec, hidden: int, *, weighted: bool) -> TrainingInputs:
    spec = PackSpec(
        d_feat=3, hidden_size=hidden, num_layers=2, batch_size=len(train), optimizer="adam", clip_grad_value=None,
        clip_grad_norm=None, compat="none", is_time_series=True, loss=loss,
    )  # fmt: skip
    torch.manual_seed(0)
    weights = torch.rand(len(train)) if weighted else None
    return TrainingInputs(
        spec, [MemberSpec(0, 0.01, 0.0, 0.0)], [LSTM(3, hidden, 2, 0.0)], [RandomStream(0, CPU)],
        ResidentSamples.place(train, CPU), torch.from_numpy(train.labels), weights,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["mse", "ic", "rank"])
@pytest.mark.parametrize("hidden", [16, 21])
@pytest.mark.parametrize("weighted", [False, True])
def test_micro_batches_give_the_whole_batchs_loss_and_gradient(
    make_days: MakeSamples, name: Any, hidden: int, weighted: bool
) -> None:
    inputs = make_inputs(make_days(days=9, stocks=30), LossSpec(name), hidden, weighted=weighted)
    model = inputs.models[0]
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(inputs.samples)))
    compiled = CompiledLSTM(model)
    parts = torch.split(order, 100)
    batch = Batch(inputs, compiled, parts, [torch.Generator() for _ in parts])
    with parallel_map() as map_parts:
        learn = learn_days if inputs.spec.loss.is_by_day else learn_samples
        (given,) = learn([batch], map_parts)
    assert len(given.partial_grads) == len(parts) > 1
    compiled.set_grads([sum(own, torch.zeros(())) for own in zip(*given.partial_grads, strict=True)])

    exact = copy.deepcopy(model).double()
    exact.zero_grad()
    scores, labels = exact(inputs.samples.gather(order).double()), inputs.labels[order].double()
    weights = None if inputs.weights is None else inputs.weights[order].double()
    if inputs.spec.loss.is_by_day:
        loss = mean_day_loss(scores, labels, inputs.samples.days[order], inputs.spec.loss, weights)
    else:
        loss = mean_loss(scores, labels, inputs.spec.loss, weights)
    loss.backward()  # type: ignore[no-untyped-call]
    assert given.loss.item() == pytest.approx(loss.item(), rel=1e-5)
    gradient, expected = (
        torch.nn.utils.parameters_to_vector(own.grad for own in one.parameters() if own.grad is not None)
        for one in (model, exact)
    )
    error = (gradient - expected).norm() / expected.norm()
    assert error < 1e-5


@pytest.mark.parametrize("name", ["ic", "rank"])
def test_without_labels_that_differ_gradients_are_zero(make_days: MakeSamples, name: Any) -> None:
    inputs = make_inputs(make_days(days=9, stocks=30), LossSpec(name), 8, weighted=False)
    inputs = dataclasses.replace(inputs, labels=torch.ones(len(inputs.samples)))
    parts = torch.split(torch.arange(len(inputs.samples)), 100)
    batch = Batch(inputs, CompiledLSTM(inputs.models[0]), parts, [torch.Generator() for _ in parts])
    with parallel_map() as map_parts:
        (given,) = learn_days([batch], map_parts)
    assert given.loss == 0
    assert all(not gradient.any() for grads in given.partial_grads for gradient in grads)
