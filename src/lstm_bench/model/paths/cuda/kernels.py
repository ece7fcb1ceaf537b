"""Triton kernels: a layer's forward and backward pass over all days, for all members at once, and dropout.

One program takes ``BLOCK_B`` samples of one member through all days, so that programs never wait for each other. A
program computes ``BLOCK_H`` units at a time and needs the whole state of the day before, which it reads from memory
(mostly the first-level cache); so the hidden size is not limited. Its warps exchange the state across an explicit
barrier, since Triton adds none.

Arrays are contiguous except for the member axis, whose stride is an argument: 0 shares an input among members.
``tl.dot`` accumulates in float32 whatever the precision of its operands.
"""

from __future__ import annotations

import os

import triton
import triton.language as tl

__all__ = ["backward", "dropout", "forward"]

_INTERPRETED = tl.constexpr(os.environ.get("TRITON_INTERPRET") == "1")


@triton.jit
def _tanh(x):  # type: ignore[no-untyped-def]
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def _product(a, b, PRECISION: tl.constexpr):  # type: ignore[no-untyped-def]
    if PRECISION == "bf16":
        a, b = a.to(tl.bfloat16), b.to(tl.bfloat16)
        if _INTERPRETED:  # the interpreter multiplies with numpy, which treats a bf16 as an integer
            a, b = a.to(tl.float32), b.to(tl.float32)
        return tl.dot(a, b)
    return tl.dot(a, b, input_precision="tf32" if PRECISION == "tf32" else "ieee")


@triton.jit
def _add_products(  # type: ignore[no-untyped-def]
    i, f, g, o, rows, row_ok, weights, columns, column_ok, H, width,
    BLOCK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Add ``rows [b, width] @ weights[gate].T`` to each gate's block; ``weights [4H, width]``."""
    for start in range(0, width, BLOCK):
        k = start + tl.arange(0, BLOCK)
        k_ok = k < width
        a = tl.load(rows + k[None, :], mask=row_ok[:, None] & k_ok[None, :], other=0.0)
        at = weights + columns[None, :] * width + k[:, None]
        ok = column_ok[None, :] & k_ok[:, None]
        i += _product(a, tl.load(at, mask=ok, other=0.0), PRECISION)
        f += _product(a, tl.load(at + H * width, mask=ok, other=0.0), PRECISION)
        g += _product(a, tl.load(at + 2 * H * width, mask=ok, other=0.0), PRECISION)
        o += _product(a, tl.load(at + 3 * H * width, mask=ok, other=0.0), PRECISION)
    return i, f, g, o


@triton.jit
def forward(  # type: ignore[no-untyped-def]
    x, x_stride, wx, wh, bias, w_stride, bias_stride, hs, cs, gates, L, B, width, H,
    KEEP: tl.constexpr, GATES: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_B: tl.constexpr, BLOCK_H: tl.constexpr, BLOCK_X: tl.constexpr,
):  # fmt: skip
    """Compute a layer's forward pass over all days.

    ``x [K, L, B, width]``, ``wx [K, 4H, width]``, ``wh [K, 4H, H]``, ``bias [K, 4H]``,
    ``hs`` and ``cs [K, S, B, H]`` whose row 0 holds the state before the first day, ``gates [K, L, B, 4H]``. With
    ``KEEP`` S is L + 1 and day t's state goes to row t + 1; without it S is 2 and rows take turns. ``GATES`` stores the
    activated gates; without it ``gates`` is not touched.
    """
    member = tl.program_id(1).to(tl.int64)
    b = (tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)).to(tl.int64)  # offsets outgrow 32 bits
    b_ok = b < B
    slots = L + 1 if KEEP else 2
    day = tl.zeros((), tl.int64) + B * H
    x += member * x_stride
    wx += member * w_stride
    wh += member * w_stride
    bias += member * bias_stride
    hs += member * slots * B * H
    cs += member * slots * B * H
    gates += member * L * B * 4 * H
    for t in range(L):
        before = (t if KEEP else t % 2) * day
        after = (t + 1 if KEEP else (t + 1) % 2) * day
        for start in range(0, H, BLOCK_H):
            j = start + tl.arange(0, BLOCK_H)
            j_ok = j < H
            ok = b_ok[:, None] & j_ok[None, :]
            zero = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
            i = zero + tl.load(bias + j, mask=j_ok, other=0.0)[None, :]
            f = zero + tl.load(bias + H + j, mask=j_ok, other=0.0)[None, :]
            g = zero + tl.load(bias + 2 * H + j, mask=j_ok, other=0.0)[None, :]
            o = zero + tl.load(bias + 3 * H + j, mask=j_ok, other=0.0)[None, :]
            rows = x + (t * B + b[:, None]) * width
            i, f, g, o = _add_products(i, f, g, o, rows, b_ok, wx, j, j_ok, H, width, BLOCK_X, PRECISION)
            rows = hs + before + b[:, None] * H
            i, f, g, o = _add_products(i, f, g, o, rows, b_ok, wh, j, j_ok, H, H, BLOCK_H, PRECISION)
            i, f, g, o = tl.sigmoid(i), tl.sigmoid(f), _tanh(g), tl.sigmoid(o)
            place = b[:, None] * H + j[None, :]
            c = f * tl.load(cs + before + place, mask=ok, other=0.0) + i * g
            tl.store(cs + after + place, c, mask=ok)
            tl.store(hs + after + place, o * _tanh(c), mask=ok)
            if GATES:
                at = gates + (t * B + b[:, None]) * 4 * H + j[None, :]
                tl.store(at, i, mask=ok)
                tl.store(at + H, f, mask=ok)
                tl.store(at + 2 * H, g, mask=ok)
                tl.store(at + 3 * H, o, mask=ok)
        tl.debug_barrier()  # the next day reads what other warps stored


