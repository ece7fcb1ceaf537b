"""Drafts of records: hidden folders beside the records' places, each named for the process that fills it."""

from __future__ import annotations

import os
import platform
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Draft", "draft_folder", "drafts_in"]

_NAME = re.compile(r"\.(?P<run>[^.]+)\.(?P<host>.+)-(?P<process>\d+)-[0-9a-f]+\.draft")


@dataclass(frozen=True)
class Draft:
    """A record that a process writes, or wrote when it was killed.

    Attributes
    ----------
    path
    run : id of the run whose record it was to become
    host, process : who fills it
    """

    path: Path
    run: str
    host: str
    process: int

    @property
    def is_here(self) -> bool:
        """Whether its process ran on this machine."""
        return self.host == platform.node()

    @property
    def is_live(self) -> bool:
        """Whether its process may still write to it; that of another machine may."""
        return not self.is_here or _is_alive(self.process)


def draft_folder(folder: Path) -> Path:
    """Name a new draft of the record that belongs into ``folder``, for this process."""
    return folder.with_name(f".{folder.name}.{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.draft")


def drafts_in(experiment: Path) -> list[Draft]:
    """Find the drafts of an experiment's records, by name in order."""
    found = []
    for path in sorted(experiment.glob(".*.draft")):
        name = _NAME.fullmatch(path.name)
        if name is not None:
            found.append(Draft(path, name["run"], name["host"], int(name["process"])))
    return found


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
