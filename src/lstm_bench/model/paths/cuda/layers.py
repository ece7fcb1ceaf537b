"""The forward and the backward pass of K members' stacked LSTMs, from the kernels and batched products."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.model.paths.cuda import kernels
from lstm_bench.model.paths.cuda.weights import PackWeights

__all__ = ["Dropout", "Tape", "forward", "gradients", "scores"]

_BLOCK_B = 32
_LEAST_BLOCK, _MOST_UNITS, _MOST_INPUTS = 16, 64, 32  # tl.dot requires sides of at least 16
_DROPOUT_BLOCK = 1024


@dataclass(frozen=True)
class Dropout:
    """Dropout between layers."""

    seeds: Tensor  # ``[layers - 1, K]`` int64, different ones in each step
    probabilities: Tensor  # ``[K]`` float32

    def apply(self, values: Tensor, layer: int) -> Tensor:
        """Drop elements of the inputs ``[K, L, B, H]`` of ``layer``, or of their gradient."""
        K, n = len(values), values[0].numel()
        out = torch.empty(values.shape, dtype=values.dtype, device=values.device)
        kernels.dropout[(triton.cdiv(n, _DROPOUT_BLOCK), K)](
            values, values.stride(0), out, self.seeds[layer - 1], self.probabilities, n, BLOCK=_DROPOUT_BLOCK
        )
        return out


@dataclass
class Tape:
    """Values of one layer's forward pass that the backward pass needs."""

    inputs: Tensor  # ``[K, L, B, I]``
    hs: Tensor  # ``[K, L + 1, B, H]``
    cs: Tensor  # ``[K, L + 1, B, H]``
    gates: Tensor  # ``[K, L, B, 4H]``


def forward(
    weights: PackWeights, windows: Tensor, layers: int, dropout: Dropout | None, precision: Precision
) -> tuple[Tensor, list[Tape]]:
    """Score windows and keep the values that the backward pass needs.

    ``windows`` ``[K, L, B, F]`` are contiguous.

    Returns
    -------
    scores : ``[K, B]``
    tapes : one per layer
    """
    tapes: list[Tape] = []
    inputs = windows
    for layer in range(layers):
        if layer and dropout is not None:
            inputs = dropout.apply(inputs, layer)
        tape = _layer_forward(weights, layer, inputs, precision, keep=True, gates=True)
        tapes.append(tape)
        inputs = tape.hs[:, 1:]
    return _head(weights, tapes[-1].hs[:, -1]), tapes


def scores(weights: PackWeights, windows: Tensor, layers: int, precision: Precision) -> Tensor:
    """Score windows ``[L, B, F]``, the same for all members, without dropout: ``[K, B]``."""
    inputs = windows.expand(len(weights), *windows.shape)
    for layer in range(layers):
        last = layer == layers - 1
        tape = _layer_forward(weights, layer, inputs, precision, keep=not last, gates=False)
        inputs = tape.hs[:, 1:]
    return _head(weights, tape.hs[:, windows.shape[0] % 2])


def gradients(
    weights: PackWeights,
    tapes: list[Tape],
    score_gradient: Tensor,
    dropout: Dropout | None,
    precision: Precision,
    into: PackWeights,
) -> None:
    """Compute the weights' gradient from that of the scores ``[K, B]``; overwrites the tapes."""
    last = tapes[-1].hs[:, -1]
    torch.bmm(score_gradient[:, None], last, out=into["fc_out.weight"])
    torch.sum(score_gradient, dim=1, keepdim=True, out=into["fc_out.bias"])
    dh = score_gradient[:, :, None] * weights["fc_out.weight"]  # [K, B, H]: of the last day
    for layer in range(len(tapes) - 1, -1, -1):
        tape = tapes[layer]
        _layer_backward(weights, layer, tape, dh, precision, last_only=layer == len(tapes) - 1)
        d_gates = _operand(tape.gates.flatten(1, 2), precision)  # [K, L * B, 4H]
        turned = d_gates.transpose(1, 2)
        _product_into(into[f"rnn.weight_ih_l{layer}"], turned, _operand(tape.inputs.flatten(1, 2), precision))
        _product_into(
            into[f"rnn.weight_hh_l{layer}"], turned, _operand(tape.hs[:, :-1].flatten(1, 2), precision)
        )
        summed = tape.gates.sum(dim=(1, 2))
        into[f"rnn.bias_ih_l{layer}"].copy_(summed)
        into[f"rnn.bias_hh_l{layer}"].copy_(summed)
        if layer:
            dh = torch.bmm(d_gates, _operand(weights[f"rnn.weight_ih_l{layer}"], precision))
            dh = dh.view(tape.inputs.shape)  # [K, L, B, H]
            if dropout is not None:
                dh = dropout.apply(dh, layer)


def _layer_forward(
    weights: PackWeights, layer: int, inputs: Tensor, precision: Precision, *, keep: bool, gates: bool
) -> Tape:
    K, L, B, width = inputs.shape
    wx, wh = weights[f"rnn.weight_ih_l{layer}"], weights[f"rnn.weight_hh_l{layer}"]
    bias = weights[f"rnn.bias_ih_l{layer}"] + weights[f"rnn.bias_hh_l{layer}"]
    H, device = wh.shape[2], inputs.device
    hs, cs = (torch.empty((K, L + 1 if keep else 2, B, H), device=device) for _ in range(2))
    hs[:, 0].zero_()
    cs[:, 0].zero_()
    activated = torch.empty((K, L, B, 4 * H) if gates else (0,), device=device)
    kernels.forward[(triton.cdiv(B, _BLOCK_B), K)](
        inputs, inputs.stride(0), wx, wh, bias, wx.stride(0), bias.stride(0), hs, cs, activated, L, B, width, H,
        KEEP=keep, GATES=gates, PRECISION=precision, BLOCK_B=_BLOCK_B, BLOCK_H=_block(H, _MOST_UNITS),
        BLOCK_X=_block(width, _MOST_INPUTS), num_stages=1,
    )  # fmt: skip
    return Tape(inputs, hs, cs, activated)


def _layer_backward(
    weights: PackWeights, layer: int, tape: Tape, dh: Tensor, precision: Precision, *, last_only: bool
) -> None:
    K, L, B, width = tape.gates.shape
    H = width // 4
    wh = weights[f"rnn.weight_hh_l{layer}"]
    dc = torch.zeros((K, B, H), dtype=torch.float32, device=dh.device)
    kernels.backward[(triton.cdiv(B, _BLOCK_B), K)](
        tape.gates, tape.cs, wh, wh.stride(0), dh, dh, dc, L, B, H,
        LAST_ONLY=last_only, PRECISION=precision, BLOCK_B=_BLOCK_B, BLOCK_H=_block(H, _MOST_UNITS), num_stages=1,
    )  # fmt: skip


def _head(weights: PackWeights, hidden: Tensor) -> Tensor:
    return (hidden * weights["fc_out.weight"]).sum(dim=2) + weights["fc_out.bias"]


def _operand(values: Tensor, precision: Precision) -> Tensor:
    """Round a product's operand to the precision."""
    return values.bfloat16().float() if precision == "bf16" else values


def _product_into(target: Tensor, left: Tensor, right: Tensor) -> None:
    """Write a batched product into a view of the gradients' rows, which is not contiguous."""
    target.copy_(torch.bmm(left, right))


def _block(width: int, most: int) -> int:
    return max(_LEAST_BLOCK, min(most, 1 << (width - 1).bit_length()))
