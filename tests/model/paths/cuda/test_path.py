"""The ``cuda`` path as a whole, against the reference and against itself in other packs.

Triton's interpreter takes a second for a few steps: two steps an epoch and two epochs go through each state that can
depend on a pack (orders of both epochs, masks of each step, the optimizer's moments). Shapes that fill or exceed a
block are in ``test_layers.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from lstm_bench.core.errors import ConfigError
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model import select as paths
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice, TrainingInputs
from lstm_bench.model.paths.cuda.path import CudaPath
from lstm_bench.model.select import choose_path
from lstm_bench.model.trainer import Fit, train_pack

MakeSamples = Callable[..., SampleSet]
Train = Callable[..., list[Fit]]
SPEC = PackSpec(
    d_feat=3, hidden_size=8, num_layers=2, batch_size=20, optimizer="adam", clip_grad_value=3.0,
    clip_grad_norm=1.0, compat="none", is_time_series=True,
)  # fmt: skip
CUDA, REFERENCE = PathChoice("cuda", "asked for"), PathChoice("reference", "asked for")
MEMBERS = [MemberSpec(0, 0.01, 0.3, 0.0), MemberSpec(1, 0.02, 0.0, 0.1), MemberSpec(2, 0.005, 0.5, 0.0)]


@pytest.fixture(scope="module")
def train(make_samples: MakeSamples) -> Train:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    learn, valid = (make_samples(count, seed, missing=0.2, step_len=2) for count, seed in ((45, 1), (20, 2)))

    def fit(members: Sequence[MemberSpec], choice: PathChoice = CUDA) -> list[Fit]:
        return train_pack(SPEC, members, learn, valid, n_epochs=2, early_stop=9, device=device, choice=choice)

    return fit


@pytest.fixture(scope="module")
def alone(train: Train) -> list[Fit]:
    """Each member, trained by itself."""
    return [train([member])[0] for member in MEMBERS]


def curve(fit: Fit) -> list[tuple[float, float]]:
    return [(epoch.train_loss, epoch.valid_loss) for epoch in fit.epochs]


def test_a_pack_gives_what_its_members_give_alone(train: Train, alone: list[Fit]) -> None:
    for fit, expected in zip(train(MEMBERS[:2]), alone[:2], strict=True):
        np.testing.assert_allclose(curve(fit), curve(expected), atol=1e-4)
        for name, values in expected.weights.items():
            torch.testing.assert_close(fit.weights[name], values, rtol=0, atol=1e-4)
    assert (
        abs(np.subtract(curve(alone[0]), curve(alone[1]))).max() > 1e-3
    )  # their own streams and rates count


def test_losses_are_the_references(train: Train) -> None:
    members = [dataclasses.replace(member, dropout=0.0) for member in MEMBERS[:2]]
    for fit, expected in zip(train(members), train(members, REFERENCE), strict=True):
        np.testing.assert_allclose(curve(fit), curve(expected), atol=1e-4)
        for name, values in expected.weights.items():
            torch.testing.assert_close(fit.weights[name], values, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings(
    "ignore:(overflow|invalid value) encountered:RuntimeWarning"
)  # numpy's, interpreting
def test_groups_take_turns_and_a_member_that_stops_leaves_its_own(
    train: Train, alone: list[Fit], monkeypatch: pytest.MonkeyPatch
) -> None:
    hopeless = MemberSpec(3, 1e30, 0.0, 0.0)
    opened: list[CudaPath] = []

    def open_in_pairs(choice: PathChoice, inputs: TrainingInputs) -> CudaPath:
        opened.append(CudaPath(inputs, width=2))
        return opened[0]

    monkeypatch.setattr("lstm_bench.model.pack.open_path", open_in_pairs)
    fits = train([MEMBERS[0], hopeless, MEMBERS[2]])
    assert [fit.status for fit in fits] == ["finished", "diverged", "finished"]
    assert [group.indices for group in opened[0]._groups] == [[0], [2]]
    for fit, expected in zip((fits[0], fits[2]), (alone[0], alone[2]), strict=True):
        np.testing.assert_allclose(curve(fit), curve(expected), atol=1e-4)


class TestChoice:
    cuda = torch.device("cuda:0")

    def test_the_kernels_serve_whatever_they_claim(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paths, "missing", lambda _: None)
        for shape in ({}, {"hidden_size": 512, "num_layers": 4}, {"d_feat": 158, "precision": "bf16"}):
            assert choose_path(dataclasses.replace(SPEC, **shape), self.cuda).name == "cuda"

    def test_what_lacks_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paths, "missing", lambda _: "Triton is not installed")
        choice = choose_path(SPEC, self.cuda)
        assert choice.name == "reference"
        assert "Triton is not installed" in choice.reason
        with pytest.raises(ConfigError, match=r"precision: got 'tf32'.*Triton is not installed"):
            choose_path(dataclasses.replace(SPEC, precision="tf32"), self.cuda)

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    def test_this_device_gets_the_kernels(self) -> None:
        if torch.cuda.get_device_capability() >= (8, 0):
            assert choose_path(SPEC, self.cuda).name == "cuda"
