"""Planned memory against the memory of a step, counted tensor by tensor."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.loss.sample import LossSpec
from lstm_bench.model.pack import Pack
from lstm_bench.model.paths.cuda.memory import members_that_fit
from lstm_bench.model.select import training_bytes

MakeSamples = Callable[..., SampleSet]
CPU = torch.device("cpu")
CUDA = PathChoice("cuda", "asked for")
SPEC = PackSpec(
    d_feat=3, hidden_size=32, num_layers=2, batch_size=64, optimizer="adam", clip_grad_value=3.0,
    clip_grad_norm=None, compat="none", is_time_series=True,
)  # fmt: skip


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that operators make, as long as they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[int] = set()
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        known = {
            leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if torch.is_tensor(leaf)
        }
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if torch.is_tensor(leaf) and leaf.untyped_storage()._cdata not in known | self.seen:
                self.add(leaf.untyped_storage())
        return result

    def add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self.seen.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)

        def gone() -> None:
            self.seen.discard(key)
            self.now -= size

        weakref.finalize(storage, gone)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_cuda_step_takes_what_is_planned(make_samples: MakeSamples, layers: int, dropout: float) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    spec = dataclasses.replace(SPEC, num_layers=layers)
    members = [MemberSpec(seed, 0.01, dropout, 0.0) for seed in range(2)]
    train = make_samples(samples=64, seed=1)
    meter = Meter()
    with meter:
        pack = Pack(spec, members, train, make_samples(samples=8), CPU, CUDA)
        pack.train_epoch([0, 1])
    planned = training_bytes(spec, CUDA, 2, train.windows.step_len)
    assert 0.8 * planned < meter.peak < 1.1 * planned  # torch 2.7 holds up to 17 % less than later releases


def test_as_many_members_as_fit() -> None:
    one = training_bytes(SPEC, CUDA, 1, 20)
    assert training_bytes(SPEC, CUDA, 7, 20) == 7 * one
    assert members_that_fit(SPEC, 20, free_bytes=8 * one) == 7  # a tenth stays free
    assert members_that_fit(SPEC, 20, free_bytes=one // 2) == 1


def cpu_step_takes_what_is_planned(spec: PackSpec, dropout: float, train: SampleSet, few: SampleSet) -> None:
    members = [MemberSpec(seed, 0.01, dropout, 0.0) for seed in range(2)]
    choice = PathChoice("cpu", "")
    meter = Meter()
    with meter:
        pack = Pack(spec, members, train, few, CPU, choice)
        pack.train_epoch([0, 1])
    planned = training_bytes(spec, choice, 2, train.windows.step_len)
    assert meter.peak == pytest.approx(planned, rel=0.15)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_cpu_step_takes_what_is_planned(
    make_samples: MakeSamples, threads: Callable[[int], None], layers: int, dropout: float
) -> None:
    threads(1)  # the meter sees the calling thread
    spec = dataclasses.replace(SPEC, num_layers=layers, batch_size=400)
    cpu_step_takes_what_is_planned(spec, dropout, make_samples(samples=400, seed=1), make_samples(samples=8))


@pytest.mark.parametrize("name", ["ic", "rank"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_step_on_whole_days_takes_what_is_planned(
    make_days: MakeSamples, threads: Callable[[int], None], name: Any, dropout: float
) -> None:
    threads(1)
    spec = dataclasses.replace(SPEC, loss=LossSpec(name), batch_size=400)
    train, few = make_days(days=10, stocks=40, missing=0.0), make_days(days=2, stocks=4, missing=0.0)
    cpu_step_takes_what_is_planned(spec, dropout, train, few)


def test_members_share_the_threads() -> None:
    one, two = (training_bytes(SPEC, PathChoice("cpu", ""), count, 20) for count in (1, 2))
    assert two < 2 * one
