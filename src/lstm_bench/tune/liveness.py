"""Which drivers live: a trial that runs belongs to one, and is free again when that one is dead."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["BEAT_SECONDS", "beat", "is_alive", "this_driver"]

BEAT_SECONDS = 20.0
_DEAD_AFTER_SECONDS = 120.0
_CLOCK_SECONDS = 2.0  # starts are counted from the boot, whose time is set anew with the clock
_DRIVER = re.compile(r"(.*):([0-9]+):([0-9.]+)")
_PREFIX = "driver "


def this_driver() -> str:
    """Name this process so that no other one, here or elsewhere, has the name: host, process, time of its start."""
    import psutil

    process = psutil.Process()
    return f"{platform.node()}:{process.pid}:{process.create_time():.2f}"


def beat(driver: str) -> tuple[str, float]:
    """Return the study's user attribute that says that a driver lives now."""
    return _PREFIX + driver, time.time()


def is_alive(driver: str, attributes: Mapping[str, Any]) -> bool:
    """Tell whether a driver lives.

    Parameters
    ----------
    driver
        Its name.
    attributes
        The study's user attributes: a driver on another host is believed to live for two minutes after its last
        beat, one on this host as long as its process is there.
    """
    import psutil

    named = _DRIVER.fullmatch(driver)
    if named is None:  # no name that this package gave
        return False
    host, process, started = named.groups()
    if host == platform.node():
        try:
            there = psutil.Process(int(process))
            is_same = abs(there.create_time() - float(started)) < _CLOCK_SECONDS
            return is_same and there.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
    beaten = attributes.get(_PREFIX + driver, 0.0)
    return isinstance(beaten, int | float) and time.time() - beaten < _DEAD_AFTER_SECONDS
