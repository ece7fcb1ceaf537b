"""Ways to take a training step on the processor, beside plain nn.LSTM with torch's own threads.

    python tests/perf/shards.py [--seconds 2] [--limit-seconds 180] [--json FILE]

A step of 800 windows of noise through two layers of 64, forward, backward and Adam's update, at the window shapes of
Alpha158 and Alpha360. Each way has a process of its own, so that none inherits another's threads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.contract import PathChoice
from lstm_bench.model.loss.sample import mean_loss, sample_losses
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.path_name import PathName
from lstm_bench.model.paths.cpu import path as cpu_path
from lstm_bench.model.paths.cpu.micro_batches import MICRO_BATCH
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.timing import DEFAULT_SHAPES, Shape, noise_samples, qlib_spec, time_path
from lstm_bench.report.documents.speed import Cell

if TYPE_CHECKING:
    from tests.perf.tables import add_json_option, finish, make_table
else:  # a script finds what lies beside it
    from tables import add_json_option, finish, make_table

CPU = torch.device("cpu")
CORES = os.cpu_count() or 1
SIZES = (50, 100, 200, 400)
Way = Callable[[Shape, float], float]  # milliseconds of a step, repeated for so many seconds


def path_step(
    shape: Shape, seconds: float, *, path: PathName, threads: int = CORES, precision: Precision = "fp32"
) -> float:
    torch.set_num_threads(threads)
    spec, choice = replace(qlib_spec(shape.d_feat), precision=precision), PathChoice(path, "asked for")
    return time_path(spec, shape.step_len, CPU, choice, seconds=seconds).step_seconds * 1e3


def sized_step(shape: Shape, seconds: float, *, size: int) -> float:
    with patch.object(cpu_path, "MICRO_BATCH", size):
        return path_step(shape, seconds, path="cpu")


def torch_path_step(shape: Shape, seconds: float, *, autocast: bool = False) -> float:
    """Micro-batches that go through nn.LSTM, whose products autocast may compute in bfloat16."""

    def scores(compiled: CompiledLSTM, windows: Tensor, masks: torch.Generator) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):  # belongs to the thread that is in it
            given: Tensor = compiled.model(windows)
        return given.float()

    def set_grads(compiled: CompiledLSTM, grads: Sequence[Tensor]) -> None:
        for parameter, grad in zip(compiled.model.parameters(), grads, strict=True):
            parameter.grad = grad

    with (
        patch.object(CompiledLSTM, "training_scores", scores),
        patch.object(CompiledLSTM, "leaves", property(lambda compiled: list(compiled.model.parameters()))),
        patch.object(CompiledLSTM, "set_grads", set_grads),
    ):
        return path_step(shape, seconds, path="cpu")


def micro_batch_step(shape: Shape, seconds: float) -> float:
    """torch's threads in small batches, whose gradients add up to those of the whole."""

    def gradient(model: LSTM, windows: Tensor, labels: Tensor) -> None:
        parts = zip(torch.split(windows, MICRO_BATCH), torch.split(labels, MICRO_BATCH), strict=True)
        for part, own in parts:
            loss = sample_losses(model(part), own).sum() / len(labels)
            loss.backward()  # type: ignore[no-untyped-call]

    return own_step(shape, seconds, gradient, lambda model: model)


def compiled_step(shape: Shape, seconds: float) -> float:
    """The whole model compiled, its days unrolled: otherwise torch.compile leaves an nn.LSTM to oneDNN's layer."""
    import torch._dynamo

    torch._dynamo.config.allow_rnn = True

    def gradient(model: LSTM, windows: Tensor, labels: Tensor) -> None:
        with torch.backends.mkldnn.flags(enabled=False):
            mean_loss(model(windows), labels).backward()  # type: ignore[no-untyped-call]

    return own_step(shape, seconds, gradient, lambda model: torch.compile(model, fullgraph=True))


