"""A member's optimizer: torch's, under Qlib's names, after gradient clipping."""

from __future__ import annotations

import torch
from torch import nn

from lstm_bench.model.contract import MemberSpec, PackSpec

__all__ = ["make_optimizer", "set_rate", "step"]


def make_optimizer(
    pack: PackSpec, member: MemberSpec, model: nn.Module, *, fused: bool = False
) -> torch.optim.Optimizer:
    """Make a member's optimizer; ``fused`` updates all parameters in one call, with other rounding."""
    lr, weight_decay, fuse = member.lr, member.weight_decay, fused or None
    if pack.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay, fused=fuse)
    if pack.optimizer == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay, fused=fuse)
    return torch.optim.SGD(model.parameters(), lr=lr, weight_decay=weight_decay, fused=fuse)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next steps."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def step(pack: PackSpec, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Clip the gradients and take a step."""
    if pack.clip_grad_value is not None:
        nn.utils.clip_grad_value_(model.parameters(), pack.clip_grad_value)
    if pack.clip_grad_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), pack.clip_grad_norm)
    optimizer.step()
