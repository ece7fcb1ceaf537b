"""Scores from elsewhere, aligned with the test samples of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Days, Floats32
from lstm_bench.run.preparation import Prepared
from lstm_bench.run.score_table import ScoreTable

__all__ = ["AlignedScores", "Coverage", "align"]

_NAMED = 5
"""Most days that a message names."""


@dataclass(frozen=True)
class Coverage:
    """How many of the test samples have a score.

    Attributes
    ----------
    samples : of the test segment
    scored : samples with a score
    rows : of the table
    on_other_days : rows of days that are not in the test segment
    not_members : rows of test days whose instrument is no sample of its day
    days : of the test segment
    days_without : days on which no sample has a score
    """

    samples: int
    scored: int
    rows: int
    on_other_days: int
    not_members: int
    days: int
    days_without: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Share of the samples that have a score, in percent."""
        return 100 * self.scored / self.samples

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        counts = ("samples", "scored", "rows", "on_other_days", "not_members", "days")
        return {
            **{name: getattr(self, name) for name in counts},
            "percent": self.percent,
            "days_without": list(self.days_without),
        }

    def text(self) -> str:
        """Describe the coverage in a few words."""
        share = "100" if self.scored == self.samples else f"{min(self.percent, 99.99):.2f}"
        return f"{self.scored:,} of {counted(self.samples, 'test sample')} have a score ({share} %)"

    def shortfalls(self) -> Iterator[str]:
        """Yield a sentence for each thing that is missing, or is too much."""
        if missing := self.samples - self.scored:
            yield (
                f"{counted(missing, 'test sample')} {'has' if missing == 1 else 'have'} no score: "
                "the metrics leave them out, and the backtest does not buy them"
            )
        if n := len(self.days_without):
            named = ", ".join(self.days_without[:_NAMED]) + (f" and {n - _NAMED} more" if n > _NAMED else "")
            yield f"{n} of {counted(self.days, 'test day')} {'has' if n == 1 else 'have'} no score at all: {named}"
        ignored = {
            "are on days that are not in the test segment": self.on_other_days,
            "are of stocks that are no test sample on their day": self.not_members,
        }
        for why, n in ignored.items():
            if n:
                yield f"{n:,} of {counted(self.rows, 'row')} {why}; they are ignored"


@dataclass(frozen=True, eq=False)
class AlignedScores:
    """Scores in the order of the test samples.

    Attributes
    ----------
    values : ``[S]`` float32, NaN without a score
    coverage
    sha256 : of the scores with their days and instruments, the same whatever file they came from
    """

    values: Floats32
    coverage: Coverage
    sha256: str


def align(table: ScoreTable, prepared: Prepared) -> AlignedScores:
    """Align a table with the test samples of a run.

    Samples without a row, or with NaN, have no score: nothing is filled in.

    Raises
    ------
    DataError
        If no test sample has a score; the message compares days and instruments.
    """
    dataset, test = prepared.dataset, prepared.test
    span, members = dataset.rows_of(test)
    days = dataset.days[span]
    day = np.searchsorted(days, table.days)
    day[day == len(days)] = 0
    of_test = np.flatnonzero(members.any(axis=1))
    on_test_day = np.isin(table.days, days[of_test])
    place = {code.upper(): position for position, code in enumerate(dataset.instruments)}
    instrument = np.array([place.get(code, -1) for code in table.instruments], dtype=np.int64)
    is_sample = on_test_day & (instrument >= 0)
    is_sample[is_sample] = members[day[is_sample], instrument[is_sample]]

    panel = np.full(members.shape, np.nan, dtype=np.float32)
    panel[day[is_sample], instrument[is_sample]] = table.values[is_sample]
    known = ~np.isnan(panel)
    if not known.any():
        raise DataError(
            f"{table.source}: no test sample has a score: it has {_extent(table.days, table.instruments)}, and the "
            f"test segment has {_extent(days[of_test], np.array(dataset.instruments, dtype=object))}"
        )
    without = of_test[~known[of_test].any(axis=1)]
    coverage = Coverage(
        samples=len(test),
        scored=int(known.sum()),
        rows=len(table.values),
        on_other_days=int((~on_test_day).sum()),
        not_members=int((on_test_day & ~is_sample).sum()),
        days=len(of_test),
        days_without=tuple(str(days[t]) for t in without),
    )
    values = panel[test.days - span.start, test.instruments]
    return AlignedScores(values, coverage, _digest(panel, days, dataset.instruments))


def _digest(panel: Floats32, days: Days, instruments: tuple[str, ...]) -> str:
    """Return the SHA-256 of the scores ``[T, N]`` that exist, by day and then by code."""
    order = np.argsort(np.array(instruments))
    day, place = np.nonzero(~np.isnan(panel[:, order]))
    scores = panel[:, order][day, place] + np.float32(0)  # makes -0 the same as 0
    codes = [instruments[order[j]] for j in place]
    digest = hashlib.sha256()
    digest.update(days[day].astype("datetime64[D]").astype("<i8").tobytes())
    digest.update("\n".join(codes).encode())
    digest.update(scores.astype("<f4").tobytes())
    return digest.hexdigest()


def _extent(days: Days, instruments: np.ndarray[tuple[int, ...], np.dtype[np.object_]]) -> str:
    codes = sorted(set(instruments.tolist()))
    return f"the days {days.min()} to {days.max()} and codes such as {codes[0]} and {codes[-1]}"
