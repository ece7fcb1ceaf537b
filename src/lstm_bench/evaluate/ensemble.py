"""Seed ensembles: the averaged scores of several seeds, and how their metrics grow with the number of seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from lstm_bench.data.arrays import Bools, Floats, Floats32
from lstm_bench.evaluate.signal.metrics import signal_metrics

__all__ = ["DRAWS", "CurvePoint", "average", "ensemble_curve", "standardized", "subset_sizes", "subsets"]

DRAWS = 40
"""Most subsets of one size that a curve evaluates. It takes about 0.04 s for each on the CSI 300."""

_SIZES = 20
"""Most sizes of subsets that a curve evaluates."""


@dataclass(frozen=True)
class CurvePoint:
    """Metrics of the averaged scores of some seeds.

    Attributes
    ----------
    members : number of seeds
    draw : number of the subset among those of this size
    metrics : ``IC``, ``ICIR``, ``Rank IC``, ``Rank ICIR``
    """

    members: int
    draw: int
    metrics: dict[str, float]


def standardized(scores: Floats | Floats32) -> Floats:
    """Return scores ``[K, T, N]`` as z-scores of each member's day, float64.

    The mean and the standard deviation (ddof 1, as in Qlib's ``CSZScoreNorm``) are over the stocks that have a score of
    the member on the day. Members then weigh the same, whatever the scale of their scores. Missing scores stay NaN. If
    all scores of a member's day are equal, or there is only one, they become 0: the member has no opinion.
    """
    values = scores.astype(np.float64)
    known = ~np.isnan(values)
    count = known.sum(axis=-1, keepdims=True)
    mean = np.where(known, values, 0.0).sum(axis=-1, keepdims=True) / np.maximum(count, 1)
    centred = values - mean
    square = np.where(known, centred, 0.0) ** 2
    deviation = np.sqrt(square.sum(axis=-1, keepdims=True) / np.maximum(count - 1, 1))
    largest = np.where(known, np.abs(values), 0.0).max(axis=-1, keepdims=True, initial=0.0)
    differs = deviation > largest * 2.0**-40  # equal scores differ from their mean by rounding
    return np.where(known, np.where(differs, centred / np.where(differs, deviation, 1.0), 0.0), np.nan)


def average(members: Floats) -> Floats32:
    """Return the mean ``[T, N]`` of standardized members ``[K, T, N]``, float32 as a run's scores.

    A stock's mean is over the members that have a score of it; NaN if none has.
    """
    known = ~np.isnan(members)
    count = known.sum(axis=0)
    total = np.where(known, members, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def subset_sizes(members: int) -> list[int]:
    """Return the numbers of seeds that a curve evaluates: all from 1 on, beyond 20 a growing selection of them."""
    if members <= _SIZES:
        return list(range(1, members + 1))
    return sorted({round(size) for size in np.geomspace(1, members, _SIZES)})


def subsets(members: int, size: int, draws: int, generator: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Yield different subsets of ``size`` of the members: all of them if there are at most ``draws``, else a sample.

    Members are drawn without replacement, and each subset has the same chance.
    """
    if math.comb(members, size) <= draws:
        yield from itertools.combinations(range(members), size)
        return
    seen: set[tuple[int, ...]] = set()
    while len(seen) < draws:
        drawn = tuple(sorted(generator.choice(members, size, replace=False).tolist()))
        if drawn not in seen:
            seen.add(drawn)
            yield drawn


def ensemble_curve(
    members: Floats, labels: Floats32, rows: Bools, *, draws: int = DRAWS, seed: int = 0, threads: int = 1
) -> list[CurvePoint]:
    """Evaluate the averages of subsets of members, of each size from one to all.

    Parameters
    ----------
    members
        From :func:`standardized`, ``[K, T, N]``.
    labels, rows
        Raw labels and samples ``[T, N]``, as for :func:`~lstm_bench.evaluate.signal.metrics.signal_metrics`.
    draws
        Most subsets of one size.
    seed
        Of the draws.
    threads
        Evaluations at the same time.

    Returns
    -------
    list of CurvePoint
        By size and draw. The spread of a size's points is that of choosing so many of these K seeds. It is no
        confidence interval: subsets overlap, so it shrinks to nothing at K, and it leaves the luck of the days out.
    """
    generator = np.random.default_rng(seed)
    chosen = [
        (size, draw, list(subset))
        for size in subset_sizes(len(members))
        for draw, subset in enumerate(subsets(len(members), size, draws, generator))
    ]
    evaluated = partial(_metrics, members, labels, rows)
    with ThreadPoolExecutor(threads, "ensemble") as pool:
        found = pool.map(evaluated, (subset for *_, subset in chosen))
        return [
            CurvePoint(size, draw, metrics) for (size, draw, _), metrics in zip(chosen, found, strict=True)
        ]


def _metrics(members: Floats, labels: Floats32, rows: Bools, subset: Sequence[int]) -> dict[str, float]:
    return signal_metrics(average(members[subset]), labels, rows).summary()
