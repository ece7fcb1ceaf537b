"""The driver of a study: a process that trains its trials. Several drivers may share a study."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.config.study import check_total
from lstm_bench.core.errors import ConfigError
from lstm_bench.exec.devices import Device, SlotTable
from lstm_bench.exec.dispatch import Dispatcher, graceful_interrupt
from lstm_bench.exec.local import ExecutorName, make_executor
from lstm_bench.tune.datasets import train_and_valid
from lstm_bench.tune.jobs import Prepare, TrialJobs
from lstm_bench.tune.training import TRAIN_TRIAL
from lstm_bench.tune.trials import TrialRow

if TYPE_CHECKING:
    from lstm_bench.tracking.tracker import Tracker
    from lstm_bench.tune.progress import TuneProgress
    from lstm_bench.tune.repository.store import Store

__all__ = ["TuneResult", "tune"]


@dataclass(frozen=True)
class TuneResult:
    """The result of :func:`tune`.

    Attributes
    ----------
    trials : all trials of the study
    interrupted : whether a signal stopped it
    out_of_time : whether ``timeout_seconds`` stopped it
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
    """Run trials until the study has its total number of trials.

    Parameters
    ----------
    store, name
        The study.
    trials
        Complete, pruned and failed trials to reach; by default, the definition's number.
    more
        Number of trials to add to the finished ones, instead.
    timeout_seconds
        Stop after this time, as Ctrl-C does.
    slots_per_device
        None for as many slots as memory allows, measured in the first trials.
    executor
        ``local`` processes or, for debugging, ``inline`` threads.
    results
        Folder of the records. The outcomes of trials are kept in ``<results>/<name>/search``.
    provider_uri
        The data folder, if it has moved since the study was made.
    prepare, work
        Replace the training by another job, for tests and measurements.
    tracker
        Tracks the trials; None disables tracking.

    Raises
    ------
    InputError
        If the study does not exist, its data have changed, or a device is missing.
    """
    if executor == "inline" and slots_per_device is None:
        slots_per_device = 1
    slots = SlotTable(devices, slots_per_device)
    total = _total(store, name, trials, more)
    with ExitStack() as held:
        prepare = prepare or train_and_valid(store, name, results, held, provider_uri)
        work = work or TRAIN_TRIAL
        source = TrialJobs(
            store, name, slots, total=total, prepare=prepare, progress=progress, work=work, tracker=tracker
        )
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        dispatcher = Dispatcher(source, make_executor(executor, slots, slots_per_device), slots, until=until)
        with graceful_interrupt(dispatcher.stop) as was_signalled:
            dispatcher.run()
        interrupted = was_signalled()
    return TuneResult(store.rows(name), interrupted, out_of_time=dispatcher.stopping and not interrupted)


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
