from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.lstm import LSTM, count_parameters
from lstm_bench.model.pack import Pack
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.trainer import Fit, train_pack

MakeSamples = Callable[..., SampleSet]
CPU = torch.device("cpu")
SPEC = PackSpec(
    d_feat=3,
    hidden_size=8,
    num_layers=2,
    batch_size=16,
    optimizer="adam",
    clip_grad_value=3.0,
    clip_grad_norm=None,
    compat="none",
    is_time_series=True,
)
MODES: list[tuple[Literal["qlib", "none"], bool]] = [("none", True), ("qlib", True), ("qlib", False)]


def member(seed: int = 0, lr: float = 0.01, dropout: float = 0.2, weight_decay: float = 0.0) -> MemberSpec:
    return MemberSpec(seed, lr, dropout, weight_decay)


def losses(fit: Fit) -> list[tuple[float, float]]:
    return [(epoch.train_loss, epoch.valid_loss) for epoch in fit.epochs]


def fit_all(
    members: Sequence[MemberSpec], train: SampleSet, valid: SampleSet, spec: PackSpec = SPEC, **own: Any
) -> list[Fit]:
    settings: dict[str, Any] = {"n_epochs": 3, "early_stop": 10, "device": CPU} | own
    return train_pack(spec, members, train, valid, **settings)


@pytest.mark.parametrize(("compat", "is_time_series"), MODES)
def test_a_pack_gives_what_its_members_give_alone(
    make_samples: MakeSamples, compat: Literal["qlib", "none"], is_time_series: bool
) -> None:
    spec = dataclasses.replace(SPEC, compat=compat, is_time_series=is_time_series)
    train, valid = make_samples(seed=1), make_samples(samples=50, seed=2)
    members = [member(0), member(1, lr=0.02, dropout=0.0), member(2, weight_decay=0.1)]
    together = fit_all(members, train, valid, spec)
    alone = [fit_all([one], train, valid, spec)[0] for one in members]
    assert [losses(fit) for fit in together] == [losses(fit) for fit in alone]
    assert len({losses(fit)[0] for fit in together}) == 3


def test_the_same_seed_gives_the_same_bits(make_samples: MakeSamples) -> None:
    train, valid = make_samples(seed=1), make_samples(seed=2)
    first, second = (fit_all([member(4)], train, valid)[0] for _ in range(2))
    assert losses(first) == losses(second)
    for name, value in first.weights.items():
        assert torch.equal(value, second.weights[name])


def test_training_learns_a_planted_relation(make_samples: MakeSamples) -> None:
    train, valid = make_samples(samples=1500, seed=1), make_samples(samples=400, seed=2)
    fit = fit_all([member(dropout=0.0)], train, valid, n_epochs=15)[0]
    assert fit.epochs[-1].valid_loss < 0.5 * float(np.var(valid.labels))


