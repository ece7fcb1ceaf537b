"""The ``cuda`` path as a whole, against the reference and against itself in other packs."""

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
SPEC = PackSpec(
    d_feat=3, hidden_size=8, num_layers=2, batch_size=32, optimizer="adam", clip_grad_value=3.0,
    clip_grad_norm=1.0, compat="none", is_time_series=True,
)  # fmt: skip
CUDA, REFERENCE = PathChoice("cuda", "asked for"), PathChoice("reference", "asked for")
MEMBERS = [MemberSpec(0, 0.01, 0.3, 0.0), MemberSpec(1, 0.02, 0.0, 0.1), MemberSpec(2, 0.005, 0.5, 0.0)]


def fit(
    make_samples: MakeSamples, members: Sequence[MemberSpec], device: torch.device, choice: PathChoice = CUDA,
    n_epochs: int = 5, early_stop: int = 9,
) -> list[Fit]:  # fmt: skip
    train, valid = (
        make_samples(samples=100, seed=1, missing=0.2),
        make_samples(samples=70, seed=2, missing=0.2),
    )
    return train_pack(
        SPEC, members, train, valid, n_epochs=n_epochs, early_stop=early_stop, device=device, choice=choice
    )


def curve(fit: Fit) -> list[tuple[float, float]]:
    return [(epoch.train_loss, epoch.valid_loss) for epoch in fit.epochs]


def test_a_pack_gives_what_its_members_give_alone(make_samples: MakeSamples, device: torch.device) -> None:
    members = MEMBERS[:2]
    for member, own in zip(members, fit(make_samples, members, device), strict=True):
        alone = fit(make_samples, [member], device)[0]
        np.testing.assert_allclose(curve(own), curve(alone), atol=1e-4)


def test_losses_are_the_references(make_samples: MakeSamples, device: torch.device) -> None:
    members = [dataclasses.replace(member, dropout=0.0) for member in MEMBERS[:2]]
    cuda, reference = (fit(make_samples, members, device, choice, n_epochs=3) for choice in (CUDA, REFERENCE))
    for ours, theirs in zip(cuda, reference, strict=True):
        np.testing.assert_allclose(curve(ours), curve(theirs), atol=1e-4)
        for name, values in theirs.weights.items():
            torch.testing.assert_close(ours.weights[name], values, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings(
    "ignore:(overflow|invalid value) encountered:RuntimeWarning"
)  # numpy's, interpreting
def test_groups_take_turns_and_a_member_that_stops_leaves_its_own(
    make_samples: MakeSamples, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    hopeless = MemberSpec(3, 1e30, 0.0, 0.0)
    opened: list[CudaPath] = []

    def open_in_pairs(choice: PathChoice, start: TrainingInputs) -> CudaPath:
        opened.append(CudaPath(start, width=2))
        return opened[0]

    expected = fit(make_samples, [MEMBERS[0], MEMBERS[2]], device, n_epochs=2)
    monkeypatch.setattr("lstm_bench.model.pack.open_path", open_in_pairs)
    given = fit(make_samples, [MEMBERS[0], hopeless, MEMBERS[2]], device, n_epochs=2)
    assert [one.status for one in given] == ["finished", "diverged", "finished"]
    assert [group.indices for group in opened[0]._groups] == [[0], [2]]
    for ours, theirs in zip((given[0], given[2]), expected, strict=True):
        np.testing.assert_allclose(curve(ours), curve(theirs), atol=1e-4)


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
