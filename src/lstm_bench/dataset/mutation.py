"""The mutation test: bars after a day are changed, and nothing that is known on that day may change with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
import torch

from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.data.arrays import Floats32
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset, first_position
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.handler import needed_features, read_table

__all__ = ["DAYS", "MutatedProvider", "changed_features", "changed_windows"]

_SPREAD = 0.5
"""Standard deviation of the logarithm of the factors that later bars are multiplied by."""

_MISSING = 0.1
"""Share of later bars that are removed."""

DAYS = 20
"""Days up to the last unchanged one whose values are compared."""


class MutatedProvider(Provider):
    """The same folder with other bars after a day, some of them missing."""

    def __init__(self, source: Provider, after: np.datetime64, seed: int = 0) -> None:
        super().__init__(source.root, source.until)
        self.after = after
        self.seed = seed

    def panel(
        self,
        instruments: Sequence[str],
        fields: Sequence[str],
        begin: int,
        end: int,
        *,
        needed: Collection[str] | None = None,
    ) -> Panel:
        """Read bars, and change all after the day."""
        panel = super().panel(instruments, fields, begin, end, needed=needed)
        later = panel.days > self.after
        generator = np.random.default_rng(self.seed)
        changed = {}
        for name, bars in panel.fields.items():
            other = np.array(bars, order="F")
            factors = np.exp(generator.normal(0.0, _SPREAD, (int(later.sum()), other.shape[1])))
            factors[generator.random(factors.shape) < _MISSING] = np.nan
            other[later] *= factors.astype(np.float32)
            changed[name] = other
        return dataclasses.replace(panel, fields=changed)


def changed_features(
    handler: HandlerConfig, provider: Provider, cut: int, names: Sequence[str] | None = None
) -> list[str]:
    """Name the features whose raw values on a day, or shortly before it, depend on later bars.

    ``cut`` is the day's position in the calendar. The features ``names``, by default those that the processors keep,
    are computed twice: from the bars as they are and from bars that differ after the day. A feature that looks ahead
    by any number of days differs on the day itself, so that the last :data:`DAYS` days suffice.
    """
    begin = first_position(handler, provider)
    names = needed_features(handler) if names is None else names
    tables = []
    for source in (provider, MutatedProvider(provider, provider.calendar[cut])):
        rows_from = max(begin, cut - DAYS + 1)
        table, _ = read_table(handler, source, begin, cut + 1, names, rows_from=rows_from)
        tables.append(table.feature.stored().values)
    one, other = tables
    if one.shape != other.shape:  # later bars decide which rows exist
        return list(names)
    same = (np.array_equal(*pair, equal_nan=True) for pair in zip(one, other, strict=True))
    return [name for name, is_same in zip(names, same, strict=True) if not is_same]


def changed_windows(dataset: Dataset, provider: Provider, cut: int) -> tuple[int, int]:
    """Count the samples of test on a day, or shortly before it, whose windows depend on later bars.

    Windows are what a model sees: features after all processors. The dataset is built again from bars that differ
    after the day. ``cut`` is the day's position in the calendar, within test, so that the processors are fitted on
    earlier days.

    Returns
    -------
    changed, samples : int
        A sample that exists with one kind of later bars only counts as changed.
    """
    mutated = MutatedProvider(provider, provider.calendar[cut])
    again = build_dataset(dataset.config, mutated, d_feat=dataset.n_features, embargo=dataset.embargo)
    plain, other = _windows(dataset, cut), _windows(again, cut)
    changed = len(plain.keys() ^ other.keys())
    for sample in plain.keys() & other.keys():
        changed += not np.array_equal(plain[sample], other[sample], equal_nan=True)
    return changed, len(plain.keys() | other.keys())


def _windows(dataset: Dataset, cut: int) -> dict[tuple[int, int], Floats32]:
    """Gather the windows ``[L, F]`` of test samples on the last days up to a day, by (day, instrument)."""
    test, last = dataset.samples("test", "infer"), cut - dataset.offset
    known = np.flatnonzero((test.days <= last) & (test.days > last - DAYS))
    days, instruments = test.days[known], test.instruments[known]
    windows = test.windows.gather(torch.from_numpy(days), torch.from_numpy(instruments)).numpy()
    return dict(zip(zip(days.tolist(), instruments.tolist(), strict=True), windows, strict=True))
