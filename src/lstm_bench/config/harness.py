"""The top-level ``lstm_bench`` section: what the harness knows and Qlib does not."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lstm_bench.config.feature_set import FeatureSet
from lstm_bench.config.section import Section

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
    features: FeatureSet | None = Field(
        None,
        description="a feature set in the place of the handler's columns; in a file also the path of one",
    )
    label: str | None = Field(
        None, description="the label to train on and to evaluate against; the first by default"
    )
    horizon: int | None = Field(
        None,
        ge=1,
        description="days of the return that is the label, from the next day's close; instead of label",
    )
    embargo: int | None = Field(
        None,
        ge=0,
        description="trading days before the next segment that are not learned from; by default as many as the label "
        "looks ahead, and none under compat qlib",
    )

    @model_validator(mode="after")
    def _one_way_to_a_label(self) -> HarnessConfig:
        if self.label is not None and self.horizon is not None:
            raise ValueError("label and horizon: give one of them; a horizon makes a label of its own")
        return self
