"""How a space is searched: the sampler that proposes trials and the pruner that stops them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lstm_bench.config.section import Section
from lstm_bench.core.counting import counted

__all__ = ["PrunerConfig", "SamplerConfig"]


class SamplerConfig(Section):
    """``sampler``: how trials are proposed. All are Optuna's except the grid and the Sobol' sequence (``qmc``)."""

    name: Literal["tpe", "gp", "random", "grid", "cmaes", "qmc"] = Field("tpe", description="the algorithm")
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the search")
    startup_trials: int = Field(
        10, ge=0, description="random trials before tpe, gp or cmaes learn from results"
    )
    multivariate: bool = Field(True, description="tpe: sample parameters jointly, rather than one by one")


class PrunerConfig(Section):
    """``pruner``: which trials are stopped early, by their validation loss after each epoch."""

    name: Literal["median", "percentile", "hyperband", "halving", "wilcoxon", "none"] = Field(
        "median", description="the algorithm"
    )
    percentile: float = Field(
        25.0, ge=0.0, le=100.0, description="percentile: percentage of trials that continue"
    )
    startup_trials: int = Field(5, ge=0, description="median, percentile: trials before any is stopped")
    warmup_epochs: int = Field(
        3, ge=0, description="median, percentile, wilcoxon: epochs in which no trial is stopped"
    )
    interval_epochs: int = Field(1, ge=1, description="median, percentile: epochs between two decisions")
    min_epochs: int = Field(1, ge=1, description="hyperband, halving: the first rung, counted from epoch 0")
    reduction_factor: int = Field(
        3, ge=2, description="hyperband, halving: one in this many trials continues"
    )
    p_threshold: float = Field(
        0.1, gt=0.0, lt=1.0, description="wilcoxon: p-value below which a trial is stopped"
    )
    patience: int | None = Field(
        None, ge=1, description="any pruner: stop only after this many epochs without improvement"
    )

    @model_validator(mode="after")
    def _patience_wraps_something(self) -> PrunerConfig:
        if self.patience is not None and self.name == "none":
            raise ValueError(
                "patience: it delays another pruner, and the pruner is none; choose one, such as median"
            )
        return self

    @property
    def warms_up(self) -> bool:
        """Whether ``warmup_epochs`` has an effect."""
        return self.name in ("median", "percentile", "wilcoxon")

    def check(self, seeds: int, max_epochs: int) -> None:
        """Check that the pruner can stop a trial.

        Raises ValueError if a signed-rank test of so few seeds cannot reach the threshold (its least p-value is
        ``2**-n``), or the first rung of hyperband is beyond the last epoch.
        """
        least = 0.5**seeds
        if self.name == "wilcoxon" and least >= self.p_threshold:
            needed = next(n for n in range(1, 1100) if 0.5**n < self.p_threshold)
            raise ValueError(
                f"pruner.p_threshold: got {self.p_threshold}, but a test over {counted(seeds, 'seed')} gives no "
                f"less than "
                f"{least:g}: no trial would be pruned; take {counted(needed, 'seed')} or more, or a greater threshold"
            )
        if self.name == "hyperband" and self.min_epochs > max_epochs:
            raise ValueError(f"pruner.min_epochs: got {self.min_epochs}, of {max_epochs} max_epochs")
