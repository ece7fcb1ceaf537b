"""Products of rounded factors, and an LSTM that is trained with them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tests.model.paths.cpu.test_outputs import compare, make

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.errors import ConfigError
from lstm_bench.model import limits
from lstm_bench.model.contract import MemberSpec
from lstm_bench.model.limits import gemm_rate
from lstm_bench.model.paths.cpu import outputs, panels
from lstm_bench.model.paths.cpu.bf16 import HAS_BF16, paired
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.paths.cpu.panels import multiply_panels
from lstm_bench.model.paths.cpu.tile import COLUMNS, TILE
from lstm_bench.model.predict import predict, predict_weights
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.select import choose_path
from lstm_bench.model.timing import Shape, noise_samples, qlib_spec
from lstm_bench.model.trainer import train_pack

CPU = torch.device("cpu")
needs_bf16 = pytest.mark.skipif(not HAS_BF16, reason="the processor has no AVX512-BF16")


@pytest.mark.parametrize("depth", [1, 4, 7])
def test_pairs_are_rounded_summands_side_by_side(depth: int) -> None:
    panels = torch.randn(2, depth, COLUMNS)
    pairs = paired(panels).view(torch.bfloat16).float()
    assert pairs.shape == (2, (depth + 1) // 2, COLUMNS, 2)
    summands = pairs.transpose(2, 3).flatten(1, 2)
    assert torch.equal(summands[:, :depth], panels.bfloat16().float())
    assert not summands[:, depth:].any()


@needs_bf16
@pytest.mark.parametrize("rows", [1, TILE, 2 * TILE + 3])
@pytest.mark.parametrize("depth", [2, 34, 64, 130])
def test_products_are_those_of_rounded_factors(rows: int, depth: int) -> None:
    generator = torch.Generator().manual_seed(rows + depth)
    room = torch.randn(rows, depth + 64, generator=generator)  # whole vectors are read
    panels = torch.randn(2, depth, COLUMNS, generator=generator)
    into = torch.randn(2, rows, COLUMNS, generator=generator)
    left = room[:, :depth]
    expected = into.double() + left.bfloat16().double() @ panels.bfloat16().double()
    multiply_panels(left.numpy(), paired(panels).numpy(), into.numpy(), 1, 1)
    np.testing.assert_allclose(into.numpy(), expected.numpy(), rtol=1e-5, atol=1e-4)


@needs_bf16
@pytest.mark.parametrize(
    ("features", "hidden", "layers", "samples", "days"),
    [
        (20, 64, 2, 100, 20),
        (6, 64, 2, 30, 60),
        (5, 32, 3, 30, 7),
        (40, 10, 2, 9, 5),
        (3, 17, 2, 1, 4),
        (2, 7, 1, 4, 1),
    ],
)
def test_scores_and_gradients_are_near_torchs(
    features: int, hidden: int, layers: int, samples: int, days: int
) -> None:
    model, windows = make(features, hidden, layers), torch.randn(samples, days, features)
    assert compare(model, windows, 3e-2, "bf16") > 1e-4  # single precision would be within 2e-6
    compiled = CompiledLSTM(model, "bf16")
    trained = compiled.training_scores(windows, torch.Generator())
    assert torch.equal(compiled.scores(windows), trained.detach())


@needs_bf16
def test_nan_in_a_window_is_nan_in_its_score_alone() -> None:
    windows = torch.randn(10, 5, 3)  # an odd number of features, whose pair is made up with what comes next
    windows[4, 2, 1] = torch.nan
    scores = CompiledLSTM(make(3, 8, 2), "bf16").scores(windows)
    assert scores.isnan().tolist() == [sample == 4 for sample in range(10)]


@needs_bf16
def test_training_goes_as_in_single_precision_and_its_weights_score_alike() -> None:
    spec = dataclasses.replace(qlib_spec(4), hidden_size=16, batch_size=100)
    samples = noise_samples(600, Shape(4, 5))
    samples.labels[:] = samples.windows.values[:, -1, 0]  # type: ignore[attr-defined]

    def losses(precision: Precision) -> list[float]:
        own = dataclasses.replace(spec, precision=precision)
        (fit,) = train_pack(
            own, [MemberSpec(0, 1e-2, 0.0, 0.0)], samples, samples, n_epochs=5, early_stop=5, device=CPU
        )
        if precision == "bf16":
            scores = predict_weights(own, fit.weights, ResidentSamples.place(samples, CPU), "cpu")
            assert fit.epochs[fit.best_epoch].valid_loss == pytest.approx(
                float(np.square(scores - samples.labels).mean()), rel=1e-5
            )
        return [epoch.train_loss for epoch in fit.epochs]

    rounded, exact = losses("bf16"), losses("fp32")
    assert rounded != exact
    assert exact[-1] < exact[0] / 4
    assert rounded == pytest.approx(exact, rel=3e-2)


@needs_bf16
def test_the_processors_threads_serve_it() -> None:
    assert choose_path(dataclasses.replace(qlib_spec(20), precision="bf16"), CPU).name == "cpu"


def test_a_processor_without_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "PRECISIONS", ("fp32",))
    spec = dataclasses.replace(qlib_spec(20), precision="bf16")
    with pytest.raises(ConfigError, match=r"precision: got 'bf16', but on cpu the cpu path.*choices: fp32$"):
        choose_path(spec, CPU)
    with pytest.raises(ConfigError, match=r"precision: got 'bf16'.*choices: fp32$"):
        CompiledLSTM(make(3, 8, 1), "bf16")


def test_torch_scores_what_was_trained_where_there_was_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "PRECISIONS", ("fp32",))
    spec = dataclasses.replace(qlib_spec(4), hidden_size=16, precision="bf16")
    samples = ResidentSamples.place(noise_samples(30, Shape(4, 5)), CPU)
    model = make(4, 16, 2)
    scores = predict_weights(spec, model.copied(), samples, "cpu")
    assert np.array_equal(scores, predict(model, samples).numpy())


def test_kernels_that_are_not_there_set_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "PRECISIONS", ("fp32",))
    monkeypatch.setattr(panels, "multiply_panels", lambda *_: pytest.fail("there is no code behind it"))
    monkeypatch.setattr(limits, "_CPU_PRODUCTS", 2)
    assert 0 < gemm_rate(CPU, 24, "bf16") < np.inf


def test_qlibs_own_training_refuses() -> None:
    spec = dataclasses.replace(qlib_spec(20), precision="bf16", compat="qlib")
    with pytest.raises(ConfigError, match=r"reference path.*choices: fp32$"):
        choose_path(spec, CPU)
