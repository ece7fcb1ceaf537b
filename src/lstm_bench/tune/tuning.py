"""Tuning: a driver that asks the sampler, hands trials to free slots, and prunes while they train."""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, Trial, TrialState

from lstm_bench.config.values.duration import parse_duration
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError, RunError
from lstm_bench.exec.devices import Slot, SlotTable
from lstm_bench.exec.worker import Failed, Job, Lost
from lstm_bench.tracking.tracker import NoTracker, Tracker
from lstm_bench.tune import liveness, trials
from lstm_bench.tune.objective import (
    SeedLosses,
    diverged_seeds,
    epoch_value,
    final_value,
    say_diverged,
)
from lstm_bench.tune.pruning import SEED_LOSSES, make_pruner
from lstm_bench.tune.sampling import GridSampler, make_sampler
from lstm_bench.tune.space import suggest
from lstm_bench.tune.tracking import TrackedTrials
from lstm_bench.tune.training import TRAIN_TRIAL, trial_key

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.progress import TuneProgress
    from lstm_bench.tune.store import Store

__all__ = ["Prepare", "Tuning"]

Prepare = Callable[["ResolvedRun", str], dict[str, Any]]

_MOST_DEATHS = 5
_MOST_FAILURES_IN_A_ROW = 10


@dataclass
class _Running:
    """A trial that this driver has taken.

    Attributes
    ----------
    job : what its worker does
    config : what it trains; None where the parameters make none
    known_epochs : reported by an earlier attempt: they were judged then
    losses : seed -> validation loss per epoch, of this attempt
    """

    trial: Trial
    params: dict[str, Any]
    job: Job
    key: str
    known_epochs: int
    config: ResolvedRun | None = None
    losses: dict[int, list[float]] = field(default_factory=dict)
    device: str | None = None
    deadline: float | None = None
    failures: list[dict[str, str]] = field(default_factory=list)
    deaths: int = 0

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.trial.number

    @property
    def is_overdue(self) -> bool:
        """Whether the trial has had its time."""
        return self.deadline is not None and time.monotonic() >= self.deadline


