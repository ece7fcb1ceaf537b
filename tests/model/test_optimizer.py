from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.optimizer import make_optimizer, step

SPEC = PackSpec(
    d_feat=3, hidden_size=8, num_layers=2, batch_size=16, optimizer="adam", clip_grad_value=3.0,
    clip_grad_norm=None, compat="none", is_time_series=True,
)  # fmt: skip
MEMBER = MemberSpec(seed=0, lr=0.3, dropout=0.0, weight_decay=0.2)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("gd", torch.optim.SGD)],
)
def test_optimizers_by_qlibs_names(optimizer: Any, expected: type) -> None:
    made = make_optimizer(dataclasses.replace(SPEC, optimizer=optimizer), MEMBER, nn.Linear(3, 1))
    assert type(made) is expected
    assert (made.param_groups[0]["lr"], made.param_groups[0]["weight_decay"]) == (0.3, 0.2)


@pytest.mark.parametrize(
    ("value", "norm", "expected"),
    [
        (None, None, [3.0, -4.0]),
        (3.5, None, [3.0, -3.5]),
        (None, 1.0, [0.6, -0.8]),
        (3.0, 1.0, [2**-0.5, -(2**-0.5)]),  # elements first, then the norm
    ],
)
def test_gradients_are_clipped(value: float | None, norm: float | None, expected: list[float]) -> None:
    spec = dataclasses.replace(SPEC, optimizer="gd", clip_grad_value=value, clip_grad_norm=norm)
    model = nn.Linear(2, 1, bias=False)
    before = model.weight.detach().clone()
    model.weight.grad = torch.tensor([[3.0, -4.0]])
    member = dataclasses.replace(MEMBER, weight_decay=0.0, lr=1.0)
    step(spec, model, make_optimizer(spec, member, model))
    torch.testing.assert_close(before - model.weight.detach(), torch.tensor([expected]), rtol=1e-5, atol=1e-6)
