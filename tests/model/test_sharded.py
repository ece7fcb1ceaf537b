"""Training in shards against the reference path, and on any number of threads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.pack import Pack
from lstm_bench.model.path import Choice, choose_path
from lstm_bench.model.sharded import _mask_stream
from lstm_bench.model.spec import PackSpec, ReplicaSpec
from lstm_bench.model.trainer import Fit, train_pack

MakeSamples = Callable[..., SampleSet]
CPU = torch.device("cpu")
SPEC = PackSpec(
    d_feat=3, hidden_size=8, num_layers=2, batch_size=250, optimizer="adam", clip_grad_value=3.0,
    clip_grad_norm=None, compat="none", is_time_series=True,
)  # fmt: skip
REFERENCE = Choice("reference", "asked for")


def fit(make_samples: MakeSamples, spec: PackSpec, dropout: float = 0.0, **own: Any) -> list[Fit]:
    replicas = [ReplicaSpec(seed, 0.01, dropout, 0.01) for seed in (0, 1)]
    train = make_samples(samples=1100, seed=1, missing=0.2)
    return train_pack(
        spec, replicas, train, make_samples(samples=300, seed=2), n_epochs=5, early_stop=9, device=CPU, **own
    )


def curves(fits: list[Fit]) -> list[list[tuple[float, float]]]:
    return [[(epoch.train_loss, epoch.valid_loss) for epoch in one.epochs] for one in fits]


def test_shards_serve_the_processor() -> None:
    assert choose_path(SPEC, CPU).name == "sharded"
    assert choose_path(dataclasses.replace(SPEC, compat="qlib"), CPU).name == "reference"


@pytest.mark.parametrize(("layers", "hidden"), [(1, 8), (2, 8), (3, 8), (2, 16)])  # 16 fills a vector
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "gd"])
def test_losses_are_the_references(
    make_samples: MakeSamples, layers: int, hidden: int, optimizer: Any
) -> None:
    spec = dataclasses.replace(
        SPEC, num_layers=layers, hidden_size=hidden, optimizer=optimizer, clip_grad_norm=0.5
    )
    np.testing.assert_allclose(
        curves(fit(make_samples, spec)), curves(fit(make_samples, spec, choice=REFERENCE)), atol=1e-5
    )


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_no_bit_depends_on_the_threads(
    make_samples: MakeSamples, threads: Callable[[int], None], dropout: float
) -> None:
    given = []
    for count in (1, 2, 3):
        threads(count)
        given.append(curves(fit(make_samples, SPEC, dropout)))
    assert given[0] == given[1] == given[2]


def test_each_part_and_seed_has_its_own_masks() -> None:
    streams = [torch.Generator().manual_seed(seed) for seed in range(3)]  # those of weights and orders
    streams += [_mask_stream(seed, part) for seed in range(3) for part in range(8)]
    draws = {tuple(torch.rand(4, generator=stream).tolist()) for stream in streams}
    assert len(draws) == len(streams)


def test_the_validation_loss_does_not_depend_on_the_threads(
    make_samples: MakeSamples, threads: Callable[[int], None]
) -> None:
    train, given = make_samples(samples=250), set()
    valid = make_samples(samples=150_000, seed=2)  # torch shares a sum of so many out
    for count in (1, 2, 3):
        threads(count)
        pack = Pack(SPEC, [ReplicaSpec(0, 0.01, 0.0, 0.0)], train, valid, CPU)
        given.add(pack.score_valid([0])[0][0])
    assert len(given) == 1


def test_precision_that_is_not_there_is_refused() -> None:
    from lstm_bench.errors import ConfigError

    with pytest.raises(ConfigError, match=r"precision: got 'tf32'.*choices: fp32"):
        choose_path(dataclasses.replace(SPEC, precision="tf32"), CPU)
