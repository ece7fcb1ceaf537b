"""Threads of the processor, each of which works through parts of a batch alone.

torch's own threads share one product, which for matrices of this size gains little and leaves everything between
the products to one thread. Here a thread takes a whole part, small enough to stay in its core's cache, from the
gather to the gradient. What a part gives does not depend on how many threads there are.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol, TypeVar

import torch

__all__ = ["SHARD", "MapShards", "alone", "shard_threads", "whole_batches_at_once"]

SHARD = 100
"""Samples that go through together: what they need of a day stays in a core's cache (``tests/perf/shards.py``)."""

Result = TypeVar("Result")


class MapShards(Protocol):
    """Maps as ``map`` does, and gives results in the order of the items."""

    def __call__(self, work: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
        """Call ``work`` on each shard."""
        ...


@contextmanager
def shard_threads() -> Iterator[MapShards]:
    """Put as many threads as torch has been given to work on shards.

    What the calling thread computes inside the block, it computes alone: torch's own helpers wait for work by
    spinning, and would take the cores from the shards.
    """
    threads = torch.get_num_threads()
    with alone():
        yield _in_turn if threads == 1 else _side_by_side(_pool(threads))


def whole_batches_at_once(batch_size: int) -> int:
    """Return how many batches to take where each is kept as a whole: as many as have a part for each thread."""
    return max(1, torch.get_num_threads() // math.ceil(batch_size / SHARD))


@contextmanager
def alone() -> Iterator[None]:
    """Compute on the calling thread only: the last bit of a sum depends on how many threads share it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _side_by_side(pool: ThreadPoolExecutor) -> MapShards:
    def map_shards(work: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
        return list(pool.map(work, *items))

    return map_shards


def _in_turn(work: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
    return list(map(work, *items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, "lstm-bench", initializer=_work_alone)
    # Start all of them now: setting a thread's number also sets that of libraries which know only one for all.
    list(pool.map(threading.Barrier.wait, [threading.Barrier(threads)] * threads))
    return pool


def _work_alone() -> None:
    """Give a thread of the pool one thread for its products."""
    torch.get_num_threads()  # a thread's first call takes over the process's number, and would undo the next line
    torch.set_num_threads(1)
