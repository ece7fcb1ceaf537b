"""The compiled LSTM against torch's in double precision, and against itself."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM

# F, H, layers, B, L: widths that fill vectors and that do not, more features than units, one day, one sample
SHAPES = [
    (5, 32, 3, 30, 7),
    (40, 10, 2, 9, 5),
    (2, 7, 1, 4, 3),
    (6, 64, 2, 100, 9),
    (3, 17, 2, 1, 4),
    (3, 16, 2, 5, 1),
]


def make(features: int, hidden: int, layers: int, dropout: float = 0.0, scale: float = 1.0) -> LSTM:
    torch.manual_seed(0)
    model = LSTM(features, hidden, layers, dropout)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def relative(value: Tensor, exact: Tensor) -> float:
    return float((value.double() - exact).norm() / exact.norm().clamp(min=1e-30))


def compare(model: LSTM, windows: Tensor, tolerance: float = 1e-5, precision: Precision = "fp32") -> float:
    """Scores, and gradients of a loss, against nn.LSTM in double precision: the relative error of the scores."""
    exact = copy.deepcopy(model).double()
    target = torch.randn(len(windows))
    expected = exact(windows.double())
    torch.autograd.backward((expected - target).square().mean())
    compiled = CompiledLSTM(model, precision)
    scores = compiled.training_scores(windows, torch.Generator())
    compiled.set_grads(torch.autograd.grad((scores - target).square().mean(), compiled.leaves))
    assert relative(scores.detach(), expected.detach()) < tolerance
    assert relative(compiled.scores(windows), expected.detach()) < tolerance
    for (name, parameter), other in zip(model.named_parameters(), exact.parameters(), strict=True):
        assert parameter.grad is not None
        assert other.grad is not None
        assert parameter.grad.shape == parameter.shape
        assert parameter.grad.is_contiguous(), name  # fused optimizers go over it as it lies in memory
        assert relative(parameter.grad, other.grad) < tolerance, name
    return relative(scores.detach(), expected.detach())


@pytest.mark.parametrize(("features", "hidden", "layers", "samples", "days"), SHAPES)
def test_scores_and_gradients_are_torchs(
    features: int, hidden: int, layers: int, samples: int, days: int
) -> None:
    compare(make(features, hidden, layers), torch.randn(samples, days, features))


def test_gates_that_saturate() -> None:
    compare(make(4, 16, 2, scale=6.0), 4 * torch.randn(50, 6, 4))


def test_windows_need_not_be_contiguous() -> None:
    compare(make(5, 16, 2), torch.randn(30, 5, 6).transpose(1, 2))


@pytest.mark.parametrize("hidden", [10, 16])
def test_infinite_features_saturate_gates_as_in_torch(hidden: int) -> None:
    model, windows = make(3, hidden, 2), torch.randn(10, 5, 3)
    windows[4, 2, 1], windows[7, 4, 0] = torch.inf, -torch.inf
    compiled = CompiledLSTM(model)
    with torch.no_grad():
        expected = model(windows)
        trained = compiled.training_scores(windows, torch.Generator())
    assert expected.isfinite().all()
    for scores in (compiled.scores(windows), trained):
        torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-6)


def test_gradients_of_rows_that_a_layer_lacks_are_zero() -> None:
    compiled = CompiledLSTM(make(40, 10, 2))
    scores = compiled.training_scores(torch.randn(9, 5, 40), torch.Generator())
    free = [
        torch.full_like(compiled.leaves[0], torch.nan) for _ in range(8)
    ]  # which memory may be taken from
    del free
    rows = torch.autograd.grad(scores.sum(), compiled.leaves)[0]
    assert not rows[1, 2 * 16 :].any()  # the second layer's end before the first's


def test_nan_in_a_window_is_nan_in_its_score_alone() -> None:
    windows = torch.randn(10, 5, 3)
    windows[4, 2, 1] = torch.nan
    scores = CompiledLSTM(make(3, 8, 2)).scores(windows)
    assert scores.isnan().tolist() == [sample == 4 for sample in range(10)]


def test_weights_are_those_of_the_last_repacking() -> None:
    model, windows = make(3, 8, 2), torch.randn(6, 5, 3)
    compiled = CompiledLSTM(model)
    before = compiled.scores(windows)
    with torch.no_grad():
        for parameter in model.rnn.parameters():
            parameter.mul_(0.5)
    assert torch.equal(compiled.scores(windows), before)
    compiled.repack()
    assert relative(compiled.scores(windows), copy.deepcopy(model).double()(windows.double()).detach()) < 1e-5


def test_gradients_go_through_the_masks_of_dropout() -> None:
    """Masks sampled again from the same state, applied between single layers of torch."""
    model, windows = make(3, 16, 3, dropout=0.4), torch.randn(20, 5, 3)
    compiled = CompiledLSTM(model)
    state = torch.Generator().manual_seed(5).get_state()

    def stream() -> torch.Generator:
        generator = torch.Generator()
        generator.set_state(state)
        return generator

    scores = compiled.training_scores(windows, stream())
    compiled.set_grads(torch.autograd.grad(scores.sum(), compiled.leaves))
    masks = torch.empty(2, 5, 20, 16).bernoulli_(0.6, generator=stream()) / 0.6
    exact = copy.deepcopy(model).double()
    hidden = windows.double()
    for layer, weights in enumerate(exact.rnn.all_weights):
        if layer:
            hidden = hidden * masks[layer - 1].transpose(0, 1)
        zeros = hidden.new_zeros(1, 20, 16)
        hidden = torch.lstm(hidden, (zeros, zeros), tuple(weights), True, 1, 0.0, True, False, True)[0]
    expected = exact.head(hidden[:, -1])
    exact.zero_grad()
    torch.autograd.backward(expected.sum())
    assert relative(scores.detach(), expected.detach()) < 1e-5
    for parameter, other in zip(model.parameters(), exact.parameters(), strict=True):
        assert parameter.grad is not None
        assert other.grad is not None
        assert relative(parameter.grad, other.grad) < 1e-5


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    model = make(3, 8, 2, dropout=0.5)
    windows = torch.randn(1, 5, 3).expand(4000, 5, 3)
    with torch.no_grad():
        dropped = CompiledLSTM(model).training_scores(windows, torch.Generator().manual_seed(1))
        reference = model.train()(windows)
    assert dropped.std() > 0
    # two samples of one distribution: means within five standard errors, spreads alike
    error = float(reference.std()) / len(windows) ** 0.5
    assert abs(float(dropped.mean() - reference.mean())) < 5 * 2**0.5 * error
    assert float(dropped.std()) == pytest.approx(float(reference.std()), rel=0.1)


def test_no_two_gradients_share_memory() -> None:
    model = make(3, 16, 2)
    compiled = CompiledLSTM(model)
    scores = compiled.training_scores(torch.randn(20, 5, 3), torch.Generator())
    compiled.set_grads(torch.autograd.grad(scores.sum(), compiled.leaves))
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert len({gradient.data_ptr() for gradient in gradients}) == len(gradients) == 10


def test_scoring_never_drops() -> None:
    windows = torch.randn(6, 5, 3)
    dropping, plain = (CompiledLSTM(make(3, 8, 2, dropout)) for dropout in (0.5, 0.0))
    assert torch.equal(dropping.scores(windows), plain.scores(windows))
