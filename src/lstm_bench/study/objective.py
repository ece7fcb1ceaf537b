"""What a trial is judged by: the validation loss, averaged over its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["SeedLosses", "diverged_seeds", "epoch_value", "final_value"]

SeedLosses = Mapping[int, Sequence[float]]
"""Seed -> validation loss per epoch; a curve that ends with a number that is not finite has diverged."""


def epoch_value(losses: SeedLosses, epoch: int) -> float | None:
    """Mean validation loss of an epoch over the seeds that live; None where none does.

    A seed that stopped early counts with its best loss, which is what it will be judged by; one that diverged does
    not count.
    """
    return _mean(
        curve[epoch] if epoch < len(curve) else min(curve)
        for curve in losses.values()
        if curve and math.isfinite(curve[-1])
    )


def final_value(losses: SeedLosses) -> float | None:
    """Mean over the seeds that live of each one's best validation loss; None where none does."""
    return _mean(min(curve) for curve in losses.values() if curve and math.isfinite(curve[-1]))


def diverged_seeds(losses: SeedLosses) -> list[int]:
    """Seeds whose loss ended as no finite number."""
    return [seed for seed, curve in losses.items() if curve and not math.isfinite(curve[-1])]


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return math.fsum(found) / len(found) if found else None
