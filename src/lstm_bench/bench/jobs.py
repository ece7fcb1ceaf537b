"""The jobs of a bench: passes packs of seeds to a dispatcher and updates the manifest."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.manifest import Bench, BenchRow, workflow_of_row
from lstm_bench.bench.training import RUN_PACK
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError
from lstm_bench.exec.devices import Slot, SlotTable
from lstm_bench.exec.dispatch import JobSource
from lstm_bench.exec.retry import Failed
from lstm_bench.exec.worker import Job
from lstm_bench.record.identity import run_id
from lstm_bench.record.publish import recover
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.tracking.tracked import described
from lstm_bench.tracking.tracker import Tracker, tracked_id

if TYPE_CHECKING:
    from lstm_bench.record.stamp import NamedData
    from lstm_bench.tune.progress import BenchProgress

__all__ = ["PackJobs"]


@dataclass
class _Row:
    """A candidate with its data, the folder of its records, and the run id of each seed asked for."""

    name: str
    candidate: Candidate
    data: NamedData
    experiment: Path
    ids: dict[int, str]

    def ids_of(self, seeds: Iterable[int]) -> dict[int, str]:
        """Seed -> run id."""
        return {seed: run_id(self.candidate.config.with_seed(seed), self.data.name) for seed in seeds}

    def is_same(self, entry: BenchRow) -> bool:
        """Whether an entry of the manifest has the same configuration and data, so that their runs are one row's."""
        try:
            before = RunConfig.model_validate(entry.workflow)
        except ValidationError:  # of a version with other keys
            return False
        return before.identity() == self.candidate.config.identity() and dict(entry.runs) == self.ids_of(
            entry.runs
        )


