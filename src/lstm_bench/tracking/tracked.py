"""Runs as a tracker is told of them: what they are called, what an epoch gave, and how they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lstm_bench.record.identity import NUMERICS
from lstm_bench.tracking.tracker import JobType, State, TrackedRun, Tracker, tracked_id

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.model.trainer import Epoch, Fit
    from lstm_bench.record.record import Record
    from lstm_bench.tracking.progress import Progress

__all__ = ["TrackedPack", "described", "epoch_values", "tags_of"]


def described(
    config: ResolvedRun, run_id: str, data_fingerprint: str, study: str, job_type: JobType, label: str = ""
) -> TrackedRun:
    """Describe a run of one seed.

    Parameters
    ----------
    config
        With the run's seed.
    run_id
        Its record's name.
    data_fingerprint, study, job_type
    label
        The row that it belongs to, if any.
    """
    own = {"run_id": run_id, "data_fingerprint": data_fingerprint, "numerics": NUMERICS}
    return TrackedRun(
        id=tracked_id(run_id, study),
        name=f"{label}, seed {config.seed}" if label else f"seed {config.seed}",
        study=study,
        job_type=job_type,
        config={**config.to_file(), **own},
        tags=tags_of(config, study),
    )


def tags_of(config: ResolvedRun, study: str) -> dict[str, str]:
    """Return what runs are filtered by: feature set, ``compat`` and study."""
    return {"features": config.feature_set, "compat": config.lstm_bench.compat, "study": study}


def epoch_values(epoch: Epoch) -> dict[str, float]:
    """Return all that the trainer says of an epoch, by its names."""
    values = asdict(epoch)
    values.pop("number")
    return values


class TrackedPack:
    """Runs of a pack while they train here: hears what their progress hears, and tells the tracker.

    Parameters
    ----------
    tracker, progress
    runs
        By seed. They begin and end with the context; what has no record by then has failed, or was interrupted.
    """

    def __init__(self, tracker: Tracker, progress: Progress, runs: Mapping[int, TrackedRun]) -> None:
        self._tracker = tracker
        self._progress = progress
        self._open = {seed: run.id for seed, run in runs.items()}
        self._runs = runs

    def __enter__(self) -> Self:
        for run in self._runs.values():
            self._tracker.begin(run)
        return self

    def stage(self, name: str) -> None:
        """Pass it on."""
        self._progress.stage(name)

    def step(self, done: int, steps: int) -> None:
        """Pass it on."""
        self._progress.step(done, steps)

    def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
        """Pass it on, and tell each run's epoch."""
        self._progress.epoch(fits, n_epochs)
        for fit in fits:
            last = fit.epochs[-1]
            self._tracker.epoch(self._open[fit.member.seed], last.number, epoch_values(last))

    def recorded(self, seed: int, record: Record) -> None:
        """Tell that a run is done."""
        self._tracker.recorded(self._open.pop(seed), record.path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state: State = "failed" if isinstance(error, Exception) else "interrupted"
        summary: dict[str, Any] = {} if error is None else {"error": f"{type(error).__name__}: {error}"}
        for tracked in self._open.values():
            self._tracker.end(tracked, state, summary, {})
