"""Threads and memory of the host, for work on large arrays."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from lstm_bench.data.arrays import Floats32

__all__ = ["empty", "for_each", "processors"]

Result = TypeVar("Result")


def for_each(count: int, work: Callable[[int], Result]) -> list[Result]:
    """Return ``[work(0), ..., work(count - 1)]``, computed in one thread per processor.

    ``work`` should release the interpreter lock, as compiled kernels and NumPy do.
    """
    workers = min(count, processors())
    if workers <= 1:
        return [work(i) for i in range(count)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(count)))


def processors() -> int:
    """Return the number of processors that this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def empty(shape: tuple[int, ...]) -> Floats32:
    """Return a new float32 array in C order, with arbitrary content, in pages of the system's ordinary size.

    NumPy requests pages of 2 MB. They save a little time on bare metal. On virtual machines whose host has none
    available, allocating hundreds of megabytes took more than four times as long, longer than the computation itself.
    """
    size = math.prod(shape)
    if size == 0:
        return np.empty(shape, dtype=np.float32)
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    memory = mmap.mmap(-1, size * np.dtype(np.float32).itemsize, **private)
    return np.frombuffer(memory, dtype=np.float32).reshape(shape)
