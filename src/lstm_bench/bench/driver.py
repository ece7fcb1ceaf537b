"""Membertion: a configuration that is fixed, trained over seeds and evaluated on test, each run recorded."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.bench.manifest import Bench, BenchRow
from lstm_bench.exec.devices import Device, Slot, SlotTable
from lstm_bench.exec.dispatch import Dispatcher, graceful_interrupt
from lstm_bench.exec.worker import Failed, Job, Lost, Session
from lstm_bench.record.identity import run_id
from lstm_bench.record.publish import recover
from lstm_bench.record.record import Record
from lstm_bench.tracking.tracked import described, epoch_values
from lstm_bench.tracking.tracker import NoTracker, State, Tracker, tracked_id
from lstm_bench.tune.driver import ExecutorName, make_executor

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.model.trainer import Fit
    from lstm_bench.record.stamp import NamedData
    from lstm_bench.run.judgement.finding import Finding
    from lstm_bench.tune.progress import BenchProgress

__all__ = ["BenchResult", "Candidate", "bench", "run_pack"]

RUN_PACK = "lstm_bench.bench.driver:run_pack"

_MOST_DEATHS = 5


@dataclass(frozen=True)
class Candidate:
    """A configuration to memberte.

    Attributes
    ----------
    label : the row's name within its study
    study : the study, or the workflow file's name; also the experiment's folder
    trial : the trial that proposed it, None for a workflow file
    config
    data : the study's, None for a workflow file
    """

    label: str
    study: str
    trial: int | None
    config: ResolvedRun
    data: NamedData | None = None


@dataclass(frozen=True)
class BenchResult:
    """What a call of :func:`bench` left.

    Attributes
    ----------
    rows : of the manifest, by label
    computed : runs that were trained now
    interrupted : whether it was stopped before its end
    """

    rows: dict[str, BenchRow]
    computed: int
    interrupted: bool


def bench(
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    *,
    devices: Sequence[Device],
    slots_per_device: int | None = None,
    pack_width: int | None = None,
    executor: ExecutorName = "local",
    results: Path = Path("results"),
    force: bool = False,
    progress: BenchProgress,
    tracker: Tracker | None = None,
) -> BenchResult:
    """Train configurations over seeds, but for the runs that have a record.

    Parameters
    ----------
    candidates
        Of one study.
    seeds
        Of each.
    pack_width
        Seeds that are trained together. None shares them out over the slots of accelerators; on the processor,
        where a pack's members take turns, each is a job of its own and recorded as soon as it is done.
    results
        Records go to ``<results>/<study>``, beside the manifest that names them.
    force
        Train what has a record, too.
    tracker
        Hears of the runs that are trained; nobody does where None.

    Raises
    ------
    InputError
        Where a configuration or its data cannot be used.
    """
    from lstm_bench.run.judgement.finding import say

    opened = [_opened(candidate, seeds, results, force=force) for candidate in candidates]
    say(_findings(opened, seeds, results, force=force))
    slots = SlotTable(devices, slots_per_device or 1)
    source = _Packs(
        opened, seeds, slots, pack_width, results,
        force=force, progress=progress, tracker=tracker,
    )  # fmt: skip
    dispatcher = Dispatcher(source, make_executor(executor, slots, slots_per_device or 1), slots)
    with graceful_interrupt(dispatcher.stop):
        dispatcher.run()
    return BenchResult(source.rows, source.computed, dispatcher.stopping)


def _opened(
    candidate: Candidate, seeds: Sequence[int], results: Path, *, force: bool
) -> tuple[Candidate, NamedData]:
    """Open an candidate's data, and close its segments as a run of it does, so that both have the same names."""
    from lstm_bench.data.provider import Provider
    from lstm_bench.dataset.segments import close_segments
    from lstm_bench.record.stamp import data_of_run

    if candidate.data is not None:
        return candidate, candidate.data
    provider = Provider(candidate.config.qlib_init.provider_uri)
    config = close_segments(candidate.config, provider)
    data = data_of_run(config, provider, results / candidate.study, seeds, force=force)
    return replace(candidate, config=config), data


