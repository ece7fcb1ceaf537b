"""Counted operations against a plain loop and torch's counter; measured rates are positive."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tests.perf.traffic import lstm_bytes, nearer_share
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lstm_bench.model import limits as measured
from lstm_bench.model.contract import PackSpec
from lstm_bench.model.limits import Limits, copy_rate, gemm_rate, lstm_flops
from lstm_bench.model.lstm import LSTM, count_parameters
from lstm_bench.model.timing import (
    qlib_spec,
)

CPU = torch.device("cpu")


def spec_of(d_feat: int, hidden_size: int, num_layers: int, batch_size: int = 10) -> PackSpec:
    own = qlib_spec(d_feat)
    return replace(own, hidden_size=hidden_size, num_layers=num_layers, batch_size=batch_size)


def counted_one_by_one(spec: PackSpec, batch: int, step_len: int, training: bool) -> int:
    """Multiply-adds of each gate, sample and day, in plain loops."""
    flops = 0
    for _sample in range(batch):
        for layer in range(spec.num_layers):
            sources = {"input": spec.hidden_size if layer else spec.d_feat, "state": spec.hidden_size}
            for _day in range(step_len):
                for source, width in sources.items():
                    for _gate in range(4):
                        for _unit in range(spec.hidden_size):
                            flops += 2 * width  # forward: a sum of products
                            if training:
                                flops += 2 * width  # what a unit adds to its weights' gradient
                            if training and (layer or source == "state"):
                                flops += 2 * width  # and to that of its source
        flops += 2 * spec.hidden_size * (3 if training else 1)
    return flops


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("d_feat", "hidden_size", "num_layers"), [(3, 4, 1), (3, 4, 2), (5, 2, 3)])
def test_flops_are_those_of_a_plain_loop(
    d_feat: int, hidden_size: int, num_layers: int, training: bool
) -> None:
    spec = spec_of(d_feat, hidden_size, num_layers)
    assert lstm_flops(spec, 7, 5, training) == counted_one_by_one(spec, 7, 5, training)


def test_flops_of_a_case_counted_by_hand() -> None:
    # one sample, one day, F = 2, H = 3, one layer: 12 gate units of 5 weights, and a head of 3
    spec = spec_of(2, 3, 1)
    assert lstm_flops(spec, 1, 1, training=False) == 2 * (12 * 5 + 3)
    assert lstm_flops(spec, 1, 1, training=True) == 2 * (12 * (5 + 5 + 3) + 3 * 3)


def score_by_products(model: LSTM, windows: Tensor, state: Tensor) -> Tensor:
    """Score with a product per source, layer and day, which torch's counter sees."""
    sequence = list(windows.unbind(1))
    for of_inputs, of_states, b, c in model.rnn.all_weights:
        hidden, cell = state, torch.zeros_like(state)
        outputs = []
        for inputs in sequence:
            gates = nn.functional.linear(inputs, of_inputs, b) + nn.functional.linear(hidden, of_states, c)
            i, f, g, o = gates.chunk(4, dim=1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            outputs.append(hidden)
        sequence = outputs
    scores: Tensor = model.fc_out(sequence[-1]).squeeze(-1)
    return scores


@pytest.mark.parametrize("layers", [1, 2])
def test_flops_are_those_that_torch_counts(layers: int) -> None:
    spec, windows = spec_of(3, 4, layers), torch.randn(6, 5, 3)
    model = LSTM(3, 4, layers, 0.0)
    state = torch.zeros(6, 4, requires_grad=True)  # the first day's state is one like any other
    torch.testing.assert_close(score_by_products(model, windows, state), model(windows))
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        score_by_products(model, windows, state)
    assert lstm_flops(spec, 6, 5, training=False) == forward.get_total_flops()
    with FlopCounterMode(display=False) as step:
        score_by_products(model, windows, state).sum().backward()  # type: ignore[no-untyped-call]
    assert lstm_flops(spec, 6, 5, training=True) == step.get_total_flops()


def test_bytes_of_a_case_counted_by_hand() -> None:
    spec = spec_of(3, 4, 2)
    weights = count_parameters(LSTM(3, 4, 2, 0.0))
    windows, states = 7 * 5 * 3, 2 * 7 * 5 * 4  # [B, L, F], and [B, L, H] of both layers
    assert lstm_bytes(spec, 7, 5, training=False) == 4 * (weights + windows + 2 * states)
    assert lstm_bytes(spec, 7, 5, training=True) == 4 * (3 * weights + 2 * windows + 12 * states)


def test_rates_are_positive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "_COPIED_BYTES", 1 << 16)
    monkeypatch.setattr(measured, "_CPU_PRODUCTS", 2)
    for rate in (gemm_rate(CPU), copy_rate(CPU)):
        assert rate > 0
        assert math.isfinite(rate)


def test_the_nearer_limit_counts() -> None:
    limits = Limits(gemm_flops=100.0, copy_bytes=10.0)
    assert nearer_share(limits, flops=50.0, moved_bytes=1.0) == 0.5
    assert nearer_share(limits, flops=50.0, moved_bytes=8.0) == 0.8
