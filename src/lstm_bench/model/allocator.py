"""Keeping freed memory in the process, for the next training step."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

__all__ = ["keep_freed_memory"]

# Parameters of mallopt(3): the size from which a block has its own mapping, and the bytes kept at the heap's top.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_LARGEST_BLOCK, _KEPT_AT_TOP = 1 << 30, (1 << 31) - 1


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep memory that this process frees, and return whether it does; other C libraries have no such switch.

    A training step on the CPU frees and allocates hundreds of megabytes of activations. By default each allocation is a
    new mapping whose pages the kernel clears, which is half the time of a step (``tests/perf/allocator.py``). Results
    do not depend on it.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_AT_TOP))