def test_qlibs_losses_by_a_plain_loop(make_samples: MakeSamples) -> None:
    """One epoch of Qlib's training on rows, written out: numpy order, value clipping, an extra scoring pass."""
    train, valid = make_samples(seed=1), make_samples(samples=50, seed=2)
    spec = dataclasses.replace(SPEC, compat="qlib", is_time_series=False)
    fit = fit_all([member(seed=3, dropout=0.0)], train, valid, spec, n_epochs=1)[0]

    torch.manual_seed(3)
    model = LSTM(3, 8, 2, 0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    order = np.arange(len(train))
    np.random.RandomState(3).shuffle(order)
    x, y = ResidentSamples.place(train, CPU), torch.from_numpy(train.labels)
    for start in range(0, len(train) - 15, 16):
        batch = torch.from_numpy(order[start : start + 16])
        loss = ((model(x.gather(batch)) - y[batch]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 3.0)
        optimizer.step()

    def qlib_loss(samples: SampleSet) -> float:
        place, labels = ResidentSamples.place(samples, CPU), torch.from_numpy(samples.labels)
        with torch.no_grad():
            means = [
                ((model(place.gather(torch.arange(s, s + 16))) - labels[s : s + 16]) ** 2).mean().item()
                for s in range(0, len(samples) - 15, 16)
            ]
        return float(np.mean(means))

    assert fit.epochs[0].train_loss == pytest.approx(qlib_loss(train), abs=1e-7)
    assert fit.epochs[0].valid_loss == pytest.approx(qlib_loss(valid), abs=1e-7)


def test_missing_labels_count_for_nothing(make_samples: MakeSamples) -> None:
    valid = make_samples(samples=60, seed=2, missing=0.5)
    pack = Pack(SPEC, [member()], make_samples(seed=1), valid, CPU)
    (loss,), (scores,) = pack.score_valid([0])
    there = ~np.isnan(valid.labels)
    assert loss == pytest.approx(float(np.mean((scores.numpy()[there] - valid.labels[there]) ** 2)), rel=1e-6)


def test_the_best_epochs_weights_are_kept(make_samples: MakeSamples) -> None:
    train, valid = make_samples(seed=1), make_samples(samples=60, seed=2)
    fit = fit_all([member(lr=0.05)], train, valid, n_epochs=8)[0]
    best = min(fit.epochs, key=lambda epoch: epoch.valid_loss)
    assert (fit.best_epoch, fit.best_score) == (best.number, -best.valid_loss)
    model = LSTM(3, 8, 2, 0.0)
    model.load_state_dict(fit.weights)
    scores = predict(model, ResidentSamples.place(valid, CPU)).numpy()
    assert float(np.mean((scores - valid.labels) ** 2)) == pytest.approx(best.valid_loss, rel=1e-6)


@pytest.mark.parametrize(
    ("scores", "early_stop", "epochs", "status", "best"),
    [
        ([1, 2, 3, 4, 5], 2, 5, "finished", 4),
        ([3, 2, 1, 4, 5], 2, 3, "early_stopped", 0),
        ([1, 1, 1, 1, 1], 3, 4, "early_stopped", 0),  # only strictly greater is better
        ([2, 1, 3, 1, 1], 2, 5, "early_stopped", 2),
        ([1, math.nan, 9, 9, 9], 3, 2, "diverged", 0),
        ([math.nan, 1, 1, 1, 1], 3, 1, "diverged", -1),
    ],
)
def test_early_stopping(
    make_samples: MakeSamples, scores: list[float], early_stop: int, epochs: int, status: str, best: int
) -> None:
    coming = iter(scores)
    fit = fit_all(
        [member()], make_samples(seed=1), make_samples(seed=2),
        n_epochs=5, early_stop=early_stop, valid_metric=lambda _: next(coming),
    )[0]  # fmt: skip
    assert (len(fit.epochs), fit.status, fit.best_epoch) == (epochs, status, best)
    assert bool(fit.weights) == (best >= 0)


def test_a_nan_loss_stops_its_member_alone(make_samples: MakeSamples) -> None:
    fits = fit_all([member(0), member(1, lr=1e30)], make_samples(seed=1), make_samples(seed=2))
    assert [fit.status for fit in fits] == ["finished", "diverged"]
    assert len(fits[0].epochs) == 3
    assert not math.isfinite(fits[1].epochs[-1].train_loss)


def test_the_caller_can_stop_a_pack(make_samples: MakeSamples) -> None:
    seen: list[int] = []

    def on_epoch(fits: Sequence[Fit]) -> bool:
        seen.append(len(fits[0].epochs))
        return len(seen) < 2

    fit = fit_all([member()], make_samples(seed=1), make_samples(seed=2), n_epochs=9, on_epoch=on_epoch)[0]
    assert (seen, fit.status, len(fit.epochs)) == ([1, 2], "stopped", 2)


def test_parameters_are_counted() -> None:
    assert count_parameters(LSTM(6, 64, 2, 0.0)) == 4 * 64 * (6 + 64 + 2) + 4 * 64 * (64 + 64 + 2) + 65