def _findings(
    opened: Sequence[tuple[Candidate, NamedData]], seeds: Sequence[int], results: Path, *, force: bool
) -> Iterator[Finding]:
    """Find what is wrong with the configurations that are not recorded for all seeds."""
    from lstm_bench.run.judgement.setup import judge_setup

    for candidate, data in opened:
        folder = results / candidate.study
        names = (run_id(candidate.config.with_seed(seed), data.name) for seed in seeds)
        if force or any(Record.find(folder / name) is None for name in names):
            yield from judge_setup(candidate.config, data.provider)


def run_pack(payload: dict[str, Any], session: Session) -> dict[str, Any]:
    """Train and record runs of one configuration, from bars on: the job of a worker.

    Parameters
    ----------
    payload
        ``workflow``, ``seeds``, ``experiment`` (the folder of records), ``force``, ``data`` (their name, as
        :meth:`lstm_bench.record.stamp.NamedData.to_json` gives it).
    session
        Takes ``{"epoch": e, "losses": {seed: loss}, "figures": {seed: all that the trainer says}}`` after each epoch.

    Returns
    -------
    dict
        ``runs`` ``{seed: run id}``, ``errors`` ``{seed: message}``, ``computed``, ``peak_bytes``.
    """
    from lstm_bench.config.workflow import RunConfig
    from lstm_bench.dataset.cache import DatasetCache
    from lstm_bench.record.stamp import NamedData
    from lstm_bench.run.runner import execute_pack
    from lstm_bench.tune.training import peak_bytes

    class ToDriver:
        """A run's progress, told to the driver."""

        def stage(self, name: str) -> None:
            session.check()

        def step(self, done: int, steps: int) -> None:
            session.check()

        def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
            epoch = max(len(fit.epochs) for fit in fits) - 1
            last = {fit.member.seed: fit.epochs[-1] for fit in fits if len(fit.epochs) == epoch + 1}
            losses = {seed: one.valid_loss for seed, one in last.items()}
            figures = {seed: epoch_values(one) for seed, one in last.items()}
            session.report({"epoch": epoch, "losses": losses, "figures": figures})

    config = RunConfig.model_validate(payload["workflow"])
    runs = execute_pack(
        config,
        payload["seeds"],
        Path(payload["experiment"]),
        device=str(session.device),
        force=payload["force"],
        progress=ToDriver(),
        cache=DatasetCache(),
        judged=True,
        data=NamedData.from_json(payload["data"], config.qlib_init.provider_uri),
    )
    return {
        "runs": {run.seed: run.record.path.name for run in runs},
        "errors": {run.seed: run.error for run in runs if run.error is not None},
        "computed": sum(run.computed for run in runs),
        "peak_bytes": peak_bytes(session.device),
    }


