"""The interface of experiment trackers, which is also the tracker that does nothing, so that callers need not check."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ["JobType", "State", "TrackedRun", "Tracker", "TrackerOptions", "tracked_id"]

JobType = Literal["run", "bench", "search", "study"]
State = Literal["complete", "pruned", "failed", "interrupted"]

_LONGEST_ID = 100


@dataclass(frozen=True)
class TrackedRun:
    """A run at a tracker.

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
    """Options of a tracker.

    Attributes
    ----------
    tracker : its name
    folder : for its files on this machine
    record : whether it uploads the record's files
    figures : ``module:function`` that takes a :class:`~lstm_bench.record.record.Record` and yields (name, path of a
        PNG file); None for no figures
    """

    tracker: str
    folder: str
    record: bool
    timeout_seconds: float
    figures: str | None = None


class Tracker:
    """Receives the events of runs. This one ignores them: tracking is off.

    Training calls the tracker of :func:`~lstm_bench.tracking.factory.open_tracker`, whose calls neither raise nor wait,
    except :meth:`close`. The trackers behind it run in their own process, where they may do both.
    """

    def begin(self, run: TrackedRun) -> None:
        """Start a run, or continue it after an interruption. A call for an open run does nothing."""

    def epoch(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        """Log an epoch's losses. Epochs count from 0; an epoch that is already logged is skipped."""

    def table(
        self, run_id: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]
    ) -> None:
        """Log a table, replacing one of the same name."""

    def end(self, run_id: str, state: State, summary: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """End a run that leaves no record, with its figures and further tags."""

    def recorded(self, run_id: str, record: Path) -> None:
        """End a run that has left a record."""

    def close(self, seconds: float | None = None) -> None:
        """Send what is pending and end open runs as interrupted. A second call does nothing.

        What is pending after so many seconds is sent in the background, within the tracker's time-out. None waits for
        the time-out and drops the rest with a warning.
        """


def tracked_id(run_id: str, study: str) -> str:
    """Return the id of a run at a tracker. It holds the study, since two studies may hold the same run.

    Characters of the study's name other than letters, digits and ``. _ -`` become ``-``: every tracker accepts these.
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "-", f"{run_id}-{study}")[:_LONGEST_ID]
