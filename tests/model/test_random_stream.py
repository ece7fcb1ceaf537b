from __future__ import annotations

import numpy as np
import torch

from lstm_bench.model.random_stream import RandomStream

CPU = torch.device("cpu")


def test_a_stream_draws_what_its_seed_gives() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    stream = RandomStream(3, CPU)
    with stream.in_use():
        got = torch.rand(4)
    assert torch.equal(got, expected)
    assert stream.numpy.rand() == np.random.RandomState(3).rand()


def test_streams_do_not_mix() -> None:
    alone = RandomStream(1, CPU)
    with alone.in_use():
        expected = torch.rand(4)
    one, other = RandomStream(1, CPU), RandomStream(2, CPU)
    drawn = []
    for _ in range(2):
        with one.in_use():
            drawn.append(torch.rand(2))
        with other.in_use():
            torch.rand(3)
    assert torch.equal(torch.cat(drawn), expected)


def test_the_outside_is_left_alone() -> None:
    torch.manual_seed(9)
    expected = torch.rand(2)
    torch.manual_seed(9)
    stream = RandomStream(1, CPU)
    with stream.in_use():
        torch.rand(5)
    assert torch.equal(torch.rand(2), expected)
