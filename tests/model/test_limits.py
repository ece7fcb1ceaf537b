"""Counted work against products that are counted one by one, and rates that are only there."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tests.perf.traffic import lstm_bytes, nearer_share
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lstm_bench.core.errors import ConfigError
from lstm_bench.model import limits as measured
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.limits import Limits, copy_rate, gemm_rate, lstm_flops
from lstm_bench.model.lstm import LSTM, count_parameters
from lstm_bench.model.pack import Pack
from lstm_bench.model.select import choose_path
from lstm_bench.model.timing import (
    DEFAULT_SHAPES,
    Shape,
    noise_samples,
    qlib_spec,
    runnable_choices,
    time_pack,
    time_path,
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


def test_rates_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "_COPIED_BYTES", 1 << 16)
    monkeypatch.setattr(measured, "_CPU_PRODUCTS", 2)
    for rate in (gemm_rate(CPU), copy_rate(CPU)):
        assert rate > 0
        assert math.isfinite(rate)


def test_the_nearer_limit_counts() -> None:
    limits = Limits(gemm_flops=100.0, copy_bytes=10.0)
    assert nearer_share(limits, flops=50.0, moved_bytes=1.0) == 0.5
    assert nearer_share(limits, flops=50.0, moved_bytes=8.0) == 0.8


def test_noise_has_the_shape_and_the_seed_that_are_asked_for() -> None:
    samples = noise_samples(30, DEFAULT_SHAPES["Alpha360"], seed=3)
    windows = samples.windows.gather(torch.tensor([4, 2]), torch.tensor([0, 0]))
    assert windows.shape == (2, 60, 6)
    again = noise_samples(30, Shape(6, 60), seed=3)
    assert torch.equal(again.windows.gather(torch.tensor([4, 2]), torch.tensor([0, 0])), windows)
    assert (again.labels == samples.labels).all()
    assert (noise_samples(30, Shape(6, 60), seed=4).labels != samples.labels).all()


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_a_timing_is_of_the_path_that_was_asked_for(name: str) -> None:
    choice = PathChoice(name, "asked for")  # type: ignore[arg-type]
    timing = time_path(spec_of(3, 4, 2), 5, CPU, choice, members=2, steps=2, seconds=0.0)
    assert (timing.path, timing.members) == (name, 2)
    assert timing.samples_per_second == 10 / timing.step_seconds
    step_flops = lstm_flops(spec_of(3, 4, 2), 10, 5, training=True)
    assert timing.train_flops * timing.step_seconds == pytest.approx(step_flops)
    score_flops = lstm_flops(spec_of(3, 4, 2), 1, 5, training=False)
    assert timing.score_flops * timing.score_seconds == pytest.approx(score_flops)
    assert timing.scored == 20


def test_too_few_samples_to_time_are_refused() -> None:
    samples = noise_samples(5, Shape(3, 5))
    pack = Pack(spec_of(3, 4, 1), [MemberSpec(0, 1e-3, 0.0, 0.0)], samples, samples, CPU)
    with pytest.raises(ValueError, match="5 samples to train on"):
        time_pack(pack, pack.valid)


def test_the_choices_to_time_begin_with_the_one_that_serves() -> None:
    spec = spec_of(3, 4, 1)
    assert [choice.name for choice in runnable_choices(spec, CPU)] == ["cpu", "reference"]
    assert runnable_choices(spec, CPU)[0] == choose_path(spec, CPU)
    assert len(runnable_choices(replace(spec, compat="qlib"), CPU)) == 1
    with pytest.raises(ConfigError, match="choices: fp32"):
        runnable_choices(replace(spec, precision="tf32"), CPU)
