"""Memory that the C library keeps for the next training step."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

__all__ = ["keep_freed_memory"]

# Parameters of mallopt(3): from which size a block is mapped by itself, and how much is kept at the heap's top.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_LARGEST_BLOCK, _KEPT_AT_TOP = 1 << 30, (1 << 31) - 1


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep what this process frees, instead of returning it and faulting it in again every step.

    A training step on the CPU frees and takes again hundreds of megabytes of activations. By default each comes as
    a new mapping whose pages the kernel has to clear: half the time of a step (``tests/perf/allocator.py``). No
    number depends on it.

    Returns
    -------
    bool
        Whether it is on; the C libraries of other systems have no such switch.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_AT_TOP))
