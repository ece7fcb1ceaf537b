"""Orders in which an epoch visits its samples: batches of positions, drawn from torch's default generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

__all__ = [
    "days_per_batch",
    "in_sequence",
    "shuffled",
    "shuffled_as_loader",
    "shuffled_as_numpy",
    "shuffled_days",
]


def in_sequence(samples: int, batch_size: int, *, drop_last: bool) -> Iterator[Tensor]:
    """Visit samples in their own order, batches of int64 ``[B]``."""
    end = samples - samples % batch_size if drop_last else samples
    for start in range(0, end, batch_size):
        yield torch.arange(start, min(start + batch_size, end))


def shuffled(samples: int, batch_size: int) -> Iterator[Tensor]:
    """Visit samples in random order; the last partial batch is dropped."""
    order = torch.randperm(samples)
    for start in range(0, samples - batch_size + 1, batch_size):
        yield order[start : start + batch_size]


def days_per_batch(days: Sequence[Tensor], batch_size: int) -> int:
    """Return how many days have about as many samples as a batch: at least one, at most all.

    ``days``: the positions of each day's samples.
    """
    count = len(days)
    return min(count, max(1, round(batch_size * count / sum(map(len, days)))))


def shuffled_days(days: Sequence[Tensor], days_per_batch: int) -> Iterator[Tensor]:
    """Visit whole days in random order, ``days_per_batch`` to a batch; the last partial batch is dropped.

    ``days``: the positions of each day's samples.
    """
    order = torch.randperm(len(days)).tolist()
    for start in range(0, len(days) - days_per_batch + 1, days_per_batch):
        yield torch.cat([days[day] for day in order[start : start + days_per_batch]])


def shuffled_as_numpy(samples: int, batch_size: int, random: np.random.RandomState) -> Iterator[Tensor]:
    """Shuffle as Qlib's model for ``DatasetH`` does: a numpy shuffle of positions, the partial batch dropped."""
    order = np.arange(samples)
    random.shuffle(order)
    positions = torch.from_numpy(order)
    for start in range(0, samples - batch_size + 1, batch_size):
        yield positions[start : start + batch_size]


def shuffled_as_loader(samples: int, batch_size: int, *, shuffle: bool = True) -> Iterator[Tensor]:
    """Visit samples in the order of a torch ``DataLoader`` that drops its last partial batch.

    Qlib's model for ``TSDatasetH`` uses three loaders an epoch. This is torch's own loader over positions, so that it
    draws the same random numbers; an unshuffled loader draws some too.
    """
    loader: DataLoader[Any] = DataLoader(
        _Positions(samples), batch_size=batch_size, shuffle=shuffle, drop_last=True, collate_fn=_to_tensor
    )
    yield from loader


class _Positions(Dataset[Any]):
    """A torch dataset of positions, fetched a batch at a time."""

    def __init__(self, samples: int) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return self._samples

    def __getitems__(self, positions: Sequence[int]) -> Sequence[int]:
        return positions


def _to_tensor(positions: Sequence[int]) -> Tensor:
    return torch.tensor(cast("list[int]", positions), dtype=torch.int64)