class PackJobs(JobSource):
    """The source of a bench's jobs, for candidates with closed segments and their data.

    A ``pack_width`` of None suits the devices.

    Attributes
    ----------
    rows : of the manifests, by label, or by ``STUDY/ROW`` if the candidates are of several studies
    computed : runs that were trained
    """

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
        self._slots = slots
        self._force = force
        self._progress = progress
        self._tracker = tracker or Tracker()
        self._pack_width = pack_width
        self._waiting: deque[Job] = deque()
        self._started: dict[str, float] = {}
        self._rows: dict[str, _Row] = {}
        self.rows: dict[str, BenchRow] = {}
        self.computed = 0
        studies = {candidate.study for candidate, _ in opened}
        for candidate, data in opened:
            name = candidate.label if len(studies) == 1 else f"{candidate.study}/{candidate.label}"
            self._rows[name] = _Row(name, candidate, data, results / candidate.study, {})
            if seeds:
                self.add(name, seeds)

    def add(self, name: str, seeds: Sequence[int]) -> None:
        """Enter seeds of a row into its manifest, and queue those that have no record, in packs."""
        row = self._rows[name]
        row.ids |= row.ids_of(seeds)
        candidate = row.candidate
        workflow = workflow_of_row(candidate.config)

        def entered(before: BenchRow | None) -> BenchRow:
            if before is not None and before.model is not None:
                label = f"{candidate.study}/{candidate.label}"
                raise ConfigError(
                    f"{label} is a row of {ScoringModel.of(before.model).name}; give --name another row"
                )
            if before is not None and not row.is_same(before):
                self._progress.note(
                    f"{candidate.study}/{candidate.label} had another configuration or other data, with "
                    f"{counted(len(before.runs), 'run')}: it is replaced as a row, its records remain"
                )
                before = None
            all_seeds = sorted({*seeds, *(before.seeds if before is not None else ())})
            runs, failures = _recorded(row, row.ids_of(all_seeds), seeds if self._force else ())
            known = {} if before is None else before.failures
            failures |= {seed: text for seed, text in known.items() if seed not in (*runs, *seeds)}
            return BenchRow(
                label=candidate.label, study=candidate.study, trial=candidate.trial, seeds=tuple(all_seeds),
                runs=runs, failures=failures, features=candidate.config.feature_set, workflow=workflow,
            )  # fmt: skip

        entry = self.rows[name] = Bench.change(row.experiment, candidate.label, entered)
        missing = [seed for seed in seeds if seed not in entry.runs]
        self._progress.entered(name, len(entry.runs), len(missing))
        width = self._pack_width or self._fitting_width(len(missing))
        self._waiting.extend(
            self._job(row, missing[begin : begin + width]) for begin in range(0, len(missing), width)
        )

    def _fitting_width(self, seeds: int) -> int:
        if any(device.opens == "cpu" for device in self._slots.devices):
            return 1
        return max(1, math.ceil(seeds / len(self._slots.slots)))

    def _job(self, row: _Row, seeds: list[int]) -> Job:
        payload = {
            "workflow": row.candidate.config.to_file(),
            "seeds": seeds,
            "experiment": str(row.experiment),
            "force": self._force,
            "data": row.data.to_json(),
            "row": row.name,
        }
        return Job(f"{row.name}, seed {', '.join(map(str, seeds))}", RUN_PACK, payload)

    def claim(self, slot: Slot) -> Job | None:
        """Return the next pack."""
        return self._waiting.popleft() if self._waiting else None

    def split(self, job: Job) -> Sequence[Job]:
        """Return the two halves of a pack."""
        row, seeds = self._row_of(job), job.payload["seeds"]
        half = len(seeds) // 2
        return [self._job(row, part) for part in (seeds[:half], seeds[half:])] if half else []

    def started(self, job: Job, slot: Slot) -> None:
        """Begin the runs of a pack."""
        self._started[job.key] = time.monotonic()
        self._progress.began(job.key, slot.name)
        row = self._row_of(job)
        candidate = row.candidate
        for seed in job.payload["seeds"]:
            config = candidate.config.with_seed(seed)
            self._tracker.begin(
                described(config, row.ids[seed], row.data.name, candidate.study, "bench", candidate.label)
            )

    def reported(self, job: Job, slot: Slot, values: dict[str, Any]) -> bool:
        """Show an epoch; a bench prunes nothing."""
        tracked = self._tracked_ids(job)
        for seed, figures in values["figures"].items():
            self._tracker.epoch(tracked[seed], int(values["epoch"]), figures)
        self._progress.epoch(job.key, slot.name, int(values["epoch"]), values["losses"])
        return True

    def finished(self, job: Job, slot: Slot, result: dict[str, Any]) -> None:
        """Write a pack's runs into the manifest."""
        self.computed += int(result["computed"])
        self._end(job, result["runs"], result["errors"])

    def retried(self, job: Job, failure: Failed) -> None:
        """Show that a pack, or its halves, are tried again."""
        self._progress.note(f"{job.key}: {failure.error}; it is tried again")

    def failed(self, job: Job, slot: Slot, failure: Failed) -> None:
        """Write a pack's failure into the manifest, and the runs that it recorded before it failed."""
        runs, failures = _recorded(self._row_of(job), self._ids_of(job))
        failures |= {seed: failure.error for seed in job.payload["seeds"] if seed not in runs}
        self._end(job, runs, failures, failure.error)

    def halted(self, job: Job, slot: Slot) -> None:
        """Leave a pack's missing runs to the next bench."""
        recorded, _ = _recorded(self._row_of(job), self._ids_of(job))
        self._end_tracked(job, recorded)
        self._progress.ended(job.key, time.monotonic() - self._started[job.key], {0: "interrupted"})

    def noted(self, text: str) -> None:
        """Show a message."""
        self._progress.note(text)

    def _row_of(self, job: Job) -> _Row:
        return self._rows[job.payload["row"]]

    def _ids_of(self, job: Job) -> dict[int, str]:
        """Seed -> run id, of a job."""
        ids = self._row_of(job).ids
        return {seed: ids[seed] for seed in job.payload["seeds"]}

    def _tracked_ids(self, job: Job) -> dict[int, str]:
        """Seed -> id at the tracker, of a job."""
        study = self._row_of(job).candidate.study
        return {seed: tracked_id(run, study) for seed, run in self._ids_of(job).items()}

    def _end(
        self, job: Job, runs: Mapping[int, str], failures: Mapping[int, str], error: str | None = None
    ) -> None:
        """Write how a pack ended."""
        row = self._row_of(job)
        self._end_tracked(job, runs, error)

        def changed(entry: BenchRow | None) -> BenchRow:
            if entry is None or not row.is_same(entry):
                entry = self.rows[row.name]
            earlier = {seed: text for seed, text in entry.failures.items() if seed not in runs}
            return entry.model_copy(
                update={"runs": {**entry.runs, **runs}, "failures": {**earlier, **failures}}
            )

        self.rows[row.name] = Bench.change(row.experiment, row.candidate.label, changed)
        self._progress.ended(job.key, time.monotonic() - self._started[job.key], failures)

    def _end_tracked(self, job: Job, recorded: Mapping[int, str], error: str | None = None) -> None:
        """End the tracker's runs. Those without a record have failed with an error, or were interrupted."""
        for seed, tracked in self._tracked_ids(job).items():
            if seed in recorded:
                self._tracker.recorded(tracked, self._row_of(job).experiment / recorded[seed])
            elif error is not None:
                self._tracker.end(tracked, "failed", {"error": error}, {})
            else:
                self._tracker.end(tracked, "interrupted", {}, {})


def _recorded(
    row: _Row, ids: Mapping[int, str], ignored: Sequence[int] = ()
) -> tuple[dict[int, str], dict[int, str]]:
    """Return run ids with a record, and errors of those that failed, by seed, except for the seeds ``ignored``."""
    runs, failures = {}, {}
    for seed, run in ids.items():
        recover(row.experiment / run)
        record = Record.find(row.experiment / run)
        if record is None or seed in ignored:
            continue
        runs[seed] = run
        failure = record.failure()
        if failure is not None:
            failures[seed] = failure
    return runs, failures
