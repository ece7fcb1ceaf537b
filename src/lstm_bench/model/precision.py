"""The precision of torch's own products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lstm_bench.config.sections.harness import Precision

__all__ = ["matrix_precision"]


@contextmanager
def matrix_precision(precision: Precision) -> Iterator[None]:
    """Allow tf32 in torch's products inside the block, or forbid it for fp32. tf32 represents a bf16 exactly."""
    before, in_cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"  # cuDNN's LSTM uses tf32 by default
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = in_cudnn
