"""Figures of the records that a workflow file can have in addition to Qlib's usual three."""

from __future__ import annotations

import numpy as np

from lstm_bench.data.arrays import Bools, Reals
from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.signal.metrics import SignalMetrics
from lstm_bench.evaluate.signal.precision import Precision

__all__ = ["long_short_figures", "squared_error"]


def long_short_figures(signal: SignalMetrics, precision: Precision) -> dict[str, float]:
    """Figures that ``HFSignalRecord`` logs in addition to the ICs, by Qlib's names.

    Returns means over days: ``Long precision``, ``Short precision``, ``Long-Short Average Return``; and ``Long-Short
    Average Sharpe``, the mean return divided by the standard deviation (ddof 1), not annualised, NaN if that is 0.
    ``signal`` has long-short returns; of ``precision``, the excess over the day's mean label is used.
    """
    returns = moments(np.empty(0) if signal.long_short is None else signal.long_short)
    return {
        "Long precision": moments(precision.long_excess).mean,
        "Short precision": moments(precision.short_excess).mean,
        "Long-Short Average Return": returns.mean,
        "Long-Short Average Sharpe": returns.ratio,
    }


def squared_error(score: Reals, label: Reals, rows: Bools) -> dict[str, float]:
    """Figures that ``SignalMseRecord`` logs: ``MSE`` and ``RMSE`` of scores against raw labels, ``[T, N]`` each.

    NaN if no row has both.
    """
    error = np.where(rows, score.astype(np.float64) - label, np.nan)
    known = error[~np.isnan(error)]
    mse = float((known**2).mean()) if len(known) else np.nan
    return {"MSE": mse, "RMSE": mse**0.5}
