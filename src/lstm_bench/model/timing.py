"""Timings of a path: the steps and the scoring of a pack, on samples of noise or on real ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lstm_bench.core.counting import counted
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.limits import lstm_flops, synchronize
from lstm_bench.model.pack import Pack
from lstm_bench.model.path_name import PathName
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.select import choose_path

__all__ = [
    "DEFAULT_SHAPES", "NoiseWindows", "PathTiming", "Shape", "noise_samples", "qlib_spec",
    "runnable_choices", "time_pack", "time_path",
]  # fmt: skip

_CPU_STEPS, _ACCELERATOR_STEPS = 3, 30
_REPEATS = 5
_SECONDS = 1.5


class Shape(NamedTuple):
    """A sample's window: F features a day, L days."""

    d_feat: int
    step_len: int


DEFAULT_SHAPES = {"Alpha158": Shape(20, 20), "Alpha360": Shape(6, 60)}
"""Windows of Qlib's two LSTM benchmarks, by feature set."""


@dataclass(frozen=True)
class PathTiming:
    """Timings of a path, per member: K members together take K times as long."""

    path: PathName
    members: int  # K that trained together
    step_seconds: float  # of one optimizer step of one member
    score_seconds: float  # of one sample scored by one member
    samples_per_second: float  # trained on, over all members
    # rate of the products that :func:`lstm_bench.model.limits.lstm_flops` counts, FLOP/s
    train_flops: float
    score_flops: float
    scored: int  # samples that were scored at once
    # most memory that steps took on a CUDA device beyond samples, weights and moments; None elsewhere
    peak_bytes: int | None


@dataclass(frozen=True, eq=False)
class NoiseWindows:
    """Windows held in memory: sample s is (day s, instrument 0)."""

    values: Tensor  # [S, L, F]

    @property
    def step_len(self) -> int:
        """L."""
        return self.values.shape[1]

    @property
    def n_features(self) -> int:
        """F."""
        return self.values.shape[2]

    def to(self, device: torch.device | str) -> NoiseWindows:
        """Return the windows on ``device``."""
        return NoiseWindows(self.values.to(device))

    def gather(self, days: Tensor, instruments: Tensor) -> Tensor:
        """Gather windows ``[B, L, F]``."""
        return self.values.index_select(0, days)


def noise_samples(samples: int, shape: Shape, seed: int = 0) -> SampleSet:
    """Make learn samples of standard normal features and labels, with windows of a shape."""
    generator = np.random.default_rng(seed)
    values = generator.standard_normal((samples, shape.step_len, shape.d_feat), dtype=np.float32)
    return SampleSet(
        segment="train",
        key="learn",
        days=np.arange(samples, dtype=np.int64),
        instruments=np.zeros(samples, dtype=np.int64),
        labels=generator.standard_normal(samples, dtype=np.float32),
        windows=NoiseWindows(torch.from_numpy(values)),
    )


def qlib_spec(d_feat: int) -> PackSpec:
    """Return the shape and optimizer of Qlib's LSTM benchmarks, trained without Qlib's extra passes."""
    return PackSpec(
        d_feat=d_feat,
        hidden_size=64,
        num_layers=2,
        batch_size=800,
        optimizer="adam",
        clip_grad_value=3.0,
        clip_grad_norm=None,
        compat="none",
        is_time_series=False,
    )


def runnable_choices(spec: PackSpec, device: torch.device) -> list[PathChoice]:
    """Return the chosen path, and the reference if that is another one.

    Raises ConfigError if the chosen path does not compute in the spec's precision.
    """
    chosen = choose_path(spec, device)
    if chosen.name == "reference":
        return [chosen]
    return [chosen, PathChoice("reference", "torch's own nn.LSTM, for comparison; it computes in fp32")]


