"""Experiment tracking: what a tracker is told of runs, and which one listens.

*Off* is a tracker that hears everything and does nothing, so that nobody has to ask whether there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lstm_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from lstm_bench.config.sections.tracking import TrackingConfig

__all__ = [
    "JobType",
    "NoTracker",
    "State",
    "TrackedRun",
    "Tracker",
    "TrackerOptions",
    "tracked_id",
    "tracking",
]

JobType = Literal["run", "bench", "search", "study"]
State = Literal["complete", "pruned", "failed", "interrupted"]

_INSTALL = {"wandb": "wandb", "mlflow": "'lstm-bench[mlflow]'"}
_LONGEST_ID = 100


@dataclass(frozen=True)
class TrackedRun:
    """One run as trackers show it.

    Attributes
    ----------
    id : stays the same when the same work is done again
    name : for people
    study : the group, or experiment, that it belongs to
    job_type : ``run``, ``bench``, ``search`` (a trial with all its tuning seeds) or ``study`` (its tables)
    config : plain data
    tags : such as ``features`` -> ``Alpha158``
    """

    id: str
    name: str
    study: str
    job_type: JobType
    config: Mapping[str, Any]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class TrackerOptions:
    """What a tracker has to know.

    Attributes
    ----------
    tracker : its name
    folder : where it keeps what it keeps on this machine
    record : whether it takes the record's files
    timeout_seconds
    figures : ``module:function`` that draws a :class:`~lstm_bench.record.record.Record`'s figures and yields (name,
        path of a PNG file); None for no figures
    """

    tracker: str
    folder: str
    record: bool
    timeout_seconds: float
    figures: str | None = None


class Tracker(Protocol):
    """Hears of runs. No call raises or waits, but for :meth:`close`."""

    def begin(self, run: TrackedRun) -> None:
        """Hear that a run begins, or goes on after an interruption."""
        ...

    def epoch(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        """Hear an epoch's losses; epochs count from 0, and one that is told again is no news."""
        ...

    def table(
        self, run_id: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]
    ) -> None:
        """Hear a table."""
        ...

    def end(self, run_id: str, state: State, summary: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Hear how a run ended that leaves no record, with its figures and further tags."""
        ...

    def recorded(self, run_id: str, record: Path) -> None:
        """Hear that a run has ended and left a record, which says how."""
        ...

    def close(self, seconds: float | None = None) -> None:
        """Wait until all is told, at most so long; what is open has been interrupted. A second call does nothing.

        Parameters
        ----------
        seconds
            What is not told by then is told in the background, for no longer than the tracker's time-out. None
            waits for the time-out, and drops the rest with a warning.
        """
        ...


class NoTracker:
    """The tracker that is off."""

    def begin(self, run: TrackedRun) -> None:
        """Do nothing."""

    def epoch(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        """Do nothing."""

    def table(
        self, run_id: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]
    ) -> None:
        """Do nothing."""

    def end(self, run_id: str, state: State, summary: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Do nothing."""

    def recorded(self, run_id: str, record: Path) -> None:
        """Do nothing."""

    def close(self, seconds: float | None = None) -> None:
        """Do nothing."""


def tracked_id(run_id: str, study: str) -> str:
    """Name a run for a tracker: two studies may hold the same run, and each shows its own.

    Only letters, digits and ``. _ -`` are left of the study's name, which any tracker takes.
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "-", f"{run_id}-{study}")[:_LONGEST_ID]


@contextmanager
def tracking(config: TrackingConfig, folder: Path, figures: str | None = None) -> Iterator[Tracker]:
    """Give the tracker that a configuration asks for, and close it in the end.

    Parameters
    ----------
    config
    folder
        Where records go; below it lies what the tracker keeps on this machine, unless its own environment variables
        say otherwise.
    figures
        As in :class:`TrackerOptions`.

    Raises
    ------
    ConfigError
        Where its package is not installed.
    """
    if config.tracker == "off":
        yield NoTracker()
        return
    if find_spec(config.tracker) is None:
        raise ConfigError(
            f"lstm_bench.tracking.tracker: {config.tracker} is not installed; pip install {_INSTALL[config.tracker]}"
        )
    from lstm_bench.tracking.guarded import GuardedTracker

    options = TrackerOptions(
        config.tracker, str(folder.absolute()), config.record, config.timeout_seconds, figures
    )
    tracker = GuardedTracker(options)
    try:
        yield tracker
    except KeyboardInterrupt:
        tracker.close(0.0)
        raise
    finally:
        tracker.close()
