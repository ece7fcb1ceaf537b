"""Losses, schedules and weights of samples in training: each path against the reference, and against plain loops."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lstm_bench.core.errors import ConfigError
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model import select as paths
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.loss.day import mean_day_loss
from lstm_bench.model.loss.sample import LossSpec
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.pack import Pack
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.schedule import ScheduleSpec
from lstm_bench.model.select import choose_path
from lstm_bench.model.trainer import Fit, train_pack

MakeSamples = Callable[..., SampleSet]
CPU = torch.device("cpu")
SPEC = PackSpec(
    d_feat=3, hidden_size=8, num_layers=2, batch_size=16, optimizer="adam", clip_grad_value=3.0,
    clip_grad_norm=None, compat="none", is_time_series=True,
)  # fmt: skip
MEMBERS = [MemberSpec(0, 0.01, 0.0, 0.0), MemberSpec(1, 0.02, 0.0, 0.0)]
REFERENCE, CUDA = PathChoice("reference", "asked for"), PathChoice("cuda", "asked for")
OPTIONS: list[dict[str, Any]] = [
    {"loss": LossSpec("huber", huber_delta=0.5)},
    {"schedule": ScheduleSpec("cosine", warmup_epochs=1)},
    {"schedule": ScheduleSpec("one_cycle")},
    {"schedule": ScheduleSpec("plateau", patience=0, decay=0.1)},
    {"schedule": ScheduleSpec("step", step_epochs=1), "loss": LossSpec("huber"), "weighted": True},
    {"weighted": True},
]


def curves(fits: list[Fit]) -> list[list[tuple[float, ...]]]:
    return [[(epoch.train_loss, epoch.valid_loss, epoch.lr) for epoch in fit.epochs] for fit in fits]


def fit(
    train: SampleSet, valid: SampleSet, spec: PackSpec = SPEC, *, weighted: bool = False, **own: Any
) -> list[Fit]:
    settings: dict[str, Any] = {"n_epochs": 4, "early_stop": 9, "device": CPU, "members": MEMBERS} | own
    weights = np.random.default_rng(7).uniform(0.1, 3.0, len(train)) if weighted else None
    return train_pack(spec, settings.pop("members"), train, valid, weights=weights, **settings)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_cpu_path_does_as_the_reference(make_samples: MakeSamples, options: dict[str, Any]) -> None:
    own = dict(options)
    weighted = own.pop("weighted", False)
    spec = dataclasses.replace(SPEC, batch_size=250, **own)
    train, valid = make_samples(samples=800, seed=1, missing=0.2), make_samples(samples=100, seed=2)
    assert choose_path(spec, CPU).name == "cpu"
    given, expected, plain = (
        curves(fit(train, valid, own_spec, weighted=own_weights, choice=choice))
        for own_spec, own_weights, choice in (
            (spec, weighted, None),
            (spec, weighted, REFERENCE),
            (dataclasses.replace(SPEC, batch_size=250), False, None),
        )
    )
    np.testing.assert_allclose(given, expected, atol=1e-5)
    moved = np.abs(np.asarray(given) - plain)[..., :2]
    assert moved.max() > 1e-4  # the option does something to the losses


@pytest.mark.parametrize("options", [OPTIONS[1], OPTIONS[4]])
def test_the_cuda_path_does_as_the_reference(make_samples: MakeSamples, options: dict[str, Any]) -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    own = dict(options)
    weighted = own.pop("weighted", False)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # Triton's interpreter is slow; after the first of three epochs, the options change each rate of the other two
    spec = dataclasses.replace(SPEC, num_layers=1, batch_size=20, **own)
    train, valid = (
        make_samples(samples=45, seed=1, missing=0.2, step_len=2),
        make_samples(samples=20, seed=2, step_len=2),
    )
    cuda, reference = (
        fit(train, valid, spec, weighted=weighted, n_epochs=3, device=device, choice=choice)
        for choice in (CUDA, REFERENCE)
    )
    np.testing.assert_allclose(curves(cuda), curves(reference), atol=1e-4)
    for ours, theirs in zip(cuda, reference, strict=True):
        for name, values in theirs.weights.items():
            torch.testing.assert_close(ours.weights[name], values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["ic", "rank"])
def test_a_loss_of_days_by_a_plain_loop(make_days: MakeSamples, name: Any) -> None:
    """An epoch over whole days, written out: days in an order drawn from the seed's stream, three to a batch."""
    train, valid = make_days(seed=1), make_days(days=9, seed=2)
    spec = dataclasses.replace(SPEC, loss=LossSpec(name), batch_size=20)
    pack = Pack(spec, [MEMBERS[0]], train, valid, CPU)
    assert (pack.choice.name, pack.days_per_batch, pack.steps) == ("cpu", 3, 10)
    (epoch,) = fit(train, valid, spec, n_epochs=1, members=MEMBERS[:1])[0].epochs

    torch.manual_seed(0)
    model = LSTM(3, 8, 2, 0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    order = torch.randperm(30)
    place, labels = ResidentSamples.place(train, CPU), torch.from_numpy(train.labels)
    losses = []
    for drawn in torch.split(order, 3):
        batch = torch.from_numpy(np.flatnonzero(np.isin(train.days, drawn.numpy())))
        loss = mean_day_loss(model(place.gather(batch)), labels[batch], place.days[batch], spec.loss)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_value_(model.parameters(), 3.0)
        optimizer.step()
    assert epoch.train_loss == pytest.approx(np.mean(losses), abs=1e-5)
    place = ResidentSamples.place(valid, CPU)
    with torch.no_grad():
        scores = model(place.gather(torch.arange(len(valid))))
    expected = mean_day_loss(scores, torch.from_numpy(valid.labels), place.days, spec.loss)
    assert epoch.valid_loss == pytest.approx(expected.item(), abs=1e-5)


def test_a_pack_on_whole_days_gives_what_its_members_give_alone(make_days: MakeSamples) -> None:
    train, valid = make_days(seed=1, missing=0.3), make_days(seed=2)
    spec = dataclasses.replace(SPEC, loss=LossSpec("ic"))
    members = [MemberSpec(0, 0.01, 0.2, 0.0), MemberSpec(1, 0.02, 0.0, 0.0)]
    together = fit(train, valid, spec, weighted=True, members=members)
    alone = [fit(train, valid, spec, weighted=True, members=[one])[0] for one in members]
    assert curves(together) == curves(alone)
    assert curves(together) == curves(fit(train, valid, spec, weighted=True, members=members))


@pytest.mark.parametrize("name", ["ic", "rank"])
def test_losses_of_days_learn_a_planted_relation(make_days: MakeSamples, name: Any) -> None:
    spec = dataclasses.replace(SPEC, loss=LossSpec(name), batch_size=40)
    train, valid = make_days(days=120, stocks=20, seed=1), make_days(days=40, stocks=20, seed=2)
    (only,) = fit(train, valid, spec, n_epochs=6, members=MEMBERS[:1])
    assert only.epochs[-1].valid_loss < 0.3
    assert only.best_score == -min(epoch.valid_loss for epoch in only.epochs)


def test_batches_are_no_more_days_than_there_are(make_days: MakeSamples) -> None:
    spec = dataclasses.replace(SPEC, loss=LossSpec("ic"), batch_size=1000)
    pack = Pack(spec, MEMBERS, make_days(days=4), make_days(days=4), CPU)
    assert (pack.days_per_batch, pack.steps) == (4, 1)
    assert all(math.isfinite(loss) for loss in pack.train_epoch([0, 1]))


class TestChoice:
    cuda = torch.device("cuda:0")

    @pytest.mark.parametrize("name", ["ic", "rank"])
    def test_losses_of_days_are_the_references_on_cuda(
        self, name: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(paths, "missing", lambda _: None)
        spec = dataclasses.replace(SPEC, loss=LossSpec(name))
        choice = choose_path(spec, self.cuda)
        assert (choice.name, f"loss {name}" in choice.reason) == ("reference", True)
        with pytest.raises(ConfigError, match=rf"precision: got 'bf16'.*loss {name}.*choices: fp32"):
            choose_path(dataclasses.replace(spec, precision="bf16"), self.cuda)

    def test_all_else_is_served_by_the_kernels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paths, "missing", lambda _: None)
        spec = dataclasses.replace(
            SPEC, loss=LossSpec("huber"), schedule=ScheduleSpec("plateau"), precision="bf16"
        )
        assert choose_path(spec, self.cuda).name == "cuda"


def test_each_member_has_a_plateau_of_its_own(make_samples: MakeSamples) -> None:
    spec = dataclasses.replace(SPEC, schedule=ScheduleSpec("plateau", patience=0, decay=0.5))
    members = [MemberSpec(0, 0.01, 0.0, 0.0), MemberSpec(1, 1e-12, 0.0, 0.0)]  # the second does not learn
    learns, idles = fit(
        make_samples(samples=400, seed=1),
        make_samples(seed=2),
        spec,
        members=members,
        n_epochs=5,
        early_stop=9,
    )
    assert [epoch.lr / 1e-12 for epoch in idles.epochs] == pytest.approx([1, 1, 0.5, 0.25, 0.125])
    lowest, expected = math.inf, [0.01]
    for epoch in learns.epochs[:-1]:
        falls = epoch.valid_loss < lowest * (1 - 1e-4)
        lowest = epoch.valid_loss if falls else lowest
        expected.append(expected[-1] if falls else expected[-1] / 2)
    assert [epoch.lr for epoch in learns.epochs] == pytest.approx(expected)
    assert learns.epochs[1].lr == 0.01


def test_validation_is_not_weighted(make_samples: MakeSamples) -> None:
    train, valid = make_samples(seed=1), make_samples(samples=50, seed=2)
    (only,) = fit(train, valid, weighted=True, n_epochs=1, members=MEMBERS[:1])
    model = LSTM(3, 8, 2, 0.0)
    model.load_state_dict(only.weights)
    with torch.no_grad():
        scores = model(ResidentSamples.place(valid, CPU).gather(torch.arange(50))).numpy()
    assert only.epochs[0].valid_loss == pytest.approx(float(np.mean((scores - valid.labels) ** 2)), rel=1e-5)


def test_qlibs_weighted_losses_by_a_plain_loop(make_samples: MakeSamples) -> None:
    """Qlib weighs the loss that it minimises, and logs and stops by one without weights."""
    train, valid = make_samples(seed=1), make_samples(samples=50, seed=2)
    spec = dataclasses.replace(SPEC, compat="qlib")
    weights = np.random.default_rng(7).uniform(0.1, 3.0, len(train))
    (only,) = fit(train, valid, spec, weighted=True, n_epochs=2, members=MEMBERS[:1])

    torch.manual_seed(0)
    model = LSTM(3, 8, 2, 0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    place = ResidentSamples.place(train, CPU)

    def loader(samples: SampleSet, *, shuffle: bool) -> Any:
        return torch.utils.data.DataLoader(range(len(samples)), 16, shuffle=shuffle, drop_last=True)  # type: ignore[arg-type]

    def scored(samples: SampleSet, *, shuffle: bool) -> float:
        own, labels = ResidentSamples.place(samples, CPU), torch.from_numpy(samples.labels)
        with torch.no_grad():
            return float(np.mean([
                ((model(own.gather(batch)) - labels[batch]) ** 2).mean().item()
                for batch in loader(samples, shuffle=shuffle)
            ]))  # fmt: skip

    for epoch in only.epochs:
        for batch in loader(train, shuffle=True):
            error = model(place.gather(batch)) - torch.from_numpy(train.labels)[batch]
            loss = (torch.from_numpy(weights)[batch] * error**2).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 3.0)
            optimizer.step()
        assert epoch.train_loss == pytest.approx(scored(train, shuffle=True), abs=1e-6)
        assert epoch.valid_loss == pytest.approx(scored(valid, shuffle=False), abs=1e-6)
