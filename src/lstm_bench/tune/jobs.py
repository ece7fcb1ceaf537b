"""The jobs of a study: claims its trials, passes them to a dispatcher and writes their outcomes.

:mod:`lstm_bench.tune.scheduler` decides; :mod:`lstm_bench.tune.repository.study_trials` reads and writes the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lstm_bench.config.values.duration import parse_duration
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError, RunError
from lstm_bench.exec.devices import Slot, SlotTable
from lstm_bench.exec.dispatch import JobSource
from lstm_bench.exec.retry import Failed
from lstm_bench.exec.worker import Job
from lstm_bench.tracking.tracker import Tracker
from lstm_bench.tune import liveness
from lstm_bench.tune.repository.study_trials import StudyTrials
from lstm_bench.tune.scheduler import (
    MAX_FAILURES_IN_A_ROW,
    Ending,
    TrialRun,
    may_claim,
    orphans,
    twin_of,
)
from lstm_bench.tune.tracking import TrackedTrials
from lstm_bench.tune.training import TRAIN_TRIAL, trial_key

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.tune.progress import TuneProgress
    from lstm_bench.tune.repository.store import Store

__all__ = ["Prepare", "TrialJobs"]

Prepare = Callable[["ResolvedRun", str], dict[str, Any]]
"""Configuration of a trial and its key -> the payload of its job, in addition to ``workflow`` and ``seeds``."""


class TrialJobs(JobSource):
    """The source of a study's jobs. The seeds of a trial train together, so that no job is split.

    Parameters
    ----------
    slots
        Receives the peak memory of each job.
    total
        Complete, pruned and failed trials to reach.
    work
        The job's function.
    tracker
        Tracks the trials that are trained here; None disables tracking.
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
        self._name = name
        self._slots = slots
        self._total = total
        self._prepare = prepare
        self._progress = progress
        self._work = work
        self._definition = store.definition(name)
        self._tracked = TrackedTrials(tracker or Tracker(), self._definition)
        self._driver = liveness.this_driver()
        self._trials = StudyTrials(store, self._definition, self._driver)
        self._next_beat = 0.0
        self._failed_in_a_row = 0
        self._running: dict[str, TrialRun] = {}

    # -- the next job ------------------------------------------------------------------------------------------

    def claim(self, slot: Slot) -> Job | None:
        """Take an interrupted, queued or new trial, and make its job."""
        self.tick()
        while (run := self._take()) is not None:
            payload = self._payload(run)
            if payload is None or self._settle_duplicate(run):
                continue
            limits = self._definition.config
            job = Job(
                f"trial {run.number}",
                self._work,
                payload,
                max_retries=limits.max_retries,
                timeout_seconds=None
                if limits.trial_timeout is None
                else parse_duration(limits.trial_timeout),
                raised_before=run.times_raised,
            )
            self._running[job.key] = run
            return job
        return None

    def _take(self) -> TrialRun | None:
        """Take the next trial under the drivers' lock, so that all drivers together do not exceed the total."""
        with self._trials.exclusive():
            stored = self._trials.read()
            if dead := orphans(stored, self._driver, self._trials.is_alive):
                for number in dead:
                    self._trials.requeue(number)
                stored = self._trials.read()
            if not may_claim(stored, self._total, self._trials.is_exhausted):
                return None
            number, params = self._trials.ask()
        if number >= len(stored):
            return TrialRun(number, params)
        earlier = stored[number]
        return TrialRun(
            number,
            params,
            known_epochs=len(earlier.epoch_values),
            failures=[dict(one) for one in earlier.failures],
        )

    def _payload(self, run: TrialRun) -> dict[str, Any] | None:
        """Make the payload of a trial's job; None, and the trial fails, if its configuration or data cannot be used."""
        seeds = self._definition.seeds(run.params)
        try:
            config = self._definition.run_config(run.params)
            key = trial_key(config, seeds, self._definition.data_fingerprint)
            workflow = config.to_file()
            workflow["qlib_init"]["provider_uri"] = ""  # a worker does not read bars, so it cannot read test
            payload = {"workflow": workflow, "seeds": list(seeds), **self._prepare(config, key)}
        except (ConfigError, DataError) as error:
            run.failures.append({"error": str(error), "traceback": ""})
            self._end(run, run.failed())
            return None
        except BaseException:  # not the trial's fault
            self._trials.requeue(run.number)
            raise
        run.config, run.key = config, key
        return payload

    def _settle_duplicate(self, run: TrialRun) -> bool:
        """Give a trial the result of a finished one with the same configuration; False if there is none."""
        twin = twin_of(self._trials.read(), run.number, run.key)
        if twin is None:
            return False
        self._track(run)
        for epoch, value in sorted(twin.epoch_values.items()):
            if epoch >= run.known_epochs:
                self._trials.report(run.number, epoch, value)
            self._tracked.epoch(run.number, epoch, value, {})
        self._end(run, run.like(twin))
        return True

    def _track(self, run: TrialRun) -> None:
        if run.config is not None:
            self._tracked.began(run.number, run.key, run.config, run.params)

    # -- outcomes of jobs ----------------------------------------------------------------------------------------

    def started(self, job: Job, slot: Slot) -> None:
        """Begin an attempt at a trial."""
        run = self._running[job.key]
        run.losses = {}
        self._progress.began(run.number, slot.name, run.params)
        self._track(run)

    def opened(self, job: Job, slot: Slot, device: str) -> None:
        """Record the device that the worker opened."""
        self._running[job.key].device = device

    def reported(self, job: Job, slot: Slot, values: dict[str, Any]) -> bool:
        """Write an epoch's mean validation loss; return False to prune the trial, or to end it if a seed diverged."""
        run, number = self._running[job.key], int(values["epoch"])
        epoch = run.add_epoch(number, values["losses"])
        if epoch.value is not None and not self._is_ours(run):
            return False
        self._tracked.epoch(run.number, number, epoch.value, values)
        if epoch.value is None:
            return False
        self._progress.epoch(run.number, slot.name, number, epoch.value)
        if epoch.is_new:
            self._trials.report(run.number, number, epoch.value)
        return not (epoch.is_judged and self._trials.should_prune(run.number, run.seed_losses))

    def finished(self, job: Job, slot: Slot, result: dict[str, Any]) -> None:
        """Write a trial's result."""
        run = self._running.pop(job.key)
        self._slots.measured(slot, int(result.get("peak_bytes", 0)))
        self._end(run, run.finished(result, slot.name))

    def retried(self, job: Job, failure: Failed) -> None:
        """Write a failed attempt at a trial that is tried again."""
        run = self._running[job.key]
        self._add_failure(run, failure)
        self._trials.set_failures(run.number, run.failures)
        self._progress.note(f"trial {run.number}: {run.failures[-1]['error']}; it is tried again")

    def failed(self, job: Job, slot: Slot, failure: Failed) -> None:
        """Write that a trial has failed."""
        run = self._running.pop(job.key)
        self._add_failure(run, failure)
        self._end(run, run.failed(slot.name))

    def _add_failure(self, run: TrialRun, failure: Failed) -> None:
        run.add_failure(failure, self._definition.config.trial_timeout)

    def halted(self, job: Job, slot: Slot) -> None:
        """Queue an interrupted trial for the next driver."""
        self._release(self._running.pop(job.key))

    def noted(self, text: str) -> None:
        """Show a message."""
        self._progress.note(text)

    def tick(self) -> None:
        """Record from time to time that this driver is alive."""
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + liveness.BEAT_SECONDS
            self._trials.beat()

    def close(self) -> None:
        """Queue the trials again that have not ended: those to be tried again, and all if the dispatcher raised."""
        for run in self._running.values():
            self._release(run)
        self._running.clear()

    def _release(self, run: TrialRun) -> None:
        if self._is_ours(run):
            self._trials.requeue(run.number)
            self._progress.ended(run.number, "interrupted", None)
            self._tracked.ended(run.number, "interrupted", None, {"epochs": run.epochs})

    def _is_ours(self, run: TrialRun) -> bool:
        is_ours = self._trials.is_ours(run.number)
        if not is_ours:
            self._progress.note(f"trial {run.number}: another driver has taken it over in the meantime")
        return is_ours

    def _end(self, run: TrialRun, ending: Ending) -> None:
        if not self._is_ours(run):
            return
        if ending.state == "failed":
            self._trials.set_failures(run.number, run.failures)
        self._trials.end(run.number, ending)
        self._progress.ended(run.number, ending.state, ending.value)
        self._tracked.ended(run.number, ending.state, ending.value, {**ending.outcome, "error": ending.error})
        self._failed_in_a_row = self._failed_in_a_row + 1 if ending.state == "failed" else 0
        if self._failed_in_a_row == MAX_FAILURES_IN_A_ROW:
            raise RunError(
                f"{counted(self._failed_in_a_row, 'trial')} in a row have failed, the last one with: {ending.error}; "
                f"{self._store.command('study', 'show', self._name)} has the others"
            )