class _Packs:
    """Gives packs of seeds to a dispatcher, and keeps the manifest."""

    def __init__(
        self,
        opened: Sequence[tuple[Candidate, NamedData]],
        seeds: Sequence[int],
        slots: SlotTable,
        pack_width: int | None,
        results: Path,
        *,
        force: bool,
        progress: BenchProgress,
        tracker: Tracker | None = None,
    ) -> None:
        self._candidates = {candidate.label: candidate for candidate, _ in opened}
        self._slots = slots
        self._force = force
        self._progress = progress
        self._tracker = tracker or NoTracker()
        self._data = {candidate.label: data for candidate, data in opened}
        self._experiment = results / opened[0][0].study
        self._waiting: deque[tuple[str, list[int]]] = deque()
        self._deaths: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._names: dict[str, dict[int, str]] = {}
        self._noted: set[str] = set()
        self.rows: dict[str, BenchRow] = {}
        self.computed = 0
        for candidate, _ in opened:
            self._enter(candidate, seeds, pack_width)

    def _enter(self, candidate: Candidate, seeds: Sequence[int], pack_width: int | None) -> None:
        """Look which runs are there already, and queue the others in packs."""
        data = self._data[candidate.label]
        workflow = candidate.config.to_file()
        workflow["task"]["model"]["kwargs"].pop("seed", None)

        def names(wanted: Iterable[int]) -> dict[int, str]:
            return {seed: run_id(candidate.config.with_seed(seed), data.name) for seed in wanted}

        def entered(before: BenchRow | None) -> BenchRow:
            if before is not None and (
                before.workflow != workflow or dict(before.runs) != names(before.runs)
            ):
                before = None  # of another configuration, or of other data
            asked = sorted({*seeds, *(before.seeds if before is not None else ())})
            runs, failures = self._recorded(names(asked), () if not self._force else seeds)
            known = {} if before is None else before.failures
            failures |= {seed: text for seed, text in known.items() if seed not in (*runs, *seeds)}
            return BenchRow(
                label=candidate.label, study=candidate.study, trial=candidate.trial, seeds=tuple(asked), runs=runs,
                failures=failures, features=candidate.config.feature_set, workflow=workflow,
            )  # fmt: skip

        row = self.rows[candidate.label] = Bench.change(self._experiment, candidate.label, entered)
        self._names[candidate.label] = names(seeds)
        runs = row.runs
        missing = [seed for seed in seeds if seed not in runs]
        self._progress.entered(candidate.label, len(runs), len(missing))
        width = pack_width or self._width(len(missing))
        self._waiting.extend(
            (candidate.label, missing[begin : begin + width]) for begin in range(0, len(missing), width)
        )

    def _width(self, seeds: int) -> int:
        if any(device.opens == "cpu" for device in self._slots.devices):
            return 1
        return max(1, math.ceil(seeds / len(self._slots.slots)))

    def claim(self, slot: Slot) -> Job | None:
        """Give the next pack."""
        if not self._waiting:
            return None
        label, seeds = self._waiting.popleft()
        payload = {
            "workflow": self._candidates[label].config.to_file(),
            "seeds": seeds,
            "experiment": str(self._experiment),
            "force": self._force,
            "data": self._data[label].to_json(),
            "label": label,
        }
        job = Job(f"{label}, seed {', '.join(map(str, seeds))}", RUN_PACK, payload)
        self._began[job.key] = time.monotonic()
        self._progress.began(job.key, slot.name)
        for seed in seeds:
            config, name = self._candidates[label].config.with_seed(seed), self._names[label][seed]
            data, study = self._data[label].name, self._candidates[label].study
            self._tracker.begin(described(config, name, data, study, "bench", label))
        return job

    def _tracked(self, job: Job) -> dict[int, str]:
        """Return by which names a tracker knows a job's runs."""
        label = job.payload["label"]
        names, study = self._names[label], self._candidates[label].study
        return {seed: tracked_id(names[seed], study) for seed in job.payload["seeds"]}

    def opened(self, job: Job, slot: Slot, device: str) -> None:
        """Do nothing: the records name their devices."""

    def reported(self, job: Job, slot: Slot, values: dict[str, Any]) -> bool:
        """Show the epoch."""
        tracked = self._tracked(job)
        for seed, figures in values["figures"].items():
            self._tracker.epoch(tracked[seed], int(values["epoch"]), figures)
        self._progress.epoch(job.key, slot.name, int(values["epoch"]), values["losses"])
        return True

    def finished(self, job: Job, slot: Slot, result: dict[str, Any]) -> None:
        """Take the records' names into the manifest."""
        self.computed += int(result["computed"])
        self._tell_ends(job, result["runs"], "interrupted", {})
        self._note(job.payload["label"], result["runs"], result["errors"])
        self._progress.ended(job.key, time.monotonic() - self._began[job.key], result["errors"])

    def failed(self, job: Job, slot: Slot, failure: Failed | Lost) -> None:
        """Try again what was lost, and what did not fit in memory in halves; else take the failure down."""
        label, seeds = job.payload["label"], job.payload["seeds"]
        message = f"its worker was lost: {failure.reason}" if isinstance(failure, Lost) else failure.error
        if isinstance(failure, Lost):
            self._deaths[job.key] = self._deaths.get(job.key, 0) + 1
            if self._deaths[job.key] <= _MOST_DEATHS:
                return self._try_again(label, [seeds], job.key, message)
        elif failure.out_of_memory and len(seeds) > 1:
            half = len(seeds) // 2
            return self._try_again(label, [seeds[:half], seeds[half:]], job.key, message)
        elif failure.out_of_memory and self._slots.narrow(slot):
            return self._try_again(label, [seeds], job.key, message)
        # a pack may have recorded some of its seeds before another one raised
        runs, failures = self._recorded({seed: self._names[label][seed] for seed in seeds})
        failures |= {seed: message for seed in seeds if seed not in runs}
        self._tell_ends(job, runs, "failed", {"error": message})
        self._note(label, runs, failures)
        self._progress.ended(job.key, time.monotonic() - self._began[job.key], failures)
        return None

    def halted(self, job: Job, slot: Slot) -> None:
        """Leave it to the next start."""
        names = self._names[job.payload["label"]]
        done, _ = self._recorded({seed: names[seed] for seed in job.payload["seeds"]})
        self._tell_ends(job, done, "interrupted", {})
        self._progress.ended(job.key, time.monotonic() - self._began[job.key], {0: "interrupted"})

    def noted(self, text: str) -> None:
        """Pass it on, once: each job of a row logs the same of its data."""
        if text not in self._noted:
            self._noted.add(text)
            self._progress.note(text)

    def overdue(self, job: Job) -> bool:
        """Say no: a bench has no time-out."""
        return False

    def tick(self) -> None:
        """Do nothing."""

    def _tell_ends(
        self, job: Job, recorded: Mapping[int, str], otherwise: State, summary: Mapping[str, str]
    ) -> None:
        """Tell a tracker how a job's runs ended: with their records, or in another way."""
        for seed, tracked in self._tracked(job).items():
            if seed in recorded:
                self._tracker.recorded(tracked, self._experiment / recorded[seed])
            else:
                self._tracker.end(tracked, otherwise, summary, {})

    def _try_again(self, label: str, packs: Sequence[list[int]], key: str, message: str) -> None:
        self._progress.note(f"{key}: {message}; it is tried again")
        self._waiting.extendleft((label, seeds) for seeds in reversed(packs))

    def _recorded(
        self, names: Mapping[int, str], but: Sequence[int] = ()
    ) -> tuple[dict[int, str], dict[int, str]]:
        """Look which runs have a record, and which of these have failed.

        Returns
        -------
        runs, failures
            Seed -> run id, and seed -> what went wrong.
        """
        runs, failures = {}, {}
        for seed, name in names.items():
            recover(self._experiment / name)
            record = Record.find(self._experiment / name)
            if record is None or seed in but:
                continue
            runs[seed] = name
            failure = record.failure()
            if failure is not None:
                failures[seed] = failure
        return runs, failures

    def _note(self, label: str, runs: Mapping[int, str], failures: Mapping[int, str]) -> None:
        """Put what became of some seeds into the manifest."""

        def noted(row: BenchRow | None) -> BenchRow:
            if row is None or row.workflow != self.rows[label].workflow:
                row = self.rows[label]
            kept = {seed: text for seed, text in row.failures.items() if seed not in runs}
            return row.model_copy(update={"runs": {**row.runs, **runs}, "failures": {**kept, **failures}})

        self.rows[label] = Bench.change(self._experiment, label, noted)
