"""Training on the ``cpu`` path against the reference path, and on any number of threads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.loss.sample import LossSpec
from lstm_bench.model.pack import Pack
from lstm_bench.model.paths.cpu import lanes
from lstm_bench.model.paths.cpu.micro_batches import MICRO_BATCH
from lstm_bench.model.paths.cpu.path import _mask_stream
from lstm_bench.model.select import choose_path
from lstm_bench.model.trainer import Fit, train_pack

MakeSamples = Callable[..., SampleSet]
CPU = torch.device("cpu")
SPEC = PackSpec(
    d_feat=3, hidden_size=8, num_layers=2, batch_size=250, optimizer="adam", clip_grad_value=3.0,
    clip_grad_norm=None, compat="none", is_time_series=True,
)  # fmt: skip
DAYS = dataclasses.replace(SPEC, loss=LossSpec("ic"))
REFERENCE = PathChoice("reference", "asked for")


def fit(make_samples: MakeSamples, spec: PackSpec, dropout: float = 0.0, **own: Any) -> list[Fit]:
    members = [MemberSpec(seed, 0.01, dropout, 0.01) for seed in (0, 1)]
    train = make_samples(samples=1100, seed=1, missing=0.2)
    return train_pack(
        spec, members, train, make_samples(samples=300, seed=2), n_epochs=5, early_stop=9, device=CPU, **own
    )


def fit_days(
    make_days: MakeSamples,
    spec: PackSpec,
    dropouts: Sequence[float] = (0.0,),
    *,
    weighted: bool = False,
    **own: Any,
) -> list[Fit]:
    """Train on days that are larger than a micro-batch."""
    train, valid = make_days(days=20, stocks=60, seed=1), make_days(days=5, stocks=60, seed=2)
    members = [MemberSpec(seed, 0.01, dropout, 0.01) for seed, dropout in enumerate(dropouts)]
    weights = np.random.default_rng(7).uniform(0.1, 3.0, len(train)) if weighted else None
    return train_pack(
        spec, members, train, valid, n_epochs=5, early_stop=9, device=CPU, weights=weights, **own
    )


def curves(fits: list[Fit]) -> list[list[tuple[float, float]]]:
    return [[(epoch.train_loss, epoch.valid_loss) for epoch in one.epochs] for one in fits]


def test_cpus_train_on_the_cpu_path() -> None:
    assert choose_path(SPEC, CPU).name == "cpu"
    assert choose_path(DAYS, CPU).name == "cpu"
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


@pytest.mark.parametrize("name", ["ic", "rank"])
@pytest.mark.parametrize(("layers", "hidden"), [(1, 8), (2, 8), (2, 16), (2, 20)])
@pytest.mark.parametrize(("weighted", "members"), [(False, 1), (True, 3)])
def test_losses_of_days_are_the_references(
    make_days: MakeSamples, name: Any, layers: int, hidden: int, weighted: bool, members: int
) -> None:
    spec = dataclasses.replace(DAYS, num_layers=layers, hidden_size=hidden, loss=LossSpec(name))
    given, expected = (
        curves(fit_days(make_days, spec, [0.0] * members, weighted=weighted, choice=choice))
        for choice in (None, REFERENCE)
    )
    np.testing.assert_allclose(given, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["ic", "rank"])
def test_neither_threads_nor_a_pack_change_a_bit_of_losses_of_days(
    make_days: MakeSamples, threads: Callable[[int], None], name: Any
) -> None:
    spec, dropouts = dataclasses.replace(DAYS, loss=LossSpec(name)), [0.4, 0.2, 0.0]
    given = []
    for count in (1, 2, 6):  # the last takes two whole batches at once
        threads(count)
        given.append(curves(fit_days(make_days, spec, dropouts, weighted=True)))
    assert given[0] == given[1] == given[2]
    assert given[0][0] == curves(fit_days(make_days, spec, dropouts[:1], weighted=True))[0]


def test_a_batch_may_have_more_samples_than_were_asked_for(make_days: MakeSamples) -> None:
    spec = dataclasses.replace(DAYS, batch_size=10)
    train = make_days(days=6, stocks=250, seed=1)
    pack = Pack(spec, [MemberSpec(0, 0.01, 0.3, 0.0)], train, make_days(), CPU)
    assert pack.days_per_batch == 1
    assert np.bincount(train.days).min() > 2 * MICRO_BATCH
    assert np.isfinite(pack.train_epoch([0])).all()


@pytest.mark.parametrize("name", ["ic", "rank"])
def test_a_batch_without_a_gradient_is_a_step_all_the_same(make_days: MakeSamples, name: Any) -> None:
    """The gradient is zero then: moments fade, and weights decay."""
    spec = dataclasses.replace(DAYS, loss=LossSpec(name))
    train, rates = make_days(stocks=20, missing=0.0), torch.full((1, 3), 0.01, dtype=torch.float64)
    whole, single = torch.from_numpy(np.flatnonzero(train.days < 10)), torch.tensor([3])
    order = torch.nn.utils.rnn.pad_sequence([whole, single, whole], batch_first=True, padding_value=-1)[None]
    (losses, weights), (expected_losses, expected) = (
        (pack.path.learn([0], order, rates, None), pack.path.weights(0))
        for pack in (
            Pack(spec, [MemberSpec(0, 0.01, 0.0, 0.1)], train, train, CPU, choice)
            for choice in (None, REFERENCE)
        )
    )
    torch.testing.assert_close(losses, expected_losses, rtol=0, atol=1e-5)
    for key, values in expected.items():
        torch.testing.assert_close(weights[key], values, rtol=0, atol=1e-5)


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
        pack = Pack(SPEC, [MemberSpec(0, 0.01, 0.0, 0.0)], train, valid, CPU)
        given.add(pack.score_valid([0])[0][0])
    assert len(given) == 1


def test_precision_that_is_not_there_is_refused() -> None:
    from lstm_bench.core.errors import ConfigError

    with pytest.raises(ConfigError, match=r"precision: got 'tf32'.*choices: fp32"):
        choose_path(dataclasses.replace(SPEC, precision="tf32"), CPU)


def test_a_processor_that_does_not_multiply_and_add_at_once_trains_by_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "HAS_FMA", False)
    choice = choose_path(SPEC, CPU)
    assert choice.name == "reference"
    assert "multiplies and adds" in choice.reason
