"""The top-level ``lstm_bench`` section: what the harness knows and Qlib does not."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lstm_bench.config.section import Section
from lstm_bench.config.tracking import TrackingConfig

__all__ = ["Compat", "HarnessConfig", "Precision", "TrainingConfig"]

Compat = Literal["qlib", "none"]
Precision = Literal["fp32", "tf32", "bf16"]


class TrainingConfig(Section):
    """Training details that Qlib's files cannot say."""

    weight_decay: float = Field(0.0, ge=0.0, description="L2 for adam and gd, decoupled for adamw")
    clip_grad_value: float | None = Field(
        3.0, gt=0.0, description="clip each gradient element to ±this; Qlib has 3"
    )
    clip_grad_norm: float | None = Field(
        None, gt=0.0, description="scale gradients down to this 2-norm, after that"
    )
    precision: Precision = Field(
        "fp32", description="of products on a CUDA device; sums and weights are float32 all the same"
    )


class HarnessConfig(Section):
    """``lstm_bench:`` in a workflow file.

    ``compat: qlib`` keeps every detail of Qlib's training (its order of samples, its extra pass over train, the
    dropped tail of valid), so that a seed gives Qlib's losses on the CPU. ``none`` trains the same model on the
    same samples without them, and faster.
    """

    compat: Compat = "qlib"
    training: TrainingConfig = TrainingConfig()
    tracking: TrackingConfig = Field(TrackingConfig(), exclude=True, description="no part of what a run is")
