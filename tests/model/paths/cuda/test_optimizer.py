from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.optimizer import make_optimizer, step
from lstm_bench.model.paths.cuda.optimizer import PackOptimizer

SPEC = PackSpec(
    d_feat=3, hidden_size=8, num_layers=2, batch_size=16, optimizer="adam", clip_grad_value=0.5,
    clip_grad_norm=None, compat="none", is_time_series=True,
)  # fmt: skip
MEMBERS = [MemberSpec(0, 0.1, 0.0, 0.0), MemberSpec(1, 0.01, 0.0, 0.2), MemberSpec(2, 1.0, 0.0, 0.01)]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "gd"])
@pytest.mark.parametrize("norm", [None, 0.7])
def test_rows_move_as_torchs_optimizers_move_them(optimizer: Any, norm: float | None) -> None:
    spec = dataclasses.replace(SPEC, optimizer=optimizer, clip_grad_norm=norm)
    torch.manual_seed(0)
    rows = torch.randn(3, 10)
    models = [nn.Linear(10, 1, bias=False) for _ in MEMBERS]
    for model, row in zip(models, rows, strict=True):
        model.weight.data.copy_(row[None])
    torchs = [make_optimizer(spec, *pair) for pair in zip(MEMBERS, models, strict=True)]
    pack = PackOptimizer(spec, MEMBERS, rows)
    for _ in range(6):
        gradients = torch.randn(3, 10)
        for model, own, gradient in zip(models, torchs, gradients, strict=True):
            model.weight.grad = gradient[None].clone()
            step(spec, model, own)
        pack.step(gradients)
    expected = torch.cat([model.weight.detach() for model in models])
    torch.testing.assert_close(rows, expected, rtol=1e-5, atol=1e-6)


def test_rows_that_stay_go_on() -> None:
    torch.manual_seed(0)
    rows = torch.randn(3, 10)
    pack = PackOptimizer(SPEC, MEMBERS, rows)
    first, second = torch.randn(3, 10), torch.randn(3, 10)
    pack.step(first)
    kept = rows[[0, 2]].clone()
    fewer = pack.select([0, 2], kept)
    fewer.step(second[[0, 2]].clone())
    pack.step(second.clone())
    assert torch.equal(kept, rows[[0, 2]])
