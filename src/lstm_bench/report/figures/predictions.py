"""Figures of predictions: scores against realised returns, residuals, and the spread of scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.harness import BY_DAY, LossName
from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import DATES, Figure, axes, axis
from lstm_bench.report.figures.traces import bars, heatmap, histogram, line, points, vertical

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SHOWN_POINTS", "residual_figure", "score_figures"]

Floats = npt.NDArray[np.float64]

SHOWN_POINTS = 2500
"""Samples drawn as points at most; the density counts all of them."""

_CELLS = 60
_BINS = 60
_TAIL = 0.001
_BANDS = ((0.05, 0.95, "5 to 95 %", "@blue/15"), (0.25, 0.75, "25 to 75 %", "@blue/30"))
"""Quantiles of a day's scores: lower, upper, name and colour of the band between them."""


def score_figures(pred: pd.DataFrame, label: pd.DataFrame) -> Iterator[Figure]:
    """Draw predicted against realised returns, realised returns by decile of score, and the scores by day.

    ``pred`` and ``label`` are the record's tables, of the same rows.
    """
    score, realised = pred["score"].to_numpy(np.float64), label["LABEL0"].to_numpy(np.float64)
    known = np.isfinite(score) & np.isfinite(realised)
    if known.any():
        yield _density(score[known], realised[known])
        yield _deciles(pred["score"][known], label["LABEL0"][known])
    middle, counts, _ = histogram(score[np.isfinite(score)], _BINS)
    yield Figure(
        "score_distribution",
        "Scores of all days",
        "Number of samples by score. If scores crowd into a narrow peak, the model hardly tells stocks apart.",
        [bars("samples", middle, counts, "@blue/60")],
        axes("score", "samples", bargap=0.04, showlegend=False),
    )
    yield _spread(pred["score"])


def _density(score: Floats, realised: Floats) -> Figure:
    edges = [_edges(score), _edges(realised)]
    counts, _, _ = np.histogram2d(realised, score, bins=[edges[1], edges[0]])
    inside = int(counts.sum())
    shown = np.unique(np.linspace(0, len(score) - 1, min(SHOWN_POINTS, len(score))).round().astype(np.int64))
    limits = [[edge[0], edge[-1]] for edge in edges]
    hidden = {"hoverinfo": "skip", "visible": "legendonly"}
    thinned = points("samples, thinned", score[shown], realised[shown], "@ink/35", size=2.5, **hidden)
    return Figure(
        "score_density",
        "Predicted against realised",
        "Each cell counts the (day, stock) pairs with that score and that return. A useful signal leans to the "
        "upper right; at a daily IC of a few per cent the lean is faint.",
        [_density_map(counts, *((edge[:-1] + edge[1:]) / 2 for edge in edges)), thinned],
        axes(
            axis("score", range=limits[0], showgrid=False),
            axis("realised return (raw label)", ".0%", range=limits[1], showgrid=False, zeroline=True),
            hovermode="closest",
            showlegend=True,
        ),
        note=f"The cells count {inside:,} of {counted(len(score), 'sample')}; {len(score) - inside:,} lie outside "
        f"the axes (beyond the 0.1 % and 99.9 % quantiles). The legend adds {len(shown):,} single samples, evenly "
        "spaced in the table.",
        height=380,
    )


def _density_map(counts: Floats, x: Floats, y: Floats) -> dict[str, object]:
    # log10 makes the thin edge of the cloud as visible as its centre; a cell without samples stays empty
    shade = np.full(counts.shape, np.nan)
    np.log10(counts, out=shade, where=counts > 0)
    return heatmap(
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
    )


def _edges(values: Floats) -> Floats:
    low, high = (float(end) for end in np.quantile(values, [_TAIL, 1 - _TAIL]))
    return np.linspace(low, high, _CELLS + 1)


def _deciles(score: pd.Series[float], realised: pd.Series[float]) -> Figure:
    # decile 1 has the highest scores, like group 1; equal scores are ordered by instrument
    rank = score.groupby(level=0).rank(ascending=False, method="first").to_numpy()
    tenth = ((rank - 1) * 10 // score.groupby(level=0).transform("size").to_numpy()).astype(np.int64)
    # minus the day's mean, so that a common rise of all stocks has no effect
    excess = realised - realised.groupby(level=0).transform("mean")
    mean = excess.groupby(tenth).mean().reindex(range(10))
    return Figure(
        "score_deciles",
        "Realised return by decile of score",
        "Mean return of a day's stocks minus the mean of all, by tenth of their score. A good signal falls "
        "steadily from decile 1 (the highest scores) to 10.",
        [bars("mean excess", [str(k + 1) for k in range(10)], mean, "@blue")],
        axes(
            axis("decile, 1 the highest scores", type="category"),
            axis("mean return minus the day's", ".2%"),
            showlegend=False,
        ),
        height=380,
    )


def residual_figure(target: Floats, score: Floats, made_by: str, loss: LossName) -> Figure:
    """Draw the distribution of label minus score, in the units of training, each ``[S]`` without NaN.

    ``made_by`` names what made the label, such as ``CSRankNorm``. ``loss`` is the loss that was minimised; a loss of
    whole days does not fix the scale of scores.
    """
    residual, baseline = target - score, target - target.mean()
    low, high = (float(end) for end in np.quantile(np.concatenate([residual, baseline]), [_TAIL, 1 - _TAIL]))
    middle, counts, _ = histogram(residual, _BINS, (low, high))
    _, expected, _ = histogram(baseline, _BINS, (low, high))
    square, variance = float((residual**2).mean()), float(baseline.var())
    note = (
        f"{counted(len(residual), 'sample')}, {len(residual) - int(counts.sum()):,} outside the axis; mean "
        f"square {square:.4f} against {variance:.4f} of the label."
    )
    if loss in BY_DAY:
        note += f" The loss {loss} does not fix the scale of scores, nor that of residuals."
    return Figure(
        "residuals",
        "Residuals",
        f"Label as trained on ({made_by}) minus score, on test. The line is the label minus its mean: a model "
        "without any information. Bars and line differ by what the scores explain, which is little in any market.",
        [
            bars("label − score", middle, counts, "@blue/60"),
            line("label − its mean", middle, expected, "@orange"),
        ],
        axes("residual", "samples", bargap=0.04, shapes=[vertical(0.0)]),
        note=note,
    )


def _spread(score: pd.Series[float]) -> Figure:
    """Draw quantiles of each day's scores as bands."""
    by_day = score.groupby(level=0)
    median = by_day.quantile(0.5)
    days, edge = median.index.to_numpy(), {"width": 0, "showlegend": False, "hoverinfo": "skip"}
    traces = []
    for low, high, name, fill in _BANDS:
        area = {"width": 0, "fill": "tonexty", "fillcolor": fill}
        traces.append(line(f"{low:.0%}".replace("%", " %"), days, by_day.quantile(low), "@blue", **edge))
        traces.append(line(name, days, by_day.quantile(high), "@blue", **area))
    return Figure(
        "score_spread",
        "Scores by day",
        "The dark band holds half of a day's scores, the pale band 90 %. A drift means that the model sees "
        "other inputs than in training; a narrowing means that it tells stocks apart less.",
        [*traces, line("median", days, median, "@blue", width=1.4)],
        axes(DATES, "score"),
        is_wide=True,
    )
