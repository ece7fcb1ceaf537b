"""Work spread over threads: the kernels release the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["for_each", "processors"]

Result = TypeVar("Result")


def for_each(count: int, work: Callable[[int], Result]) -> list[Result]:
    """Return ``[work(0), ..., work(count - 1)]``, computed in as many threads as there are processors."""
    workers = min(count, processors())
    if workers <= 1:
        return [work(i) for i in range(count)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(count)))


def processors() -> int:
    """Return the number of processors that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
