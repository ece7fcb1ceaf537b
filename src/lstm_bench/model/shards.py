"""Threads of the processor, each of which works through parts of a batch alone.

torch's own threads share one product, which for matrices of this size gains little and leaves everything between
the products to one thread. Here a thread takes a whole part, small enough to stay in its core's cache, from the
gather to the gradient. What a part gives does not depend on how many threads there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import torch

__all__ = ["map_shards"]

Result = TypeVar("Result")


def map_shards(work: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
    """Map as ``map`` does, on as many threads as torch has been given; results in the order of the items."""
    threads = torch.get_num_threads()
    if threads == 1:
        return list(map(work, *items))
    return list(_pool(threads).map(work, *items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, "lstm-bench", initializer=_work_alone)
    # Start all of them now: setting a thread's number also sets that of libraries which know only one for all.
    list(pool.map(threading.Barrier.wait, [threading.Barrier(threads)] * threads))
    torch.set_num_threads(threads)
    return pool


def _work_alone() -> None:
    """Give a thread of the pool one thread for its products."""
    torch.get_num_threads()  # a thread's first call takes over the process's number, and would undo the next line
    torch.set_num_threads(1)
