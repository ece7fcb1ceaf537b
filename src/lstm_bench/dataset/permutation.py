"""Labels permuted among the stocks of each day: a control that keeps everything but what features tell about labels."""

from __future__ import annotations

import dataclasses

import numpy as np

from lstm_bench.config.workflow import RunConfig
from lstm_bench.data.arrays import Ints
from lstm_bench.dataset.dataset import Dataset

__all__ = ["permute_labels", "with_learned_labels"]

_PURPOSE = 0x5045524D
"""Separates these random numbers from others that are drawn with the same seed."""


def with_learned_labels(config: RunConfig, dataset: Dataset) -> Dataset:
    """Return the dataset with the labels that a run learns: permuted ones, if its configuration requests them."""
    if not config.lstm_bench.training.permute_labels:
        return dataset
    return permute_labels(dataset, config.seed)


def permute_labels(dataset: Dataset, seed: int) -> Dataset:
    """Permute the labels among the stocks of each day of train and valid; other days keep theirs.

    Raw and processed labels move together, among the rows that the learn data have. A day keeps its labels, their
    distribution and the number of stocks without one. A day's permutation depends on the seed, the date and its
    number of rows, so that neither the first day of the table nor later segments affect it.
    """
    source = _sources(dataset, seed)
    views = {
        key: dataclasses.replace(view, labels=view.labels[source]) for key, view in dataset.views.items()
    }
    raw_labels = dataset.raw_labels[source]
    return dataclasses.replace(dataset, raw_labels=raw_labels, views=views, original=dataset)


def _sources(dataset: Dataset, seed: int) -> Ints:
    """Return ``[R]``: the row from which each row takes its label."""
    rows = dataset.rows
    order, starts = rows.by_day(dataset.views["learn"].kept)
    source = np.arange(len(rows), dtype=np.int64)
    for day in _learned_days(dataset):
        of_day = order[starts[day] : starts[day + 1]]
        date = int(dataset.days[day].astype(np.int64))
        draws = np.random.Generator(np.random.PCG64([_PURPOSE, seed, date & 0xFFFFFFFF])).random(len(of_day))
        source[of_day] = of_day[np.argsort(draws, kind="stable")]  # NumPy guarantees the stream of doubles
    return source


def _learned_days(dataset: Dataset) -> Ints:
    """Positions of the days of train and valid."""
    learned = np.zeros(len(dataset.days), dtype=np.bool_)
    for name, segment in dataset.segments.items():
        learned[segment.begin - dataset.offset : segment.end - dataset.offset] |= name != "test"
    days: Ints = np.flatnonzero(learned)
    return days
