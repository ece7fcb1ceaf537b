"""One-factor baselines: a return of the past as the score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Floats32
from lstm_bench.dataset.dataset import Dataset, SampleSet
from lstm_bench.dataset.trailing import trailing_values

__all__ = ["FACTORS", "FactorName", "factor_scores"]

FactorName = Literal["reversal", "momentum"]

FACTORS: Mapping[FactorName, str] = {
    "reversal": "1 - $close/Ref($close, 5)",
    "momentum": "Ref($close, 20)/Ref($close, 240) - 1",
}
"""Factor -> its expression over adjusted closes.

``reversal`` is minus the return of the last five days: losers of a week tend to recover [1]_. ``momentum`` is the
return of the last twelve months without the last one, in trading days of China: winners of a year tend to go on
winning [2]_.

.. [1] Lehmann (1990), Fads, Martingales, and Market Efficiency.
.. [2] Jegadeesh, Titman (1993), Returns to Buying Winners and Selling Losers.
"""


def factor_scores(dataset: Dataset, samples: SampleSet, expression: str) -> Floats32:
    """Return the factor of each sample at its day's close.

    Returns ``[S]`` float32, in the samples' order; NaN where one of the closes is missing: a stock that was listed
    later, or did not trade on one of the two days. Raises DataError if no sample has a value.
    """
    if dataset.provider is None:
        raise ValueError("dataset: a factor is computed from bars, but this one was opened without them")
    place = dataset.instruments, dataset.offset, len(dataset.days)
    panel = trailing_values(dataset.provider, *place, expression)
    scores: Floats32 = panel[samples.days, samples.instruments]
    if not (scores == scores).any():
        raise DataError(
            f"{expression}: no sample of segment {samples.segment!r} has a value; the bars may begin too late"
        )
    return scores
