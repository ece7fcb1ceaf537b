"""Names for processes, and whether a named process is still running."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass

__all__ = ["ProcessName"]

_CLOCK_SECONDS = 2.0
"""Tolerance between start times of one process: they count from the boot time, which moves with the clock."""

_TEXT = re.compile(r"(.*):([0-9]+):([0-9.]+)")


@dataclass(frozen=True)
class ProcessName:
    """A process on some host.

    Attributes
    ----------
    host : network name of its machine; empty if unknown
    pid : its number there
    started : seconds since 1970, which distinguishes it from a later process with the same number; None if unknown
    """

    host: str
    pid: int
    started: float | None = None

    @classmethod
    def current(cls) -> ProcessName:
        """Name the calling process, with its start."""
        import psutil

        return cls(platform.node(), os.getpid(), psutil.Process().create_time())

    @classmethod
    def parse(cls, text: str) -> ProcessName | None:
        """Parse ``str`` of a name; None for any other text."""
        found = _TEXT.fullmatch(text)
        return None if found is None else cls(found[1], int(found[2]), float(found[3]))

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started or 0.0:.2f}"

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine; a name without a host is taken for one of this machine."""
        return self.host in ("", platform.node())

    @property
    def may_run(self) -> bool:
        """Whether it may still be running. A process of another machine always may."""
        if not self.is_here:
            return True
        import psutil

        try:
            found = psutil.Process(self.pid)
            is_same = self.started is None or abs(found.create_time() - self.started) < _CLOCK_SECONDS
            return is_same and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
