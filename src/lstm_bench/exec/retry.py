"""Decides whether a job that did not finish is tried again, split, or failed.

``tune`` and ``bench`` share this policy. A lost worker is handled here: its job is tried again, up to
:data:`MAX_LOST_WORKERS` times. The dispatcher applies the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

__all__ = ["MAX_LOST_WORKERS", "Attempts", "Decision", "Failed", "FailureKind", "decide"]

MAX_LOST_WORKERS = 5
"""A job fails if its worker is lost more often than this."""

FailureKind = Literal["raised", "wrong input", "out of memory", "lost", "overdue"]


@dataclass(frozen=True)
class Failed:
    """Why a job did not finish.

    Attributes
    ----------
    kind : ``raised``: the job raised. ``wrong input``: it raised and would again. ``out of memory``: the device was
        full. ``lost``: its worker died. ``overdue``: it exceeded its time limit.
    error : one line
    traceback : of the exception, empty if there was none
    """

    kind: FailureKind
    error: str
    traceback: str = ""


@dataclass
class Attempts:
    """Failed attempts at one job that count towards a limit."""

    raised: int = 0
    lost: int = 0

    def count(self, failure: Failed) -> None:
        """Count a failure."""
        self.raised += failure.kind == "raised"
        self.lost += failure.kind == "lost"


class Decision(Enum):
    """What to do with a job that did not finish."""

    RETRY = auto()
    RETRY_ON_FEWER_SLOTS = auto()
    SPLIT = auto()
    FAIL = auto()


def decide(
    failure: Failed, earlier: Attempts, *, max_retries: int, can_split: bool, shares_device: bool
) -> Decision:
    """Decide what to do with a job that did not finish.

    Parameters
    ----------
    earlier
        Attempts before this one. Lost workers and full devices do not count towards ``max_retries``.
    max_retries
        Retries of a job that raises.
    shares_device
        Whether other jobs may have used the device at the same time, so that fewer slots leave more memory.
    """
    match failure.kind:
        case "lost":
            return Decision.RETRY if earlier.lost < MAX_LOST_WORKERS else Decision.FAIL
        case "out of memory" if can_split:
            return Decision.SPLIT
        case "out of memory" if shares_device:
            return Decision.RETRY_ON_FEWER_SLOTS
        case "raised" if earlier.raised < max_retries:
            return Decision.RETRY
    return Decision.FAIL
