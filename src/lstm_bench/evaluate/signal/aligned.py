"""Scores, labels and rows in the one type and layout that kernels are compiled for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import InputError

__all__ = ["aligned"]

Panel = npt.NDArray[np.float64]


def aligned(
    score: npt.NDArray[np.floating],
    label: npt.NDArray[np.floating],
    rows: npt.NDArray[np.bool_] | None = None,
) -> tuple[Panel, Panel, npt.NDArray[np.bool_]]:
    """Check that panels fit each other, and give them as float64, float64 and bool, each ``[T, N]`` and contiguous.

    Parameters
    ----------
    score, label : ``[T, N]``
        NaN where there is none.
    rows : ``[T, N]`` bool, optional
        The pairs (day, instrument) that exist. Where not given, those with a score or a label.

    Raises
    ------
    InputError
        Where the shapes differ.
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
