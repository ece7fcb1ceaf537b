"""The driver of a study: one process, which may share the study with others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.config.study import check_total
from lstm_bench.core.errors import ConfigError
from lstm_bench.exec.devices import Device, SlotTable
from lstm_bench.exec.dispatch import Dispatcher, graceful_interrupt
from lstm_bench.exec.local import ExecutorName, make_executor
from lstm_bench.tune.jobs import Prepare, TrialJobs
from lstm_bench.tune.trials import TrialRow

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.dataset.array_entry import Entry
    from lstm_bench.tracking.tracker import Tracker
    from lstm_bench.tune.progress import TuneProgress
    from lstm_bench.tune.repository.store import Store

__all__ = ["TuneResult", "train_and_valid", "tune"]

_STALE_SECONDS = 60.0


@dataclass(frozen=True)
class TuneResult:
    """What a call of :func:`tune` left.

    Attributes
    ----------
    trials : all of the study
    interrupted : whether a signal stopped it
    out_of_time : whether ``timeout_seconds`` did
    """

    trials: list[TrialRow]
    interrupted: bool
    out_of_time: bool


def tune(
    store: Store,
    name: str,
    *,
    trials: int | None = None,
    more: int | None = None,
    timeout_seconds: float | None = None,
    devices: Sequence[Device],
    slots_per_device: int | None = None,
    executor: ExecutorName = "local",
    results: Path = Path("results"),
    provider_uri: str | None = None,
    progress: TuneProgress,
    prepare: Prepare | None = None,
    work: str | None = None,
    tracker: Tracker | None = None,
) -> TuneResult:
    """Run trials until the study has its total.

    Parameters
    ----------
    store, name
        The study.
    trials
        Complete, pruned and finally failed trials that the study shall have; the definition's number by default.
    more
        As many on top of those there, instead.
    timeout_seconds
        Stop after this long, as Ctrl-C does.
    devices, slots_per_device
        Where to train; None for as many slots as memory allows, which the first trials show.
    executor
        ``local`` processes or, for debugging, ``inline`` threads.
    results
        Folder of the records; what complete trials gave is kept in ``<results>/<name>/search``.
    provider_uri
        Where the study's data lie on this machine, if elsewhere than where it was made.
    progress
        Hears what happens.
    prepare, work
        Replace the training by another job; for tests and measurements.
    tracker
        Hears of the trials; nobody does where None.

    Returns
    -------
    TuneResult

    Raises
    ------
    InputError
        Where the study is not there, its data have changed, or a device is missing.
    """
    if executor == "inline":
        slots_per_device = slots_per_device or 1
    slots = SlotTable(devices, slots_per_device)
    total = _total(store, name, trials, more)
    with ExitStack() as held:
        if prepare is None:
            prepare = train_and_valid(store, name, results, held, provider_uri)
        source = TrialJobs(
            store,
            name,
            slots,
            total=total,
            prepare=prepare,
            progress=progress,
            tracker=tracker,
            **({"work": work} if work else {}),
        )
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        dispatcher = Dispatcher(source, make_executor(executor, slots, slots_per_device), slots, until=until)
        with graceful_interrupt(dispatcher.stop) as came:
            try:
                dispatcher.run()
            finally:
                source.close()
    return TuneResult(store.rows(name), interrupted=came(), out_of_time=dispatcher.stopping and not came())


def train_and_valid(
    store: Store, name: str, results: Path, held: ExitStack, provider_uri: str | None = None
) -> Prepare:
    """Return what prepares a trial's job: its dataset, built once and without the test segment.

    A worker is given the folder of that dataset, and of its stocks' volatility where samples are weighted by it,
    and nothing else: neither the bars nor where they are.

    Parameters
    ----------
    held
        Keeps the datasets in the cache until it is closed.

    Raises
    ------
    InputError
        Where the data are not those that the study was made for.
    """
    from lstm_bench.dataset.cache import DatasetCache
    from lstm_bench.dataset.guards import embargo_days
    from lstm_bench.dataset.volatility import ensure_volatility
    from lstm_bench.run.judgement.finding import say
    from lstm_bench.tune.judgement import judge_study

    definition = store.definition(name)
    data = store.data(name, provider_uri)
    provider = data.provider
    search = results / name / "search"
    for draft in search.glob(".*.draft"):  # of workers that were killed; those of living ones are young
        if time.time() - draft.stat().st_mtime > _STALE_SECONDS:
            draft.unlink(missing_ok=True)
    cache = DatasetCache()
    entries: dict[str, Entry] = {}

    def hold(entry: Entry) -> Entry:
        held.callback(entry.close)
        return entry

    def entry_of(config: ResolvedRun) -> Entry:
        section, d_feat = config.task.dataset, config.task.model.kwargs.d_feat
        embargo = embargo_days(config)
        wanted = repr((section, d_feat, embargo))
        if wanted not in entries:
            entries[wanted] = hold(
                cache.ensure(
                    section, provider, data.cached_as, ("train", "valid"), d_feat=d_feat, embargo=embargo
                )
            )
        return entries[wanted]

    def volatility_of(config: ResolvedRun) -> Entry | None:
        training = config.lstm_bench.training
        if training.reweight != "volatility":
            return None
        dataset, window = entry_of(config), training.reweight_window
        wanted = f"{dataset.path.name} {window}"
        if wanted not in entries:
            entries[wanted] = hold(ensure_volatility(cache.store, dataset, provider, window))
        return entries[wanted]

    def prepare(config: ResolvedRun, key: str) -> dict[str, Any]:
        volatility = volatility_of(config)
        return {
            "entry": str(entry_of(config).path),
            "volatility": None if volatility is None else str(volatility.path),
            "outcome": str(search / f"{key}.json"),
        }

    say(judge_study(definition, provider))
    # what is wrong with the data or the cache shows here; what a trial asks for in vain fails that trial
    entry_of(definition.workflow)
    return prepare


def _total(store: Store, name: str, trials: int | None, more: int | None) -> int:
    if trials is not None and more is not None:
        raise ConfigError("--trials and --more: give one of them")
    for option, number in (("--trials", trials), ("--more", more)):
        try:
            check_total(1 if number is None else number)
        except ValueError as error:
            raise ConfigError(f"{option}: got {number:,}, {error}") from error
    if more is not None:
        finished = sum(trial.state.is_finished() for trial in store.trials(name))
        return finished + more
    return trials if trials is not None else store.definition(name).config.trials
