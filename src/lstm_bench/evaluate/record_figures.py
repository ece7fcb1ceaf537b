"""Figures of the records that a workflow file may ask for beside Qlib's usual three."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.signal.metrics import SignalMetrics
from lstm_bench.evaluate.signal.precision import Precision

__all__ = ["long_short_figures", "squared_error"]


def long_short_figures(signal: SignalMetrics, precision: Precision) -> dict[str, float]:
    """Return what ``HFSignalRecord`` logs beyond the ICs, by Qlib's names.

    Parameters
    ----------
    signal
        With long-short returns.
    precision
        Its excess, against the day's mean label, is meant.

    Returns
    -------
    dict
        Means over days: ``Long precision``, ``Short precision``, ``Long-Short Average Return``; and ``Long-Short
        Average Sharpe``, the last one over the standard deviation (ddof 1), not annualised, NaN where that is 0.
    """
    returns = moments(np.empty(0) if signal.long_short is None else signal.long_short)
    return {
        "Long precision": moments(precision.long_excess).mean,
        "Short precision": moments(precision.short_excess).mean,
        "Long-Short Average Return": returns.mean,
        "Long-Short Average Sharpe": returns.ratio,
    }


def squared_error(
    score: npt.NDArray[np.floating], label: npt.NDArray[np.floating], rows: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """Return what ``SignalMseRecord`` logs: ``MSE`` and ``RMSE`` of scores against raw labels, ``[T, N]`` each.

    NaN without a row that has both.
    """
    error = np.where(rows, score.astype(np.float64) - label, np.nan)
    known = error[~np.isnan(error)]
    mse = float((known**2).mean()) if len(known) else np.nan
    return {"MSE": mse, "RMSE": mse**0.5}
