"""A fixed configuration, trained over seeds and evaluated on test; each run is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.ensembles import add_ensemble, check_ensemble
from lstm_bench.bench.jobs import PackJobs
from lstm_bench.bench.manifest import BenchRow
from lstm_bench.exec.devices import Device, SlotTable
from lstm_bench.exec.dispatch import Dispatcher, graceful_interrupt
from lstm_bench.exec.local import ExecutorName, make_executor
from lstm_bench.record.identity import run_id
from lstm_bench.record.record import Record

if TYPE_CHECKING:
    from lstm_bench.record.stamp import NamedData
    from lstm_bench.run.judgement.finding import Finding
    from lstm_bench.tracking.tracker import Tracker
    from lstm_bench.tune.progress import BenchProgress

__all__ = ["BenchResult", "bench", "open_candidate", "work_off"]


@dataclass(frozen=True)
class BenchResult:
    """The result of :func:`bench`.

    Attributes
    ----------
    rows : of the manifests, as :class:`PackJobs` names them
    computed : runs that this call trained
    interrupted : whether a signal stopped it
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
    ensemble: bool = False,
    progress: BenchProgress,
    tracker: Tracker | None = None,
) -> BenchResult:
    """Train configurations over seeds; runs that have a record are not trained again.

    Parameters
    ----------
    candidates
        Configurations of one study.
    seeds
        Seeds of each.
    pack_width
        Seeds in a pack. None divides the seeds among the slots of accelerators; on the CPU, where the members of a
        pack take turns, each seed is a separate job and is recorded as soon as it is done.
    results
        Records are written to ``<results>/<study>``, next to the manifest that names them.
    force
        Also train runs that have a record.
    ensemble
        Also make a row of the averaged scores of each row's seeds, unless a signal stops the training.
    tracker
        Tracks the runs that are trained; None disables tracking.

    Raises
    ------
    InputError
        If a configuration or its data cannot be used.
    """
    from lstm_bench.run.judgement.finding import log_findings

    if ensemble:
        for candidate in candidates:
            check_ensemble(results / candidate.study, candidate.label)
    opened = [open_candidate(candidate, seeds, results, force=force) for candidate in candidates]
    log_findings(_findings(opened, seeds, results, force=force))
    slots = SlotTable(devices, slots_per_device or 1)
    source = PackJobs(
        opened, seeds, slots, pack_width, results, force=force, progress=progress, tracker=tracker
    )
    result = work_off(source, slots, executor, slots_per_device)
    if not ensemble or result.interrupted:
        return result
    rows = dict(result.rows)
    for candidate, data in opened:
        row = rows[candidate.label]
        added = add_ensemble(candidate, data, row, results / candidate.study, force=force)
        rows |= {} if added is None else {added.label: added}
    return replace(result, rows=rows)


def work_off(
    source: PackJobs, slots: SlotTable, executor: ExecutorName, slots_per_device: int | None
) -> BenchResult:
    """Run the jobs of a source until it has none, or until a signal."""
    dispatcher = Dispatcher(source, make_executor(executor, slots, slots_per_device or 1), slots)
    with graceful_interrupt(dispatcher.stop):
        dispatcher.run()
    return BenchResult(source.rows, source.computed, dispatcher.stopping)


def open_candidate(
    candidate: Candidate, seeds: Sequence[int], results: Path, *, force: bool
) -> tuple[Candidate, NamedData]:
    """Open a candidate's data and close its segments, as a run does, so that both have the same run ids."""
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
    """Judge the configurations that are not recorded for all seeds."""
    from lstm_bench.run.judgement.setup import judge_setup

    for candidate, data in opened:
        folder = results / candidate.study
        ids = (run_id(candidate.config.with_seed(seed), data.name) for seed in seeds)
        if force or any(Record.find(folder / one) is None for one in ids):
            yield from judge_setup(candidate.config, data.provider)
