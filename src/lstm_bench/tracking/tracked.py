"""Describes runs to a tracker, and reports a pack's epochs and outcomes to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lstm_bench.record.identity import NUMERICS
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.tracker import JobType, State, TrackedRun, Tracker, tracked_id

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.model.trainer import Epoch, Fit
    from lstm_bench.record.record import Record

__all__ = ["TrackedPack", "described", "epoch_values", "tags_of"]


def described(
    config: ResolvedRun, run_id: str, data_fingerprint: str, study: str, job_type: JobType, label: str = ""
) -> TrackedRun:
    """Describe a run of one seed, which the configuration has, and whose record is named ``run_id``.

    ``label`` is that of the leaderboard row that it belongs to, if any.
    """
    identity = {"run_id": run_id, "data_fingerprint": data_fingerprint, "numerics": NUMERICS}
    return TrackedRun(
        id=tracked_id(run_id, study),
        name=f"{label}, seed {config.seed}" if label else f"seed {config.seed}",
        study=study,
        job_type=job_type,
        config={**config.to_file(), **identity},
        tags=tags_of(config, study),
    )


def tags_of(config: ResolvedRun, study: str) -> dict[str, str]:
    """Return the tags that runs are filtered by: feature set, ``compat`` and study."""
    return {"features": config.feature_set, "compat": config.lstm_bench.compat, "study": study}


def epoch_values(epoch: Epoch) -> dict[str, float]:
    """Return the trainer's values of an epoch by name."""
    values = asdict(epoch)
    values.pop("number")
    return values


class TrackedPack(Progress):
    """The progress of a pack in training, which also reports the pack's runs, by seed, to a tracker.

    The runs begin when the context is entered. Runs without a record at its end have failed, or were interrupted.
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
        """Forward it."""
        self._progress.stage(name)

    def step(self, done: int, steps: int) -> None:
        """Forward it."""
        self._progress.step(done, steps)

    def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
        """Forward it, and log each run's epoch."""
        self._progress.epoch(fits, n_epochs)
        for fit in fits:
            last = fit.epochs[-1]
            self._tracker.epoch(self._open[fit.member.seed], last.number, epoch_values(last))

    def recorded(self, seed: int, record: Record) -> None:
        """End a run that has its record."""
        self._tracker.recorded(self._open.pop(seed), record.path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state: State = "failed" if isinstance(error, Exception) else "interrupted"
        summary: dict[str, Any] = {} if error is None else {"error": f"{type(error).__name__}: {error}"}
        for tracked in self._open.values():
            self._tracker.end(tracked, state, summary, {})
