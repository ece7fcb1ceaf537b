"""Checks whether recorded scores are reproduced, and whether the data are those of the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.bars_digest import BarsDigest
from lstm_bench.record.identity import NUMERICS
from lstm_bench.record.saved import SavedRun

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bars", "Comparison", "check_reproduced", "compare_bars", "compare_scores"]

logger = logging.getLogger("lstm_bench")

Bars = Literal["same", "different", "unknown"]

_TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-3, "tf32": 1e-2, "bf16": 3e-2}
"""Largest accepted difference, as a share of the standard deviation of scores, by the precision of training. Other
devices move a score by about 1e-6 of it, float32 instead of bf16 by about 1e-2, other bars by more."""


@dataclass(frozen=True)
class Comparison:
    """Recorded scores of a day against scores computed again.

    Attributes
    ----------
    day : the last day with recorded scores
    rows : number of recorded scores of that day
    other_rows : number of rows that only one side has
    largest_difference : between the two scores of a row
    std : of the recorded scores of that day, or of all days if those of that day are equal
    tolerance : share of ``std`` that a difference may be
    """

    day: np.datetime64
    rows: int
    other_rows: int
    largest_difference: float
    std: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the scores are reproduced."""
        return self.other_rows == 0 and self.largest_difference <= self.tolerance * self.std


def compare_scores(
    recorded: pd.Series[Any], again: pd.DataFrame, day: np.datetime64, precision: Precision
) -> Comparison:
    """Compare a day's recorded scores, by (datetime, instrument), with the column ``score`` of those computed again.

    The precision of training decides the tolerance.
    """
    expected = recorded.xs(day, level="datetime")
    got = again["score"].droplevel("datetime")
    common = expected.index.intersection(got.index)
    difference = (expected[common] - got[common]).abs().to_numpy()
    apart = np.isnan(expected[common].to_numpy()) != np.isnan(got[common].to_numpy())
    return Comparison(
        day=day,
        rows=len(expected),
        other_rows=len(expected.index.symmetric_difference(got.index)) + int(apart.sum()),
        largest_difference=float(np.nanmax(difference, initial=0.0)),
        std=float(expected.std(ddof=0)) or float(recorded.std(ddof=0)),  # one stock has no spread
        tolerance=_TOLERANCES[precision],
    )


def compare_bars(saved: SavedRun, provider: Provider) -> Bars:
    """Whether a run was computed from the bars of the data; ``unknown`` if its record has no digest of them."""
    content = saved.provenance.get("bars")
    if content is None:
        return "unknown"
    same = BarsDigest.from_json(content).is_of(saved.config.task.dataset, provider)
    return "same" if same else "different"


def check_reproduced(
    saved: SavedRun, comparison: Comparison | None, bars: Bars, last_recorded: np.datetime64
) -> None:
    """Warn of differences from when the run was computed.

    Raises ``DataError`` if the record has other ``NUMERICS`` and its scores are not reproduced.
    """
    if comparison is None:
        found = f"the data do not hold {last_recorded}, so that no recorded score could be computed again"
    elif comparison.agrees:
        found = f"the scores of {comparison.day} are reproduced"
    else:
        found = (
            f"the scores of {comparison.day} are not reproduced: they differ by up to "
            f"{comparison.largest_difference:.3g} (their standard deviation is {comparison.std:.3g}), and "
            f"{comparison.other_rows} of {counted(comparison.rows, 'row')} are not the same"
        )
    agrees = comparison is not None and comparison.agrees
    numerics = saved.provenance.get("numerics")
    if numerics != NUMERICS:
        message = f"{saved.record.path}: computed with numerics {numerics}, and this version has {NUMERICS}; {found}"
        if not agrees:
            raise DataError(f"{message}; train the run again")
        logger.warning("%s", message)
    if bars == "different":
        logger.warning(
            "data: from %s to %s, bars, members or trading days are not those that the run was computed from; %s",
            saved.provenance["bars"]["start"], saved.provenance["bars"]["through"], found,
        )  # fmt: skip
    elif bars == "unknown":
        logger.warning("data: the record does not state the bars that it was computed from; %s", found)
    elif not agrees:
        logger.warning("data: bars are those that the run was computed from, but %s", found)
