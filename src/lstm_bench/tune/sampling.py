"""Samplers whose proposals are a function of study seed, trial number and earlier results.

A driver may die between two samples, and several drivers may share a study, so a sampler must not have state: each
sample comes from a new Optuna sampler with its own seed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from lstm_bench.tune.repository.optuna_internals import GaussianProcess, all_trials, known_params
from lstm_bench.tune.space import distributions, grid_points

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from lstm_bench.config.sections.parameter import Parameter
    from lstm_bench.config.sections.search import SamplerConfig

__all__ = ["GridSampler", "SobolSampler", "StatelessSampler", "make_sampler"]


def make_sampler(config: SamplerConfig, space: Mapping[str, Parameter]) -> BaseSampler:
    """Make a study's sampler."""
    startup = config.startup_trials
    if config.name == "grid":
        return GridSampler(space)
    if config.name == "qmc":
        return SobolSampler(space, config.seed)
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": lambda seed: TPESampler(
            seed=seed, n_startup_trials=startup, multivariate=config.multivariate, constant_liar=True
        ),
        "gp": lambda seed: GaussianProcess(seed=seed, n_startup_trials=startup, warn_independent_sampling=False),
        "cmaes": lambda seed: CmaEsSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False),
        "random": lambda seed: RandomSampler(seed=seed),
    }  # fmt: skip
    return StatelessSampler(makers[config.name], config.seed)


class StatelessSampler(BaseSampler):
    """Makes a new sampler for each sample, with a seed that follows from the study's."""

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make = make
        self._seed = seed

    def _for(self, trial: FrozenTrial, what: str) -> BaseSampler:
        digest = hashlib.sha256(f"{self._seed} {trial.number} {what}".encode()).digest()
        return self._make(int.from_bytes(digest[:4], "big"))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that are sampled together."""
        return self._for(trial, "space").infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Sample parameters together."""
        sampler = self._for(trial, "together")
        search_space = sampler.infer_relative_search_space(study, trial)  # some samplers need this first
        return sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Sample one parameter."""
        sampler = self._for(trial, f"one {param_name}")
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Call the sampler's hook."""
        self._for(trial, "before").before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Call the sampler's hook."""
        self._for(trial, "after").after_trial(study, trial, state, values)


class _WholeSpace(BaseSampler):
    """Samples all parameters at once."""

    def __init__(self, space: Mapping[str, Parameter]) -> None:
        self._space = distributions(space)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all parameters."""
        return self._space

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Raise: a parameter outside the point is not in the space."""
        raise LookupError(f"{param_name} was not sampled with the others: {sorted(self._space)}")


class GridSampler(_WholeSpace):
    """Proposes the first point of the grid that no other trial has."""

    def __init__(self, space: Mapping[str, Parameter]) -> None:
        super().__init__(space)
        self._points = grid_points(space)

    def left(self, trials: Sequence[FrozenTrial]) -> list[dict[str, Any]]:
        """Points that no trial has."""
        taken = {frozenset(known_params(trial).items()) for trial in trials}
        return [point for point in self._points if frozenset(point.items()) not in taken]

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the next point."""
        others = [other for other in all_trials(study) if other.number != trial.number]
        left = self.left(others)
        return left[0] if left else self._points[trial.number % len(self._points)]


class SobolSampler(_WholeSpace):
    """A scrambled Sobol' sequence, a point per trial number."""

    def __init__(self, space: Mapping[str, Parameter], seed: int) -> None:
        super().__init__(space)
        self._seed = seed

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the trial's point."""
        from scipy.stats.qmc import Sobol

        sequence = Sobol(len(self._space), scramble=True, rng=self._seed)
        if trial.number:  # SciPy does not accept 0
            sequence.fast_forward(trial.number)
        units = sequence.random(1)[0]
        return {
            name: _at(distribution, float(unit))
            for (name, distribution), unit in zip(self._space.items(), units, strict=True)
        }


def _at(distribution: BaseDistribution, unit: float) -> Any:
    """Value of a distribution at a position ``0 <= unit < 1``."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(unit * len(distribution.choices))]
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        raise TypeError(f"unknown distribution {distribution!r}")
    low, high = distribution.low, distribution.high
    whole = isinstance(distribution, IntDistribution)
    step = distribution.step if not (whole and distribution.log) else 1
    if distribution.log:
        # half a step around each whole number, so that the ends are as likely as the others
        edge = 0.5 if whole else 0.0
        value = math.exp(math.log(low - edge) + unit * (math.log(high + edge) - math.log(low - edge)))
        return min(max(round(value), int(low)), int(high)) if whole else min(max(value, low), high)
    if step is None:
        return low + unit * (high - low)
    steps = int(unit * (math.floor((high - low) / step + 1e-9) + 1))
    return int(low + steps * step) if whole else min(low + steps * step, high)
