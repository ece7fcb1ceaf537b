"""Figures of predictions: scores against what came, what is left of it, and how scores spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.harness import BY_DAY, LossName
from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import Figure, axis, bars, heatmap, line, points, vertical

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SHOWN_POINTS", "residual_figure", "score_figures"]

Floats = npt.NDArray[np.float64]

SHOWN_POINTS = 2500
"""Of all samples; the density counts every one."""

_CELLS = 60
_BINS = 60
_TAIL = 0.001
_BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)


def score_figures(pred: pd.DataFrame, label: pd.DataFrame) -> Iterator[Figure]:
    """Draw predicted against realised, what came by decile of score, and how scores spread day by day.

    Parameters
    ----------
    pred, label
        A record's tables, of the same rows.
    """
    score, realised = pred["score"].to_numpy(np.float64), label["LABEL0"].to_numpy(np.float64)
    known = np.isfinite(score) & np.isfinite(realised)
    if known.any():
        yield _density(score[known], realised[known])
        yield _deciles(pred["score"][known], label["LABEL0"][known])
    yield _all_scores(score)
    yield _spread(pred["score"])


def _density(score: Floats, realised: Floats) -> Figure:
    edges = [_edges(score), _edges(realised)]
    counts, _, _ = np.histogram2d(realised, score, bins=[edges[1], edges[0]])
    x, y = ((edge[:-1] + edge[1:]) / 2 for edge in edges)
    shown = np.unique(np.linspace(0, len(score) - 1, min(SHOWN_POINTS, len(score))).round().astype(np.int64))
    outside = len(score) - int(counts.sum())
    # log10 makes the thin rim of the cloud visible beside its centre; a cell without samples stays empty
    shade = np.full(counts.shape, np.nan)
    np.log10(counts, out=shade, where=counts > 0)
    return Figure(
        "score_density",
        "Predicted against realised",
        "Each cell counts the (day, stock) pairs with that score and that return; a useful signal leans to "
        "the upper "
        "right, though at a daily IC of a few per cent the lean is faint.",
        [
            heatmap(
                "samples",
                x,
                y,
                shade,
                "@sequential",
                xgap=0,
                ygap=0,
                customdata=counts.astype(int).tolist(),
                hovertemplate="score %{x:.3f}<br>return %{y:.2%}<br>%{customdata:,} samples<extra></extra>",
                colorbar={
                    "title": {"text": "samples"},
                    "tickvals": [0, 1, 2, 3, 4],
                    "ticktext": ["1", "10", "100", "1,000", "10,000"],
                    "thickness": 10,
                },
            ),
            points(
                "samples, thinned out",
                score[shown],
                realised[shown],
                "@ink/35",
                size=2.5,
                hoverinfo="skip",
                visible="legendonly",
            ),
        ],
        {
            "xaxis": axis("score", range=[edges[0][0], edges[0][-1]], showgrid=False),
            "yaxis": axis(
                "realised return (raw label)",
                tickformat=".0%",
                range=[edges[1][0], edges[1][-1]],
                showgrid=False,
                zeroline=True,
            ),
            "hovermode": "closest",
            "showlegend": True,
        },
        note=f"The cells count {len(score) - outside:,} of {counted(len(score), 'sample')}; {outside:,} lie "
        f"outside the axes "
        f"(beyond the 0.1 % and 99.9 % quantiles). The legend adds {len(shown):,} single samples, evenly "
        "taken.",
        height=380,
    )


def _edges(values: Floats) -> Floats:
    low, high = (float(end) for end in np.quantile(values, [_TAIL, 1 - _TAIL]))
    return np.linspace(low, high, _CELLS + 1)


def _deciles(score: pd.Series[float], realised: pd.Series[float]) -> Figure:
    # from the highest score on, as the groups are numbered; equal scores by instrument
    rank = score.groupby(level=0).rank(ascending=False, method="first").to_numpy()
    tenth = ((rank - 1) * 10 // score.groupby(level=0).transform("size").to_numpy()).astype(np.int64)
    # less the day's mean, so that a day on which all stocks rose says nothing about the order
    excess = realised - realised.groupby(level=0).transform("mean")
    mean = excess.groupby(tenth).mean().reindex(range(10))
    return Figure(
        "score_deciles",
        "Realised return by decile of score",
        "Mean return of a day's stocks less that of all, by tenth of their score: a good signal falls "
        "steadily from left to right, from decile 1 (the highest scores) to 10.",
        [bars("mean excess", [str(k + 1) for k in range(10)], mean, "@blue")],
        {
            "xaxis": axis("decile, 1 the highest scores", type="category"),
            "yaxis": axis("mean return less the day's", tickformat=".2%"),
            "showlegend": False,
        },
        height=380,
    )


def residual_figure(target: Floats, score: Floats, made_by: str, loss: LossName) -> Figure:
    """Draw the distribution of label less score, in the units that the model was trained on.

    Parameters
    ----------
    target, score : ``[S]``
        Labels as trained on and scores, without NaN.
    made_by
        What made the label, such as ``CSRankNorm``.
    loss
        What was minimised: those of whole days leave the scores' scale open.
    """
    residual, baseline = target - score, target - target.mean()
    low, high = (
        float(edge) for edge in np.quantile(np.concatenate([residual, baseline]), [_TAIL, 1 - _TAIL])
    )
    counts, edges = np.histogram(residual, bins=_BINS, range=(low, high))
    expected, _ = np.histogram(baseline, bins=edges)
    middle = (edges[:-1] + edges[1:]) / 2
    square, variance = float((residual**2).mean()), float(baseline.var())
    scale = (
        f" The loss {loss} leaves the scale of scores open, and with it that of residuals."
        if loss in BY_DAY
        else ""
    )
    return Figure(
        "residuals",
        "Residuals",
        f"Label as trained on ({made_by}) less score, on test; the line is the label less its mean, a model "
        "that knows "
        "nothing: what bars and line do not share is what the scores explain, which is little in any market.",
        [
            bars("label − score", middle, counts, "@blue/60"),
            line("label − its mean", middle, expected, "@orange"),
        ],
        {"xaxis": axis("residual"), "yaxis": axis("samples"), "bargap": 0.04, "shapes": [vertical(0.0)]},
        note=f"{counted(len(residual), 'sample')}, {len(residual) - int(counts.sum()):,} outside the axis; mean square "
        f"{square:.4f} against {variance:.4f} of the label.{scale}",
    )


def _all_scores(score: Floats) -> Figure:
    counts, edges = np.histogram(score[np.isfinite(score)], bins=_BINS)
    return Figure(
        "score_distribution",
        "Scores of all days",
        "How many samples had which score: scores crowded into a narrow peak say that the model hardly tells "
        "stocks apart.",
        [bars("samples", (edges[:-1] + edges[1:]) / 2, counts, "@blue/60")],
        {"xaxis": axis("score"), "yaxis": axis("samples"), "bargap": 0.04, "showlegend": False},
    )


def _spread(score: pd.Series[float]) -> Figure:
    """Quantiles of each day's scores, as bands."""
    by_day = score.groupby(level=0)
    bands = {share: by_day.quantile(share) for share in _BANDS}
    days = bands[0.5].index.to_numpy()
    none = {"width": 0}
    return Figure(
        "score_spread",
        "Scores by day",
        "The band holds half of a day's scores, the pale one 90 %: a drift says that the model sees other "
        "inputs than in "
        "training, a narrowing that it tells stocks apart less.",
        [
            line("5 %", days, bands[0.05], "@blue", **none, showlegend=False, hoverinfo="skip"),
            line("5 to 95 %", days, bands[0.95], "@blue", **none, fill="tonexty", fillcolor="@blue/15"),
            line("25 %", days, bands[0.25], "@blue", **none, showlegend=False, hoverinfo="skip"),
            line("25 to 75 %", days, bands[0.75], "@blue", **none, fill="tonexty", fillcolor="@blue/30"),
            line("median", days, bands[0.5], "@blue", width=1.4),
        ],
        {"xaxis": axis(type="date"), "yaxis": axis("score")},
        is_wide=True,
    )
