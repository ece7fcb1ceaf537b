"""Figures of training: losses, validation score and learning rate by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lstm_bench.report.figures.figure import Figure, axes, axis, counting
from lstm_bench.report.figures.traces import Trace, Values, bars, horizontal, line, points, vertical

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["training_figures"]


def training_figures(epochs: pd.DataFrame, best_epoch: int | None) -> Iterator[Figure]:
    """Draw the loss curves and the gap between them.

    The validation score follows if it differs from the loss, the learning rate if it changes. ``epochs`` is the
    record's table; ``best_epoch``, whose weights the run kept, is None if no epoch was usable.
    """
    at, gap = epochs.index, epochs["valid_loss"] - epochs["train_loss"]
    along = counting("epoch, counted from 0", len(epochs))
    best = [] if best_epoch is None else [vertical(best_epoch)]
    curves = [
        _curve("train", at, epochs["train_loss"], "@blue"),
        _curve("valid", at, epochs["valid_loss"], "@orange"),
    ]
    if best_epoch is not None:
        ring = epochs.loc[[best_epoch], "valid_loss"]
        style = {"size": 11, "symbol": "circle-open", "legendrank": 2000}
        curves.append(points("best epoch", ring.index, ring, "@ink", **style))
    yield Figure(
        "losses",
        "Loss by epoch",
        "Where valid rises while train still falls, the model has begun to overfit. The ring marks the epoch "
        "whose weights were kept.",
        curves,
        axes(along, "loss", shapes=best),
    )
    yield Figure(
        "loss_gap",
        "Gap between valid and train",
        "Valid loss minus train loss. Near 0 the model does as well on new days as on training days; a rising "
        "gap is overfitting.",
        [bars("valid − train", at, gap, "@purple")],
        axes(along, "valid − train", shapes=best, showlegend=False),
    )
    if not np.array_equal(epochs["valid_score"], -epochs["valid_loss"], equal_nan=True):
        yield Figure(
            "valid_score",
            "Validation score by epoch",
            "Early stopping watches this score; higher is better. The dashed line marks the epoch whose "
            "weights were kept.",
            [_curve("valid score", at, epochs["valid_score"], "@green")],
            axes(along, "score", shapes=[horizontal(0.0), *best], showlegend=False),
        )
    if "lr" in epochs.columns and not (epochs["lr"] == epochs["lr"].iloc[0]).all():
        yield Figure(
            "learning_rate",
            "Learning rate by epoch",
            "Learning rate at the last step of each epoch. If losses settle where it falls, the steps before "
            "were too large.",
            [_curve("learning rate", at, epochs["lr"], "@gold")],
            axes(along, axis("learning rate", ".1e", rangemode="tozero"), shapes=best, showlegend=False),
        )


def _curve(name: str, epochs: Values, values: Values, colour: str) -> Trace:
    return line(name, epochs, values, colour, mode="lines+markers", marker={"size": 5})
