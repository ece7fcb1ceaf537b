"""All uses of undocumented names of Optuna.

``pyproject.toml`` pins Optuna to the minor versions that have these names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.samplers import GPSampler

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

__all__ = ["GaussianProcess", "Hyperband", "all_trials", "known_params"]


def all_trials(study: Study) -> list[FrozenTrial]:
    """Return all trials of a study; under hyperband, ``get_trials`` shows a sampler only those of one bracket."""
    return study._storage.get_all_trials(study._study_id, deepcopy=False)


def known_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial's parameters; those that a queued trial will get if it has not been sampled yet."""
    return dict(trial.params or trial.system_attrs.get("fixed_params", {}))


class GaussianProcess(GPSampler):
    """Optuna's sampler, which here does not count the sampled trial among the running ones.

    A trial is sampled again if its driver died. The store then has the parameters of the first time.
    """

    _number = -1

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Sample parameters together."""
        self._number = trial.number
        return super().sample_relative(study, trial, search_space)

    def _sample_relative_impl(
        self,
        study: Study,
        completed_trials: list[FrozenTrial],
        running_trials: list[FrozenTrial],
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        others = [other for other in running_trials if other.number != self._number]
        return super()._sample_relative_impl(study, completed_trials, others, search_space)


class Hyperband(HyperbandPruner):
    """Optuna's hyperband with custom pruners for the brackets, all created at the start.

    Optuna makes the brackets when it prunes for the first time. Until then, samplers see one bracket of all trials.
    ``make_bracket`` makes a bracket's pruner from its number of skipped rungs.
    """

    def __init__(
        self,
        min_epochs: int,
        max_epochs: int,
        reduction_factor: int,
        make_bracket: Callable[[int], SuccessiveHalvingPruner],
    ) -> None:
        super().__init__(min_epochs, max_epochs, reduction_factor)
        rungs = 1
        while min_epochs * reduction_factor**rungs <= max_epochs:
            rungs += 1
        self._n_brackets = rungs
        self._trial_allocation_budgets = [
            self._calculate_trial_allocation_budget(rung) for rung in range(rungs)
        ]
        self._total_trial_allocation_budget = sum(self._trial_allocation_budgets)
        self._pruners = [make_bracket(rung) for rung in range(rungs)]
