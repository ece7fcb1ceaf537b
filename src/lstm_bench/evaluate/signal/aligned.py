"""Scores, labels and rows in the types and layout that kernels are compiled for."""

from __future__ import annotations

import numpy as np

from lstm_bench.core.errors import InputError
from lstm_bench.data.arrays import Bools, Floats, Reals

__all__ = ["aligned"]


def aligned(score: Reals, label: Reals, rows: Bools | None = None) -> tuple[Floats, Floats, Bools]:
    """Check that panels have the same shape; return them as float64, float64 and bool, each ``[T, N]`` and contiguous.

    ``rows`` are the pairs (day, instrument) that exist, by default those with a score or a label. Raises InputError
    if the shapes differ.
    """
    if score.ndim != 2 or score.shape != label.shape:
        raise InputError(
            f"score and label: got the shapes {score.shape} and {label.shape}, expected the same [T, N]"
        )
    if rows is None:
        rows = ~(np.isnan(score) & np.isnan(label))
    elif rows.shape != score.shape:
        raise InputError(f"rows: got the shape {rows.shape}, expected that of score, {score.shape}")
    return (
        np.require(score, np.float64, ["C", "W"]),
        np.require(label, np.float64, ["C", "W"]),
        np.require(rows, np.bool_, ["C", "W"]),
    )
