"""Timings are of the requested path and shape; nothing is compared with a clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lstm_bench.core.errors import ConfigError
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.limits import lstm_flops
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
