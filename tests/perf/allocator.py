"""Measures how much a training step on the CPU gains if freed memory is kept, with one process per setting.

    python tests/perf/allocator.py

A batch of 800 windows through two layers of 64, forward and backward.
"""

from __future__ import annotations

import multiprocessing
import resource
import time

import torch

from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.loss.sample import mean_loss
from lstm_bench.model.lstm import LSTM

BATCH, STEPS = 800, 10


def step(step_len: int, features: int, *, keep: bool) -> tuple[float, float]:
    """Milliseconds of a step (the median), and those the kernel spent in it."""
    if keep:
        keep_freed_memory()
    torch.manual_seed(0)
    model = LSTM(features, 64, 2, 0.0)
    windows, labels = torch.randn(BATCH, step_len, features), torch.randn(BATCH)
    times = []
    for number in range(STEPS + 2):
        if number == 2:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_stime
        start = time.perf_counter()
        mean_loss(model(windows), labels).backward()  # type: ignore[no-untyped-call]
        model.zero_grad()
        times.append((time.perf_counter() - start) * 1e3)
    kernel = (resource.getrusage(resource.RUSAGE_SELF).ru_stime - before) * 1e3 / STEPS
    return sorted(times[2:])[STEPS // 2], kernel


def main() -> None:
    print(f"{torch.get_num_threads()} threads; milliseconds a step of {BATCH} windows (the kernel's share)")
    print(f"{'window':>10}{'as it comes':>20}{'kept':>20}")
    spawn = multiprocessing.get_context("spawn")
    for step_len, features in ((20, 20), (60, 6)):
        row = ""
        for keep in (False, True):
            with spawn.Pool(1) as pool:
                total, kernel = pool.apply(step, (step_len, features), {"keep": keep})
            row += f"{total:12.1f} ({kernel:5.1f})"
        print(f"{step_len:>5} x {features:<2}{row}")


if __name__ == "__main__":
    main()
