"""The optimizer of K members: torch's formulas over rows of weights, each with its own rate and decay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lstm_bench.model.contract import MemberSpec, PackSpec

__all__ = ["PackOptimizer"]

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8  # torch's defaults, and Qlib's


class PackOptimizer:
    """Adam, AdamW (Loshchilov and Hutter 2019) or plain descent, after clipping, without waiting for the device.

    ``rows``: ``[K, P]`` float32, the weights, updated in place.
    """

    def __init__(self, spec: PackSpec, members: Sequence[MemberSpec], rows: Tensor) -> None:
        def column(values: Iterable[float]) -> Tensor:
            return torch.tensor(list(values), dtype=torch.float32, device=rows.device)[:, None]

        self._spec = spec
        self._rows = rows
        self._rate = column(member.lr for member in members)
        self._decay = column(member.weight_decay for member in members)
        self._has_decay = any(member.weight_decay for member in members)
        self._mean = torch.zeros_like(rows)
        self._square = torch.zeros_like(rows)
        self._steps = torch.zeros((), dtype=torch.float64, device=rows.device)

    def select(self, rows: Sequence[int], weights: Tensor) -> PackOptimizer:
        """Return an optimizer that continues some of the rows. Their weights have been copied to ``weights``."""
        chosen = object.__new__(PackOptimizer)
        chosen._spec, chosen._has_decay, chosen._rows = self._spec, self._has_decay, weights
        chosen._steps = self._steps.clone()
        for name in ("_rate", "_decay", "_mean", "_square"):
            setattr(chosen, name, getattr(self, name)[list(rows)].contiguous())
        return chosen

    def state(self) -> list[Tensor]:
        """Return the state, other than the weights, that a step changes."""
        return [self._mean, self._square, self._steps]

    def set_rates(self, rates: Tensor) -> None:
        """Set the learning rates ``[K]`` of the next steps, in place: a recorded step reads them there."""
        self._rate.copy_(rates[:, None], non_blocking=True)

    def step(self, gradients: Tensor) -> None:
        """Clip gradients ``[K, P]`` and take a step; overwrites them."""
        spec, rows = self._spec, self._rows
        if spec.clip_grad_value is not None:
            gradients.clamp_(-spec.clip_grad_value, spec.clip_grad_value)
        if spec.clip_grad_norm is not None:
            norm = gradients.norm(dim=1, keepdim=True)
            gradients.mul_((spec.clip_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        if self._has_decay and spec.optimizer == "adamw":
            rows.mul_(1 - self._rate * self._decay)
        elif self._has_decay:
            gradients.add_(self._decay * rows)
        if spec.optimizer == "gd":
            rows.sub_(self._rate * gradients)
        else:
            self._adam(gradients)

    def _adam(self, gradients: Tensor) -> None:
        """Adam (Kingma and Ba 2015)."""
        self._steps.add_(1)
        first = (1 - _BETA1**self._steps).float()
        second = (1 - _BETA2**self._steps).sqrt().float()
        self._mean.lerp_(gradients, 1 - _BETA1)
        self._square.mul_(_BETA2).addcmul_(gradients, gradients, value=1 - _BETA2)
        denominator = self._square.sqrt().div_(second).add_(_EPSILON)
        self._rows.sub_(self._mean.div(denominator).mul_(self._rate / first))
