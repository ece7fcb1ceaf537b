"""The kernels against ``nn.LSTM`` in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
import torch
from torch import Tensor

from lstm_bench.model.lstm import LSTM
from lstm_bench.model.paths.cuda.layers import Dropout, forward, gradients, scores
from lstm_bench.model.paths.cuda.weights import PackWeights

Precision = Literal["fp32", "tf32", "bf16"]
BOUND: dict[Precision, float] = {"fp32": 1e-5, "tf32": 3e-3, "bf16": 3e-2}


@dataclass
class Case:
    """K models, windows and the gradient of their scores."""

    models: list[LSTM]
    windows: Tensor  # [K, B, L, F]
    grad: Tensor  # [K, B]

    @classmethod
    def make(cls, K: int, B: int, L: int, F: int, H: int, layers: int) -> Case:
        torch.manual_seed(K + B + L + F + H + layers)
        models = [LSTM(F, H, layers, 0.0) for _ in range(K)]
        return cls(models, torch.randn(K, B, L, F), torch.randn(K, B))

    def days_first(self, device: torch.device) -> Tensor:
        return self.windows.transpose(1, 2).contiguous().to(device)

    def expected(self, member: int) -> tuple[Tensor, dict[str, Tensor]]:
        model = self.models[member]
        exact = LSTM(model.rnn.input_size, model.rnn.hidden_size, model.rnn.num_layers, 0.0).double()
        exact.load_state_dict(model.state_dict())
        given = exact(self.windows[member].double())
        given.backward(self.grad[member].double())
        return given.detach(), {name: p.grad for name, p in exact.named_parameters() if p.grad is not None}


def distance(given: Tensor, expected: Tensor) -> float:
    """Relative in norm; absolute if zero is expected, as for a state's weights on a single day."""
    error, size = float((given.cpu().double() - expected).norm()), float(expected.norm())
    return error / size if size else error


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize(
    ("K", "B", "L", "F", "H", "layers"),
    [
        (2, 40, 4, 5, 20, 2),  # no side fits a block
        (1, 32, 1, 16, 16, 1),  # all do; one day
        (3, 7, 3, 1, 4, 3),  # all smaller than any block
        (1, 9, 3, 40, 70, 2),  # wider than a block, in inputs and units
    ],
)
def test_outputs_and_gradients(
    device: torch.device, precision: Precision, K: int, B: int, L: int, F: int, H: int, layers: int
) -> None:
    case = Case.make(K, B, L, F, H, layers)
    weights = PackWeights.of(case.models, device)
    given, tapes = forward(weights, case.days_first(device), layers, None, precision)
    into = weights.like()
    gradients(weights, tapes, case.grad.to(device), None, precision, into)
    for member in range(K):
        outputs, grads = case.expected(member)
        assert distance(given[member], outputs) < BOUND[precision]
        for name, grad in grads.items():
            assert distance(into[name][member], grad) < BOUND[precision], name


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("L", [2, 3])
def test_scoring_is_the_forward_pass(device: torch.device, layers: int, L: int) -> None:
    case = Case.make(2, 40, L, 5, 20, layers)
    weights = PackWeights.of(case.models, device)
    shared = case.windows[:1].expand(2, -1, -1, -1)
    kept, _ = forward(weights, shared.transpose(1, 2).contiguous().to(device), layers, None, "fp32")
    given = scores(weights, case.windows[0].transpose(0, 1).contiguous().to(device), layers, "fp32")
    torch.testing.assert_close(given, kept, rtol=0, atol=1e-6)


def test_nan_stays_in_its_member(device: torch.device) -> None:
    case = Case.make(2, 5, 3, 2, 4, 2)
    case.models[0].state_dict()["rnn.weight_hh_l0"].fill_(float("nan"))
    given, _ = forward(PackWeights.of(case.models, device), case.days_first(device), 2, None, "fp32")
    assert given[0].isnan().all()
    assert given[1].isfinite().all()


class TestDropout:
    def drop(self, values: Tensor, seeds: list[int], probabilities: list[float]) -> Tensor:
        dropout = Dropout(
            torch.tensor([seeds], device=values.device), torch.tensor(probabilities, device=values.device)
        )
        return dropout.apply(values, layer=1)

    def test_share_and_scale(self, device: torch.device) -> None:
        given = self.drop(torch.ones(2, 10, 40, 50, device=device), [1, 2], [0.25, 0.0])
        torch.testing.assert_close(given[0].max(), torch.tensor(1 / 0.75, device=device))
        assert len(set(given[0].flatten().tolist())) == 2
        # 20,000 draws: five standard errors of a share of 0.25
        assert float((given[0] == 0).float().mean()) == pytest.approx(
            0.25, abs=5 * (0.25 * 0.75 / 20_000) ** 0.5
        )
        assert (given[1] == 1).all()

    def test_a_member_drops_alone_what_it_drops_in_a_pack(self, device: torch.device) -> None:
        values = torch.randn(2, 3, 4, 5, device=device)
        together = self.drop(values, [7, 2**33 + 7], [0.5, 0.5])
        assert torch.equal(self.drop(values[1:], [2**33 + 7], [0.5])[0], together[1])
        assert not torch.equal(together[0] == 0, together[1] == 0)  # the upper half of a key counts

    def test_views_that_skip_a_day(self, device: torch.device) -> None:
        states = torch.ones(2, 4, 3, 5, device=device)
        assert torch.equal(
            self.drop(states[:, 1:], [1, 2], [0.5, 0.5]),
            self.drop(states[:, 1:].contiguous(), [1, 2], [0.5, 0.5]),
        )
