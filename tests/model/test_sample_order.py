from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from lstm_bench.model.sample_order import (
    in_sequence,
    shuffled,
    shuffled_as_loader,
    shuffled_as_numpy,
    shuffled_days,
)

sizes = st.tuples(st.integers(1, 60), st.integers(1, 20))


@given(sizes)
def test_shuffled_orders_visit_no_sample_twice_and_drop_the_tail(size: tuple[int, int]) -> None:
    samples, batch = size
    random = np.random.RandomState(0)
    for order in (
        shuffled(samples, batch),
        shuffled_as_loader(samples, batch),
        shuffled_as_numpy(samples, batch, random),
    ):
        batches = list(order)
        assert [len(b) for b in batches] == [batch] * (samples // batch)
        positions = torch.cat(batches).tolist() if batches else []
        assert len(set(positions)) == len(positions)
        assert set(positions) <= set(range(samples))


@given(sizes, st.booleans())
def test_in_sequence_keeps_the_order(size: tuple[int, int], drop_last: bool) -> None:
    samples, batch = size
    positions = [p for b in in_sequence(samples, batch, drop_last=drop_last) for p in b.tolist()]
    assert positions == list(range(samples - samples % batch if drop_last else samples))


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_loaders_order_and_draws_are_torchs(shuffle: bool) -> None:
    data = torch.arange(53)
    loader: DataLoader[Any] = DataLoader(TensorDataset(data), batch_size=8, shuffle=shuffle, drop_last=True)
    torch.manual_seed(5)
    expected = [[b.tolist() for (b,) in loader], torch.rand(1).item()]
    torch.manual_seed(5)
    got = [[b.tolist() for b in shuffled_as_loader(53, 8, shuffle=shuffle)], torch.rand(1).item()]
    assert got == expected


def test_the_numpy_order_is_numpys() -> None:
    np.random.seed(7)  # noqa: NPY002 - Qlib's generator
    expected = np.arange(30)
    np.random.shuffle(expected)  # noqa: NPY002
    got = torch.cat(list(shuffled_as_numpy(30, 10, np.random.RandomState(7)))).numpy()
    np.testing.assert_array_equal(got, expected)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.integers(1, 6), st.integers(0, 99))
def test_days_are_drawn_whole_and_by_the_seed(counts: list[int], days_per_batch: int, seed: int) -> None:
    days = list(torch.split(torch.randperm(sum(counts)), counts))
    torch.manual_seed(seed)
    batches = [batch.tolist() for batch in shuffled_days(days, days_per_batch)]
    assert len(batches) == len(days) // days_per_batch
    visited = [position for batch in batches for position in batch]
    assert len(set(visited)) == len(visited)
    for day in days:
        holders = [batch for batch in batches if set(day.tolist()) & set(batch)]
        assert len(holders) <= 1
        assert all(set(day.tolist()) <= set(batch) for batch in holders)
    assert all(sum(day[0].item() in batch for day in days) == days_per_batch for batch in batches)
    torch.manual_seed(seed)
    assert [batch.tolist() for batch in shuffled_days(days, days_per_batch)] == batches
