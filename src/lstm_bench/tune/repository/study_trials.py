"""The trials of one study, as its driver reads and writes them in the store."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from lstm_bench.tune import liveness, trials
from lstm_bench.tune.pruning import SEED_LOSSES, make_pruner
from lstm_bench.tune.sampling import GridSampler, make_sampler
from lstm_bench.tune.scheduler import StoredTrial
from lstm_bench.tune.space import suggest

if TYPE_CHECKING:
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store
    from lstm_bench.tune.scheduler import Ending

__all__ = ["StudyTrials"]

_STATES = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_FINAL = {name: state for state, name in _STATES.items()}


class StudyTrials:
    """The trials of a study, with its sampler and its pruner. Trials are taken under the name ``driver``."""

    def __init__(self, store: Store, definition: Definition, driver: str) -> None:
        config = definition.config
        self._store = store
        self._space = config.space
        self._driver = driver
        self._study = store.study(config.name)
        self._study.sampler = make_sampler(config.sampler, config.space)
        self._study.pruner = make_pruner(config.pruner, config.max_epochs)
        self._backend = store.storage
        self._identifier = self._backend.get_study_id_from_name(config.name)
        self._ids: dict[int, int] = {}
        self._finished: dict[int, StoredTrial] = {}

    def exclusive(self) -> AbstractContextManager[object]:
        """Lock out the study's other drivers, to count trials and take one."""
        return self._store.exclusive(self._study.study_name)

    def read(self) -> list[StoredTrial]:
        """Read all trials by number."""
        return [self._stored(trial) for trial in self._study.get_trials(deepcopy=False)]

    def _stored(self, trial: FrozenTrial) -> StoredTrial:
        if trial.number in self._finished:
            return self._finished[trial.number]
        attributes = trial.user_attrs
        stored = StoredTrial(
            number=trial.number,
            state=_STATES[trial.state],  # type: ignore[arg-type]
            driver=attributes.get(trials.DRIVER),
            value=trial.value,
            epoch_values=trial.intermediate_values,
            outcome=attributes.get(trials.OUTCOME, {}),
            failures=attributes.get(trials.FAILURES, ()),
        )
        if trial.state.is_finished():
            self._finished[trial.number] = stored
        return stored

    def is_alive(self, driver: str) -> bool:
        """Whether a driver of that name is alive."""
        return liveness.is_alive(driver, self._study.user_attrs)

    def beat(self) -> None:
        """Record that this driver is alive now."""
        self._study.set_user_attr(*liveness.beat(self._driver))

    def is_exhausted(self) -> bool:
        """Whether the sampler has no point left to propose."""
        sampler = self._study.sampler
        return isinstance(sampler, GridSampler) and not sampler.left(self._study.get_trials(deepcopy=False))

    def ask(self) -> tuple[int, dict[str, Any]]:
        """Take a waiting trial or a new one; return its number and its parameters."""
        trial = self._study.ask()
        trial.set_user_attr(trials.DRIVER, self._driver)
        return trial.number, suggest(trial, self._space)

    def requeue(self, number: int) -> None:
        """Return an interrupted trial to the queue; it keeps its number, parameters and epochs."""
        times = int(self._frozen(number).user_attrs.get(trials.INTERRUPTED, 0)) + 1
        self._set(number, trials.INTERRUPTED, times)
        self._backend.set_trial_state_values(self._id(number), TrialState.WAITING)

    def is_ours(self, number: int) -> bool:
        """Whether this driver still has a trial: after a long silence, another driver regards it as dead."""
        trial = self._frozen(number)
        return trial.state == TrialState.RUNNING and trial.user_attrs.get(trials.DRIVER) == self._driver

    def report(self, number: int, epoch: int, value: float) -> None:
        """Write an epoch's mean validation loss."""
        self._backend.set_trial_intermediate_value(self._id(number), epoch, value)

    def should_prune(self, number: int, seed_losses: dict[str, list[float | None]]) -> bool:
        """Whether the pruner stops a trial at its last epoch, given its losses by seed."""
        judged = copy.copy(self._frozen(number))
        judged.user_attrs = {**judged.user_attrs, SEED_LOSSES: seed_losses}
        return self._study.pruner.prune(self._study, judged)

    def set_failures(self, number: int, failures: list[dict[str, str]]) -> None:
        """Write a trial's failed attempts."""
        self._set(number, trials.FAILURES, failures)

    def end(self, number: int, ending: Ending) -> None:
        """Write the end of a trial."""
        self._set(number, trials.OUTCOME, ending.outcome)
        value = ending.value if ending.state == "complete" else None
        self._study.tell(number, value, _FINAL[ending.state])

    def _frozen(self, number: int) -> FrozenTrial:
        return self._backend.get_trial(self._id(number))

    def _set(self, number: int, key: str, value: Any) -> None:
        self._backend.set_trial_user_attr(self._id(number), key, value)

    def _id(self, number: int) -> int:
        if number not in self._ids:
            self._ids[number] = self._backend.get_trial_id_from_study_id_trial_number(
                self._identifier, number
            )
        return self._ids[number]