@triton.jit
def backward(  # type: ignore[no-untyped-def]
    gates, cs, wh, w_stride, dh_days, dh_last, dc, L, B, H,
    LAST_ONLY: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_B: tl.constexpr, BLOCK_H: tl.constexpr,
):  # fmt: skip
    """Compute a layer's backward pass over all days.

    ``gates [K, L, B, 4H]`` holds activated gates on entry, and their gradients before activation on return.
    ``cs [K, L + 1, B, H]`` and ``wh [K, 4H, H]`` are those of the forward pass. With ``LAST_ONLY`` the gradient of the
    outputs is ``dh_last [K, B, H]`` on the last day and zero before; otherwise it is ``dh_days [K, L, B, H]``.
    ``dc [K, B, H]`` must be zero on entry; it is working space.
    """
    member = tl.program_id(1).to(tl.int64)
    b = (tl.program_id(0) * BLOCK_B + tl.arange(0, BLOCK_B)).to(tl.int64)  # offsets outgrow 32 bits
    b_ok = b < B
    gates += member * L * B * 4 * H
    cs += member * (L + 1) * B * H
    wh += member * w_stride
    dh_days += member * L * B * H
    dh_last += member * B * H
    dc += member * B * H
    day = tl.zeros((), tl.int64) + B * H
    for back in range(L):
        t = L - 1 - back
        for start in range(0, H, BLOCK_H):
            j = start + tl.arange(0, BLOCK_H)
            j_ok = j < H
            ok = b_ok[:, None] & j_ok[None, :]
            place = b[:, None] * H + j[None, :]
            dh = tl.zeros((BLOCK_B, BLOCK_H), tl.float32)
            if LAST_ONLY:
                if back == 0:
                    dh += tl.load(dh_last + place, mask=ok, other=0.0)
            else:
                dh += tl.load(dh_days + t * day + place, mask=ok, other=0.0)
            if back > 0:
                later = gates + ((t + 1) * B + b[:, None]) * 4 * H
                for first in range(0, 4 * H, BLOCK_H):
                    k = first + tl.arange(0, BLOCK_H)
                    k_ok = k < 4 * H
                    d = tl.load(later + k[None, :], mask=b_ok[:, None] & k_ok[None, :], other=0.0)
                    at = wh + k[:, None] * H + j[None, :]
                    dh += _product(d, tl.load(at, mask=k_ok[:, None] & j_ok[None, :], other=0.0), PRECISION)
            at = gates + (t * B + b[:, None]) * 4 * H + j[None, :]
            i = tl.load(at, mask=ok, other=0.0)
            f = tl.load(at + H, mask=ok, other=0.0)
            g = tl.load(at + 2 * H, mask=ok, other=0.0)
            o = tl.load(at + 3 * H, mask=ok, other=0.0)
            squashed = _tanh(tl.load(cs + (t + 1) * day + place, mask=ok, other=0.0))
            d_cell = tl.load(dc + place, mask=ok, other=0.0) + dh * o * (1 - squashed * squashed)
            tl.store(at, d_cell * g * i * (1 - i), mask=ok)
            before = tl.load(cs + t * day + place, mask=ok, other=0.0)
            tl.store(at + H, d_cell * before * f * (1 - f), mask=ok)
            tl.store(at + 2 * H, d_cell * i * (1 - g * g), mask=ok)
            tl.store(at + 3 * H, dh * squashed * o * (1 - o), mask=ok)
            tl.store(dc + place, d_cell * f, mask=ok)
        tl.debug_barrier()  # the day before reads what other warps stored


@triton.jit
def dropout(  # type: ignore[no-untyped-def]
    x, x_stride, out, seeds, probabilities, n, BLOCK: tl.constexpr
):
    """Drop elements of ``x [K, n]`` with each member's probability and scale up the rest: ``out [K, n]``.

    The member's seed (``seeds [K]`` int64) and the position alone decide what is dropped, so that the backward pass
    drops the same elements, and so does a member in any pack.
    """
    member = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = at < n
    p = tl.load(probabilities + member)
    kept = tl.rand(tl.load(seeds + member), at) >= p
    value = tl.load(x + member * x_stride + at, mask=ok, other=0.0)
    tl.store(out + member * n + at, tl.where(kept, value / (1 - p), 0.0), mask=ok)