class Tuning:
    """Gives trials to a :class:`~lstm_bench.exec.dispatch.Dispatcher`.

    Parameters
    ----------
    store, name
        The study.
    slots
        Told what trials take, and narrowed where memory is short.
    total
        Trials that are complete, pruned or finally failed when tuning is over; with ``more`` on top of those there.
    prepare
        Configuration of a trial and its key -> the payload that its job has beside ``workflow`` and ``seeds``.
    progress
        Hears what happens.
    work
        The job's function.
    tracker
        Hears of the trials that are trained here; nobody does where None.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        slots: SlotTable,
        *,
        total: int,
        prepare: Prepare,
        progress: TuneProgress,
        work: str = TRAIN_TRIAL,
        tracker: Tracker | None = None,
    ) -> None:
        self._store = store
        self._slots = slots
        self._total = total
        self._prepare = prepare
        self._progress = progress
        self._work = work
        self._definition: Definition = store.definition(name)
        self._tracked = TrackedTrials(tracker or NoTracker(), self._definition)
        config = self._definition.config
        self._study = store.study(name)
        self._study.sampler = make_sampler(config.sampler, config.space)
        self._study.pruner = make_pruner(config.pruner, config.max_epochs)
        self._driver = liveness.this_driver()
        self._next_beat = 0.0
        self._failed_in_a_row = 0
        self._again: deque[_Running] = deque()
        self._running: dict[str, _Running] = {}

    # -- where jobs come from ------------------------------------------------------------------------------------

    def claim(self, slot: Slot) -> Job | None:
        """Give a trial to try again, one that was interrupted or queued, or a new one."""
        self.tick()
        while not self._again:
            taken = self._ask()
            if taken is None:
                return None
            running = self._with_job(*taken)
            if running is not None and not self._settle_duplicate(running):
                self._again.append(running)
        running = self._again.popleft()
        timeout = self._definition.config.trial_timeout
        running.deadline = None if timeout is None else time.monotonic() + parse_duration(timeout)
        running.losses = {}
        self._running[running.job.key] = running
        self._progress.began(running.number, slot.name, running.params)
        self._track(running)
        return running.job

    def _ask(self) -> tuple[Trial, dict[str, Any], FrozenTrial | None] | None:
        """Take the next trial under the drivers' lock: a total stays a total, whoever else asks.

        Returns
        -------
        The trial, its parameters, and what was known of it before if it is not new; None where there is none.
        """
        with self._store.exclusive(self._study.study_name):
            there = self._study.get_trials(deepcopy=False)
            if self._free_orphans(there):
                there = self._study.get_trials(deepcopy=False)
            waiting = sum(trial.state == TrialState.WAITING for trial in there)
            if len(there) - waiting >= self._total or (not waiting and self._is_exhausted(there)):
                return None
            trial = self._study.ask()
            trial.set_user_attr(trials.DRIVER, self._driver)
            params = suggest(trial, self._definition.config.space)
        return trial, params, there[trial.number] if trial.number < len(there) else None

    def _with_job(self, trial: Trial, params: dict[str, Any], before: FrozenTrial | None) -> _Running | None:
        """Make a trial's job; one whose configuration or data cannot be used has failed."""
        failures = [] if before is None else list(before.user_attrs.get(trials.FAILURES, []))
        seeds = self._definition.seeds(params)
        try:
            config = self._definition.run_config(params)
            key = trial_key(config, seeds, self._definition.data_fingerprint)
            workflow = config.to_file()
            workflow["qlib_init"]["provider_uri"] = ""  # a worker has no use for bars, and would find test's
            payload = {"workflow": workflow, "seeds": list(seeds), **self._prepare(config, key)}
        except (ConfigError, DataError) as error:
            running = _Running(trial, params, Job(f"trial {trial.number}", self._work, {}), "", 0)
            running.failures = [*failures, {"error": str(error), "traceback": ""}]
            self._fail(running, None)
            return None
        except BaseException:  # no fault of the trial's
            self._interrupt(self._study._storage.get_trial(trial._trial_id))
            raise
        return _Running(
            trial=trial,
            params=params,
            job=Job(f"trial {trial.number}", self._work, payload),
            key=key,
            known_epochs=0 if before is None else len(before.intermediate_values),
            config=config,
            failures=failures,
        )

    def _track(self, running: _Running) -> None:
        if running.config is not None:
            self._tracked.began(running.number, running.key, running.config, running.params)

    def _free_orphans(self, there: list[FrozenTrial]) -> bool:
        """Queue the trials of dead drivers again, under their numbers; tell whether there were any."""
        attributes = self._study.user_attrs
        found = False
        for trial in there:
            driver = trial.user_attrs.get(trials.DRIVER)
            if trial.state != TrialState.RUNNING or driver == self._driver:
                continue
            if driver is None or not liveness.is_alive(driver, attributes):
                self._interrupt(trial)
                found = True
        return found

    def _interrupt(self, trial: FrozenTrial) -> None:
        storage = self._study._storage
        times = int(trial.user_attrs.get(trials.INTERRUPTED, 0)) + 1
        storage.set_trial_user_attr(trial._trial_id, trials.INTERRUPTED, times)
        storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def _is_exhausted(self, there: list[FrozenTrial]) -> bool:
        sampler = self._study.sampler
        return isinstance(sampler, GridSampler) and not sampler.left(there)

    def _settle_duplicate(self, running: _Running) -> bool:
        """Give a trial the result of a finished one with the same configuration; one that diverged does so again."""
        for other in self._study.get_trials(deepcopy=False):
            outcome = other.user_attrs.get(trials.OUTCOME, {})
            if outcome.get("key") != running.key or other.number == running.number:
                continue
            diverged = outcome.get("diverged_seeds", [])
            if other.state not in (TrialState.COMPLETE, TrialState.PRUNED) and not diverged:
                continue
            self._track(running)
            for epoch, value in sorted(other.intermediate_values.items()):
                if epoch >= running.known_epochs:
                    running.trial.report(value, epoch)
                self._tracked.epoch(running.number, epoch, value, {})
            own = {"duplicate_of": other.number, "device": None, "slot": None, "seconds": 0.0}
            if diverged and other.state != TrialState.PRUNED:
                self._fail_diverged(running, diverged, {**outcome, **own})
            else:
                self._tell(running, other.state, other.value, {**outcome, **own})
            return True
        return False

    # -- what becomes of them ------------------------------------------------------------------------------------

    def opened(self, job: Job, slot: Slot, device: str) -> None:
        """Note which device the worker opened."""
        self._running[job.key].device = device

    def reported(self, job: Job, slot: Slot, values: dict[str, Any]) -> bool:
        """Report an epoch's mean validation loss to Optuna; return whether the trial goes on.

        It does not where a seed has diverged: the trial has failed, whatever its other seeds do.
        """
        running, epoch = self._running[job.key], int(values["epoch"])
        for seed, loss in values["losses"].items():
            running.losses.setdefault(int(seed), []).append(loss)
        value = epoch_value(running.losses, epoch)
        if value is not None and not self._is_ours(running):
            return False
        self._tracked.epoch(running.number, epoch, value, values)
        if value is None:
            return False
        self._progress.epoch(running.number, slot.name, epoch, value)
        if epoch < running.known_epochs - 1:
            return True
        if epoch >= running.known_epochs:
            running.trial.report(value, epoch)
        judged = copy.copy(self._study._storage.get_trial(running.trial._trial_id))
        judged.user_attrs = {**judged.user_attrs, SEED_LOSSES: _without_nan(running.losses)}
        return not self._study.pruner.prune(self._study, judged)

    def finished(self, job: Job, slot: Slot, result: dict[str, Any]) -> None:
        """Tell Optuna the trial's value, or that it was pruned."""
        running = self._running.pop(job.key)
        self._slots.measured(slot, int(result.get("peak_bytes", 0)))
        outcome = {
            "key": running.key,
            "device": running.device,
            "slot": slot.name,
            "seconds": result["seconds"],
            "epochs": _epochs(running.losses),
            "replayed": bool(result.get("replayed")),
            "training_path": result.get("training_path"),
            "status": _by_text(result.get("status", {})),
            "diverged_seeds": diverged_seeds(running.losses),
            SEED_LOSSES: _without_nan(running.losses),
            trials.VALID_IC: _by_text(result.get("valid_ic", {})),
        }
        if diverged := diverged_seeds(running.losses):
            self._fail_diverged(running, diverged, outcome)
        elif result["pruned"]:
            self._tell(running, TrialState.PRUNED, None, outcome)
        else:
            self._tell(running, TrialState.COMPLETE, final_value(running.losses), outcome)

    def failed(self, job: Job, slot: Slot, failure: Failed | Lost) -> None:
        """Try again, on a device with fewer slots where memory was short, or take the failure down for good."""
        running = self._running.pop(job.key)
        if isinstance(failure, Lost) and running.is_overdue:
            final = True
            note = self._out_of_time()
        elif isinstance(failure, Lost):
            running.deaths += 1
            final = running.deaths > _MOST_DEATHS
            note = {"error": f"its worker was lost: {failure.reason}", "traceback": ""}
        elif failure.out_of_memory:
            final = not self._slots.narrow(slot)
            note = {"error": failure.error, "traceback": failure.traceback}
        else:
            note = {"error": failure.error, "traceback": failure.traceback}
            # those of an earlier driver count, those of lost workers and short memory do not
            raised = [one for one in running.failures if one.get("kind") == "raised"]
            final = failure.wrong_input or len(raised) >= self._definition.config.max_retries
            note["kind"] = "raised"
        running.failures.append(note)
        running.known_epochs = max(running.known_epochs, _epochs(running.losses))
        if final:
            self._fail(running, slot)
        else:
            running.trial.set_user_attr(trials.FAILURES, running.failures)
            self._progress.note(f"trial {running.number}: {note['error']}; it is tried again")
            self._again.append(running)

    def halted(self, job: Job, slot: Slot) -> None:
        """Queue an interrupted trial for the next start; one that has had its time has failed."""
        running = self._running.pop(job.key)
        if running.is_overdue:
            running.failures.append(self._out_of_time())
            self._fail(running, slot)
        else:
            self._release(running)

    def _out_of_time(self) -> dict[str, str]:
        limit = self._definition.config.trial_timeout
        return {"error": f"not done within trial_timeout, {limit}", "traceback": ""}

    def noted(self, text: str) -> None:
        """Pass it on."""
        self._progress.note(text)

    def overdue(self, job: Job) -> bool:
        """Tell whether a trial has had its time."""
        return self._running[job.key].is_overdue

    def tick(self) -> None:
        """Say that this driver lives."""
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + liveness.BEAT_SECONDS
            self._study.set_user_attr(*liveness.beat(self._driver))

    def close(self) -> None:
        """Queue again what waited for another try, and what was at work when the dispatcher was broken off."""
        for running in [*self._again, *self._running.values()]:
            self._release(running)
        self._again.clear()
        self._running.clear()

    def _release(self, running: _Running) -> None:
        if not self._is_ours(running):
            return
        self._interrupt(self._study._storage.get_trial(running.trial._trial_id))
        self._progress.ended(running.number, "interrupted", None)
        self._tracked.ended(running.number, "interrupted", None, {"epochs": _epochs(running.losses)})

    def _is_ours(self, running: _Running) -> bool:
        """Tell whether a trial is still this driver's: one that was silent for long has been taken for dead."""
        trial = self._study._storage.get_trial(running.trial._trial_id)
        ours = trial.state == TrialState.RUNNING and trial.user_attrs.get(trials.DRIVER) == self._driver
        if not ours:
            self._progress.note(f"trial {running.number}: another driver has taken it over meanwhile")
        return ours

    def _fail(self, running: _Running, slot: Slot | None, outcome: Mapping[str, Any] | None = None) -> None:
        where = {"key": running.key, "device": running.device, "slot": slot.name if slot else None}
        self._tell(running, TrialState.FAIL, None, {**where, "seconds": None, **(outcome or {})})

    def _fail_diverged(self, running: _Running, seeds: list[int], outcome: dict[str, Any]) -> None:
        running.failures.append({"error": say_diverged(seeds), "traceback": ""})
        self._tell(running, TrialState.FAIL, None, outcome)

    def _tell(
        self, running: _Running, state: TrialState, value: float | None, outcome: dict[str, Any]
    ) -> None:
        if not self._is_ours(running):
            return
        if state == TrialState.FAIL:
            running.trial.set_user_attr(trials.FAILURES, running.failures)
        running.trial.set_user_attr(trials.OUTCOME, outcome)
        self._study.tell(running.number, value if state == TrialState.COMPLETE else None, state)
        final = trials.FINISHED_STATES[state.name]
        self._progress.ended(running.number, final, value)
        error = running.failures[-1]["error"] if state == TrialState.FAIL else None
        self._tracked.ended(running.number, final, value, {**outcome, "error": error})
        self._failed_in_a_row = self._failed_in_a_row + 1 if state == TrialState.FAIL else 0
        if self._failed_in_a_row == _MOST_FAILURES_IN_A_ROW:
            raise RunError(
                f"{counted(self._failed_in_a_row, 'trial')} in a row have failed, the last one with: "
                f"{running.failures[-1]['error']}; "
                f"{self._store.command('study', 'show', self._study.study_name)} has the others"
            )


def _epochs(losses: SeedLosses) -> int:
    return max(map(len, losses.values()), default=0)


def _by_text(values: dict[int, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in values.items()}


def _without_nan(losses: dict[int, list[float]]) -> dict[str, list[float | None]]:
    return {
        str(seed): [loss if math.isfinite(loss) else None for loss in curve] for seed, curve in losses.items()
    }
