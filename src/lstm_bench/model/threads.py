"""Threads that compute independently, without sharing a product.

torch's threads share one product. For matrices of this size that gains little, and everything between the products
runs on one thread. Here, each thread executes a whole piece of work instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol, TypeVar

import torch

__all__ = ["ParallelMap", "one_thread", "parallel_map"]

Result = TypeVar("Result")


class ParallelMap(Protocol):
    """Like ``map``: results in the order of the items, in a list."""

    def __call__(self, work: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
        """Call ``work`` on each item."""
        ...


@contextmanager
def parallel_map() -> Iterator[ParallelMap]:
    """Yield a parallel map over the number of threads that torch is set to use.

    Inside the block the calling thread computes alone: torch's helper threads wait for work by spinning, and would take
    the cores from the threads of the map.
    """
    threads = torch.get_num_threads()
    with one_thread():
        yield _in_turn if threads == 1 else _side_by_side(_pool(threads))


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on the calling thread only: the last bit of a sum depends on how many threads share it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _side_by_side(pool: ThreadPoolExecutor) -> ParallelMap:
    def mapped(work: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
        return list(pool.map(work, *items))

    return mapped


def _in_turn(work: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
    return list(map(work, *items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, "lstm-bench", initializer=_use_one_thread)
    # Start all threads now: in some libraries, setting the number in one thread changes it for all threads.
    list(pool.map(threading.Barrier.wait, [threading.Barrier(threads)] * threads))
    return pool


def _use_one_thread() -> None:
    """Let a thread of the pool compute products alone."""
    torch.get_num_threads()  # a thread's first call copies the process's number, and would undo the next line
    torch.set_num_threads(1)