def own_step(
    shape: Shape,
    seconds: float,
    gradient: Callable[[LSTM, Tensor, Tensor], None],
    prepare: Callable[[LSTM], object],
) -> float:
    """Time a step that is written here: milliseconds, the best of what fits into the seconds, after a first one."""
    torch.set_num_threads(CORES)
    keep_freed_memory()
    spec = qlib_spec(shape.d_feat)
    samples = noise_samples(spec.batch_size, shape)
    windows, labels = (
        samples.windows.gather(torch.arange(len(samples)), torch.empty(0)),
        torch.from_numpy(samples.labels),
    )
    model = LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, 0.0)
    prepared = prepare(model)
    optimizer = torch.optim.Adam(model.parameters())
    best, begun, repeats = float("inf"), 0.0, -1
    while repeats < 2 or time.perf_counter() - begun < seconds:
        started = time.perf_counter()
        optimizer.zero_grad()
        gradient(prepared, windows, labels)  # type: ignore[arg-type]
        torch.nn.utils.clip_grad_value_(model.parameters(), 3.0)
        optimizer.step()
        repeats += 1
        if repeats:
            best = min(best, time.perf_counter() - started)
        else:
            begun = time.perf_counter()
    return best * 1e3


WAYS: dict[str, Way] = {
    "nn.LSTM, whole batch, torch's threads": partial(path_step, path="reference"),
    f"nn.LSTM, parts of {MICRO_BATCH}, gradients summed, torch's threads": micro_batch_step,
    f"nn.LSTM, threads over micro-batches of {MICRO_BATCH}": torch_path_step,
    f"nn.LSTM, threads over micro-batches of {MICRO_BATCH}, bf16 autocast": partial(
        torch_path_step, autocast=True
    ),
    **{
        f"compiled kernels, threads over micro-batches of {size}": partial(sized_step, size=size)
        for size in SIZES
    },
    f"compiled kernels, threads over micro-batches of {MICRO_BATCH}, bf16": partial(
        path_step, path="cpu", precision="bf16"
    ),
    "nn.LSTM, torch.compile": compiled_step,
}
ALONE: dict[str, Way] = {
    f"nn.LSTM, {CORES} processes of one thread": partial(path_step, path="reference", threads=1),
    f"compiled kernels, micro-batches of {MICRO_BATCH}, {CORES} processes of one thread": partial(
        path_step, path="cpu", threads=1
    ),
}


def measure(way: Way, seconds: float, limit: float, processes: int) -> tuple[list[Cell], list[str]]:
    """Milliseconds a step at each window shape, and why there are none; side by side, per step of any of them."""
    cells: list[Cell] = []
    reasons = []
    for name, shape in DEFAULT_SHAPES.items():
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            asked = pool.starmap_async(way, [(shape, seconds)] * processes, chunksize=1)
            try:
                cells.append(max(asked.get(limit)) / processes)
            except multiprocessing.TimeoutError:
                cells.append(None)
                reasons.append(f"{name}: not done within {limit:.0f} s")
            except Exception as error:  # whatever a way raises says why it does not work here
                cells.append(None)
                reasons.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:100]}")
    return cells, reasons


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="that repeats of a step may take")
    parser.add_argument(
        "--limit-seconds", type=float, default=180.0, help="that a way may take, compiling too"
    )
    add_json_option(parser)
    given = parser.parse_args()
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no pool of compilers that outlives its parent
    rows: list[list[Cell]] = []
    notes = ["Of several processes, each with a member of its own: milliseconds per step of any of them."]
    plain: list[Cell] = []
    for processes, ways in ((1, WAYS), (CORES, ALONE)):
        for name, way in ways.items():
            print(name, flush=True)
            cells, reasons = measure(way, given.seconds, given.limit_seconds, processes)
            plain = plain or cells
            rows.append([name, *cells, *map(faster, plain, cells)])
            notes += [f"{name}, {reason}." for reason in reasons]
    columns = ["a step of 800 samples", *(f"{name}, ms" for name in DEFAULT_SHAPES)]
    columns += [f"{name}, times faster" for name in DEFAULT_SHAPES]
    finish([make_table("Beside plain nn.LSTM on the processor", columns, rows, " ".join(notes))], given.json)


def faster(plain: Cell, cell: Cell) -> Cell:
    return plain / cell if isinstance(plain, float) and isinstance(cell, float) else None


if __name__ == "__main__":
    main()
