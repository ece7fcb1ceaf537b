"""Figures of training: what the epochs of a run's record say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lstm_bench.report.figures.figure import Figure, axis, bars, counting, horizontal, line, points, vertical

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["training_figures"]


def training_figures(epochs: pd.DataFrame, best_epoch: int | None) -> Iterator[Figure]:
    """Draw the loss curves and the gap between them.

    And the validation score where it is another figure than the loss, and the learning rate where it changes.

    Parameters
    ----------
    epochs
        A record's table of that name.
    best_epoch
        Whose weights the run kept; None where no epoch was usable.
    """
    yield _losses(epochs, best_epoch)
    yield _gap(epochs, best_epoch)
    if not np.array_equal(epochs["valid_score"], -epochs["valid_loss"], equal_nan=True):
        yield _score(epochs, best_epoch)
    if "lr" in epochs.columns and not (epochs["lr"] == epochs["lr"].iloc[0]).all():
        yield _learning_rate(epochs, best_epoch)


def _losses(epochs: pd.DataFrame, best_epoch: int | None) -> Figure:
    at = epochs.index.to_numpy()
    style = {"mode": "lines+markers", "marker": {"size": 5}}
    traces = [
        line("train", at, epochs["train_loss"], "@blue", **style),
        line("valid", at, epochs["valid_loss"], "@orange", **style),
    ]
    if best_epoch is not None:
        best = epochs.loc[[best_epoch], "valid_loss"]
        traces.append(
            points("best epoch", best.index, best, "@ink", size=11, symbol="circle-open", legendrank=2000)
        )
    return Figure(
        "losses",
        "Loss by epoch",
        "Where valid turns up while train still falls, the model has begun to learn its training days by "
        "heart; the "
        "weights of the ringed epoch are the ones kept.",
        traces,
        {
            "xaxis": _epoch_axis(epochs),
            "yaxis": axis("loss"),
            "shapes": [] if best_epoch is None else [vertical(best_epoch)],
        },
    )


def _gap(epochs: pd.DataFrame, best_epoch: int | None) -> Figure:
    gap = epochs["valid_loss"] - epochs["train_loss"]
    return Figure(
        "loss_gap",
        "Gap between valid and train",
        "Valid loss less train loss: near 0 the model does as well on new days as on those it saw; a rising "
        "gap is "
        "overfitting.",
        [bars("valid − train", epochs.index, gap, "@purple")],
        {
            "xaxis": _epoch_axis(epochs),
            "yaxis": axis("valid − train"),
            "shapes": [] if best_epoch is None else [vertical(best_epoch)],
            "showlegend": False,
        },
    )


def _score(epochs: pd.DataFrame, best_epoch: int | None) -> Figure:
    return Figure(
        "valid_score",
        "Validation score by epoch",
        "What early stopping watched, the higher the better; the dashed line is the epoch whose weights were "
        "kept.",
        [
            line(
                "valid score",
                epochs.index,
                epochs["valid_score"],
                "@green",
                mode="lines+markers",
                marker={"size": 5},
            )
        ],
        {
            "xaxis": _epoch_axis(epochs),
            "yaxis": axis("score"),
            "shapes": [horizontal(0.0), *([] if best_epoch is None else [vertical(best_epoch)])],
            "showlegend": False,
        },
    )


def _learning_rate(epochs: pd.DataFrame, best_epoch: int | None) -> Figure:
    return Figure(
        "learning_rate",
        "Learning rate by epoch",
        "Of each epoch's last step, as the schedule set it: losses that settle where it falls were shaken by "
        "large steps.",
        [
            line(
                "learning rate", epochs.index, epochs["lr"], "@gold", mode="lines+markers", marker={"size": 5}
            )
        ],
        {
            "xaxis": _epoch_axis(epochs),
            "yaxis": axis("learning rate", tickformat=".1e", rangemode="tozero"),
            "shapes": [] if best_epoch is None else [vertical(best_epoch)],
            "showlegend": False,
        },
    )


def _epoch_axis(epochs: pd.DataFrame) -> dict[str, object]:
    return counting("epoch, counted from 0", len(epochs))
