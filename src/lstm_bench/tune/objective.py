"""The objective of a trial: the validation loss, averaged over all of its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["SeedLosses", "diverged_message", "diverged_seeds", "epoch_value", "final_value"]

SeedLosses = Mapping[int, Sequence[float]]
"""Seed -> validation loss per epoch; a curve that ends with a non-finite number has diverged."""


def epoch_value(losses: SeedLosses, epoch: int) -> float | None:
    """Mean validation loss of an epoch over the seeds; None if a seed has diverged or none has trained.

    A seed that stopped early counts with its best loss, which is its final value.
    """
    if diverged_seeds(losses):
        return None
    return _mean(curve[epoch] if epoch < len(curve) else min(curve) for curve in losses.values() if curve)


def final_value(losses: SeedLosses) -> float | None:
    """Mean over the seeds of each one's best validation loss; None if a seed has diverged.

    A mean over the other seeds would favour configurations that diverge, because these would lose their worst seeds.
    """
    if diverged_seeds(losses):
        return None
    return _mean(min(curve) for curve in losses.values() if curve)


def diverged_seeds(losses: SeedLosses) -> list[int]:
    """Seeds whose curve ends with a non-finite number."""
    return [seed for seed, curve in losses.items() if curve and not math.isfinite(curve[-1])]


def diverged_message(seeds: Sequence[int]) -> str:
    """Return the error message of a trial with these diverged seeds."""
    which = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return (
        f"{which} diverged (a loss or score that is not finite), so that the trial has no mean over its seeds"
    )


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return math.fsum(found) / len(found) if found else None
