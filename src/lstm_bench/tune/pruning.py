"""Pruners, which decide whether a trial is stopped, given its validation losses so far."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.trial import TrialState

from lstm_bench.tune.repository.optuna_internals import Hyperband

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from lstm_bench.config.sections.search import PrunerConfig

__all__ = ["SEED_LOSSES", "SeedWilcoxonPruner", "make_pruner"]

SEED_LOSSES = "seed_losses"
"""Key of a trial's user attributes, or of its outcome's, that holds ``{seed: [validation loss per epoch]}``."""


def make_pruner(config: PrunerConfig, max_epochs: int) -> BasePruner:
    """Make a study's pruner."""
    startup, warmup, interval = config.startup_trials, config.warmup_epochs, config.interval_epochs
    pruner: BasePruner
    match config.name:
        case "none":
            pruner = NopPruner()
        case "median":
            pruner = MedianPruner(startup, warmup, interval)
        case "percentile":
            pruner = PercentilePruner(config.percentile, startup, warmup, interval)
        case "halving":
            pruner = HalvingPruner(config.min_epochs, config.reduction_factor)
        case "hyperband":
            first, factor = config.min_epochs, config.reduction_factor
            pruner = Hyperband(first, max_epochs, factor, lambda rung: HalvingPruner(first, factor, rung))
        case "wilcoxon":
            pruner = SeedWilcoxonPruner(config.p_threshold, warmup)
    if config.patience is None:
        return pruner
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # since 2021
        return PatientPruner(pruner, config.patience)


class HalvingPruner(SuccessiveHalvingPruner):
    """Optuna's successive halving, with a rung's competitors read from the epochs that trials reported.

    Optuna's pruner stores a completed rung in the trial and does not judge it again. Here, the same epoch can be judged
    again with the same result, if a driver died before it could act on the first one.

    Parameters
    ----------
    min_epochs, reduction_factor, skipped_rungs
        A trial is judged after epoch ``min_epochs * reduction_factor ** (skipped_rungs + r)``, counted from 0, for
        ``r = 0, 1, ...``; one of ``reduction_factor`` trials continues.
    """

    def __init__(self, min_epochs: int, reduction_factor: int, skipped_rungs: int = 0) -> None:
        super().__init__(min_epochs, reduction_factor, skipped_rungs)
        self._first: int = min_epochs * reduction_factor**skipped_rungs
        self._factor = reduction_factor

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Compare the trial with those that reached the same epoch."""
        step = trial.last_step
        if step is None or not self._is_rung(step):
            return False
        value = trial.intermediate_values[step]
        others = [
            other.intermediate_values[step]
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and step in other.intermediate_values
        ]
        promoted = max(1, (len(others) + 1) // self._factor)
        return bool(sum(other < value for other in others) >= promoted)

    def _is_rung(self, step: int) -> bool:
        rung = self._first
        while rung < step:
            rung *= self._factor
        return rung == step


class SeedWilcoxonPruner(BasePruner):
    """Stops a trial whose seeds are worse than the best trial's at the same epoch.

    It uses the one-sided signed-rank test (Wilcoxon 1945) of the paired differences of the best validation losses so
    far. The best trial is the complete one of least value without a diverged seed.

    Parameters
    ----------
    p_threshold
        Threshold of the p-value: the probability that a trial as good as the best one looks at least this much worse.
    warmup_epochs
        Number of first epochs that are not judged.
    """

    def __init__(self, p_threshold: float, warmup_epochs: int) -> None:
        self._p_threshold = p_threshold
        self._warmup = warmup_epochs

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Compare the trial with the best one."""
        from scipy.stats import wilcoxon

        step = trial.last_step
        complete = [
            other
            for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if not other.user_attrs.get("outcome", {}).get("diverged_seeds")  # from an earlier version
        ]
        if step is None or step < self._warmup or not complete:
            return False
        best = min(complete, key=lambda other: (other.value, other.number))
        losses, best_losses = (_best_so_far(one, step) for one in (trial, best))
        differences = [losses[seed] - best_losses[seed] for seed in losses.keys() & best_losses.keys()]
        if not any(differences):
            return False
        return bool(wilcoxon(differences, alternative="greater").pvalue < self._p_threshold)


def _best_so_far(trial: FrozenTrial, step: int) -> dict[str, float]:
    attributes = trial.user_attrs
    losses: dict[str, list[float | None]] = attributes.get(SEED_LOSSES) or attributes.get("outcome", {}).get(
        SEED_LOSSES, {}
    )
    found = {}
    for seed, curve in losses.items():
        finite = [loss for loss in curve[: step + 1] if loss is not None]
        if finite and len(finite) == len(curve[: step + 1]):
            found[seed] = min(finite)
    return found
