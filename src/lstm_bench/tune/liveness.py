"""Liveness of drivers: a running trial belongs to a driver, and is free again when the driver has died."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from lstm_bench.core.processes import ProcessName

__all__ = ["BEAT_SECONDS", "beat", "is_alive", "this_driver"]

BEAT_SECONDS = 20.0
_DEAD_AFTER_SECONDS = 120.0
_PREFIX = "driver "


def this_driver() -> str:
    """Return a name of this process that is unique across hosts."""
    return str(ProcessName.current())


def beat(driver: str) -> tuple[str, float]:
    """Return the user attribute of the study that records that a driver is alive now."""
    return _PREFIX + driver, time.time()


def is_alive(driver: str, attributes: Mapping[str, Any]) -> bool:
    """Whether a driver is alive.

    On this host, it is as long as its process exists; on another one, until two minutes after its last beat, which is
    in the study's user attributes.
    """
    process = ProcessName.parse(driver)
    if process is None:  # not a name that this package wrote
        return False
    if process.is_here:
        return process.may_run
    last = attributes.get(_PREFIX + driver, 0.0)
    return isinstance(last, int | float) and time.time() - last < _DEAD_AFTER_SECONDS