def time_path(
    spec: PackSpec,
    step_len: int,
    device: torch.device,
    choice: PathChoice,
    *,
    members: int = 1,
    steps: int | None = None,
    seconds: float = _SECONDS,
) -> PathTiming:
    """Time a path on samples of noise.

    Each figure is the best of the repeats, after one warm-up step.

    Parameters
    ----------
    spec : members train with a learning rate of 1e-3 and without dropout
    choice : the path; ``reference`` computes in fp32 whatever the precision
    steps
        Optimizer steps of one measurement, fewer if they take longer than ``seconds``; None for a few, more on an
        accelerator.
    seconds : time for repeats. One step is repeated at least twice, however long it takes.
    """
    steps = steps or (_CPU_STEPS if device.type == "cpu" else _ACCELERATOR_STEPS)
    spec = replace(spec, precision="fp32") if choice.name == "reference" else spec
    samples = noise_samples(steps * spec.batch_size, Shape(spec.d_feat, step_len))
    specs = [MemberSpec(seed, lr=1e-3, dropout=0.0, weight_decay=0.0) for seed in range(members)]
    pack = Pack(spec, specs, samples, samples, device, choice)
    return time_pack(pack, pack.train, steps=steps, seconds=seconds)


def time_pack(
    pack: Pack, scored: ResidentSamples, *, steps: int = _CPU_STEPS, seconds: float = _SECONDS
) -> PathTiming:
    """Time a pack's steps on random training samples, and its scoring of other samples.

    The pack's weights change. ``scored`` are on its device; ``steps`` and ``seconds`` are as for :func:`time_path`.
    Raises ValueError if there are fewer training samples than a batch, or none to score.
    """
    spec, active = pack.spec, range(len(pack.streams))
    K, B, L = len(active), spec.batch_size, pack.train.windows.step_len
    if len(pack.train) < B or not len(scored):
        raise ValueError(
            f"got {counted(len(pack.train), 'sample')} to train on and {len(scored)} to score, expected a batch "
            f"of {B} and 1"
        )
    order = torch.stack([_order(len(pack.train), steps, B, seed) for seed in active])  # [K, steps, B]

    rates = pack.base_rates[:, None].expand(K, steps)

    def learn(steps: int) -> None:
        pack.path.learn(active, order[:, :steps], rates[:, :steps], None)
        synchronize(pack.train.device)

    def score() -> None:
        pack.path.score(active, scored)
        synchronize(pack.train.device)

    before = _start_meter(pack.train.device)
    learn(1)  # compiles, captures, and touches memory for the first time
    pack_step = _best_within(partial(learn, 1), 0.0)
    at_once = min(steps, int(seconds / pack_step))
    if at_once > 1:
        pack_step = min(pack_step, _best_within(partial(learn, at_once), seconds) / at_once)
    peak = None if before is None else torch.cuda.max_memory_allocated(pack.train.device) - before
    step = pack_step / K
    scoring = _best_within(score, seconds) / (len(scored) * K)
    return PathTiming(
        path=pack.choice.name,
        members=K,
        step_seconds=step,
        score_seconds=scoring,
        samples_per_second=B / step,
        train_flops=lstm_flops(spec, B, L, training=True) / step,
        score_flops=lstm_flops(spec, 1, L, training=False) / scoring,
        scored=len(scored),
        peak_bytes=peak,
    )


def _start_meter(device: torch.device) -> int | None:
    """Reset the peak of a CUDA device's memory, and return what is allocated now."""
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def _order(samples: int, steps: int, batch: int, seed: int) -> Tensor:
    """Draw positions ``[steps, B]``, each step without repetition."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(samples, generator=generator)[:batch] for _ in range(steps)])


def _best_within(work: Callable[[], None], seconds: float) -> float:
    """Time a call at least twice, and again while there is time: the best wall seconds."""
    best, begun = float("inf"), time.perf_counter()
    for repeat in range(_REPEATS):
        if repeat >= 2 and time.perf_counter() - begun > seconds:
            break
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
