"""Training on a CUDA device against the CPU's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.device import resolve_device
from lstm_bench.model.random_stream import RandomStream
from lstm_bench.model.trainer import train_pack

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.mark.parametrize("compat", ["qlib", "none"])
@pytest.mark.parametrize("is_time_series", [True, False])
def test_losses_are_the_cpus(
    make_samples: Callable[..., SampleSet], compat: Literal["qlib", "none"], is_time_series: bool
) -> None:
    spec = PackSpec(
        d_feat=3,
        hidden_size=16,
        num_layers=2,
        batch_size=32,
        optimizer="adam",
        clip_grad_value=3.0,
        clip_grad_norm=None,
        compat=compat,
        is_time_series=is_time_series,
    )
    members = [MemberSpec(seed, lr=0.01, dropout=0.0, weight_decay=0.0) for seed in (0, 1)]
    train, valid = make_samples(samples=300, seed=1), make_samples(samples=100, seed=2)
    losses = []
    for device in (torch.device("cpu"), resolve_device("cuda:0", 0)):
        fits = train_pack(spec, members, train, valid, n_epochs=3, early_stop=9, device=device)
        losses.append([(epoch.train_loss, epoch.valid_loss) for fit in fits for epoch in fit.epochs])
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-4)


def test_streams_leave_the_device_alone() -> None:
    device = resolve_device("cuda:0", 0)
    torch.cuda.manual_seed(9)
    expected = torch.rand(2, device=device)
    torch.cuda.manual_seed(9)
    stream = RandomStream(1, device)
    with stream.in_use():
        torch.rand(5, device=device)
    assert torch.equal(torch.rand(2, device=device), expected)
