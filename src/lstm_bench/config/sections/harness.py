"""The top-level ``lstm_bench`` section: settings that Qlib does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lstm_bench.config.feature_set import FeatureSet
from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.section import Section, Truth
from lstm_bench.config.sections.tracking import TrackingConfig

__all__ = [
    "BY_DAY", "Compat", "HarnessConfig", "LossName", "Precision", "Reweight", "ScheduleName",
    "TrainingConfig",
]  # fmt: skip

Compat = Literal["qlib", "none"]
Precision = Literal["fp32", "tf32", "bf16"]
LossName = Literal["mse", "huber", "ic", "rank"]
ScheduleName = Literal["constant", "cosine", "step", "plateau", "one_cycle"]
Reweight = Literal["uniform", "exponential", "volatility"]

BY_DAY: tuple[LossName, ...] = ("ic", "rank")
"""Losses that compare the stocks of a day, so that batches are whole days."""

_ACTS_WITH: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "huber_delta": ("loss", ("huber",)),
    "rank_temperature": ("loss", ("rank",)),
    "lr_min_factor": ("schedule", ("cosine", "plateau")),
    "lr_step_epochs": ("schedule", ("step",)),
    "lr_decay": ("schedule", ("step", "plateau")),
    "lr_patience": ("schedule", ("plateau",)),
    "reweight_half_life": ("reweight", ("exponential",)),
    "reweight_window": ("reweight", ("volatility",)),
}
"""Setting -> another field, and its values with which the setting has an effect."""


class TrainingConfig(Section):
    """Training settings that Qlib does not have."""

    weight_decay: float = Field(0.0, ge=0.0, description="L2 for adam and gd, decoupled for adamw")
    clip_grad_value: float | None = Field(
        3.0, gt=0.0, description="clip each gradient element to ± this value; 3 in Qlib"
    )
    clip_grad_norm: float | None = Field(
        None, gt=0.0, description="after that, scale gradients down to this 2-norm"
    )
    precision: Precision = Field(
        "fp32",
        description="precision of products: tf32 and bf16 on a CUDA device; bf16 on a processor with AVX512-BF16 under "
        "compat: none. Sums and weights are always float32",
    )
    loss: LossName = Field(
        "mse",
        description="ic is 1 - mean daily IC, rank is 1 - mean daily soft Rank IC; both need batches of whole days",
    )
    huber_delta: float = Field(1.0, gt=0.0, description="huber: error beyond which the loss grows linearly")
    rank_temperature: float = Field(
        0.1, gt=0.0, description="rank: softness of ranks, in standard deviations of a day's scores"
    )
    schedule: ScheduleName = Field("constant", description="schedule of the learning rate, relative to lr")
    warmup_epochs: int = Field(
        0, ge=0, description="epochs in which lr rises, step by step; one_cycle: 0 means 30% of all epochs"
    )
    lr_min_factor: float = Field(
        0.0, ge=0.0, lt=1.0, description="cosine, plateau: the lowest learning rate, relative to lr"
    )
    lr_step_epochs: int = Field(10, ge=1, description="step: epochs between two decays")
    lr_decay: float = Field(0.5, gt=0.0, lt=1.0, description="step, plateau: factor of a decay")
    lr_patience: int = Field(
        5, ge=0, description="plateau: epochs without a lower validation loss before a decay"
    )
    reweight: Reweight = Field(
        "uniform", description="how training samples are weighted; weights have mean 1"
    )
    reweight_half_life: float = Field(
        250.0, gt=0.0, description="exponential: age in trading days at which a sample counts half"
    )
    reweight_window: int = Field(
        20, ge=2, description="volatility: trading days of returns up to the sample's own day"
    )
    permute_labels: Truth = Field(
        False,
        description="a control: train and validate on labels that are permuted among the stocks of each day, anew for "
        "each seed. Labels of test stay true, so that test shows what chance gives",
    )

    @property
    def idle(self) -> tuple[str, ...]:
        """Settings that have no effect: the choice that they belong to is not made, or they are off."""
        alone = tuple(
            setting for setting, (key, choices) in _ACTS_WITH.items() if getattr(self, key) not in choices
        )
        return alone if self.permute_labels else (*alone, "permute_labels")


class HarnessConfig(Section):
    """``lstm_bench:`` in a workflow file.

    ``compat: qlib`` keeps every detail of Qlib's training (its order of samples, its extra pass over train, the
    dropped tail of valid), so that a seed yields Qlib's losses on the CPU. ``none`` trains the same model without
    these details, and faster. By default, it leaves out the embargo's days.
    """

    compat: Compat = Field(
        "qlib",
        description="qlib: reproduce Qlib's training in every detail; none: train without its overhead",
    )
    training: TrainingConfig = Field(
        TrainingConfig(), description="training settings that Qlib does not have"
    )
    features: Annotated[FeatureSet | None, NotIdentity("the handler has the columns; this is their name")] = (
        Field(None, description="a feature set, or the path of one, instead of the handler's columns")
    )
    label: str | None = Field(None, description="the label to train and evaluate on; the first by default")
    horizon: int | None = Field(
        None,
        ge=1,
        description="instead of label: use the return over this many days from the next day's close",
    )
    embargo: int | None = Field(
        None,
        ge=0,
        description="trading days before the next segment that are not trained on; by default as many as the label "
        "looks ahead, and 0 under compat qlib",
    )
    tracking: TrackingConfig = Field(
        TrackingConfig(), exclude=True, description="tracking of runs; not part of a run's identity"
    )

    @model_validator(mode="after")
    def _batches_can_be_whole_days(self) -> HarnessConfig:
        if self.compat == "qlib" and self.training.loss in BY_DAY:
            raise ValueError(
                f"training.loss: got {self.training.loss!r}, which needs batches of whole days, and compat: qlib "
                "draws samples in Qlib's order; set lstm_bench.compat to none"
            )
        return self

    @model_validator(mode="after")
    def _one_way_to_a_label(self) -> HarnessConfig:
        if self.label is not None and self.horizon is not None:
            raise ValueError("label and horizon: give one of them; a horizon defines its own label")
        return self
