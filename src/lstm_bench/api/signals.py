"""Evaluate scores as a signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstm_bench.api.figures import figures_text
from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.analysis import analyse_signal
from lstm_bench.evaluate.signal import metrics as signal
from lstm_bench.evaluate.signal.grid import ScoreGrid
from lstm_bench.record.tables import row_table, signal_table

__all__ = ["SignalResult", "signal_analysis", "signal_metrics"]


def signal_metrics(
    pred: pd.Series | pd.DataFrame,
    label: pd.Series | pd.DataFrame,
    *,
    ana_long_short: bool = False,
    ann_scaler: int = signal.SIGNAL_DAYS_PER_YEAR,
) -> dict[str, float]:
    """Evaluate scores as a signal.

    Parameters
    ----------
    pred, label
        Scores and raw labels (the following returns) by (datetime, instrument); NaN means missing. Some rows must be
        in both.
    ana_long_short
        Whether to add the returns of the long-short portfolio.
    ann_scaler
        Days a year, for those; above 0.

    Returns
    -------
    dict
        ``IC``, ``ICIR``, ``Rank IC``, ``Rank ICIR``: means over days, and those over the standard deviation (ddof 1),
        not annualised, NaN if undefined. With ``ana_long_short`` also ``Long-Short Ann Return``,
        ``Long-Short Ann Sharpe``, ``Long-Avg Ann Return`` and ``Long-Avg Ann Sharpe``.

    Raises
    ------
    InputError
        If a table is not one column by (datetime, instrument), has a row twice or no value, or the two have no row
        in common; or if ``ann_scaler`` is not a number above 0.
    """
    if isinstance(ann_scaler, bool) or not isinstance(ann_scaler, int | float) or not 0 < ann_scaler < np.inf:
        raise InputError(f"ann_scaler: got {ann_scaler!r}, expected a number of days above 0")
    grid = ScoreGrid.of_signal(pred, label)
    score, truth = grid.values
    return signal.signal_metrics(score, truth, grid.rows, long_short=ana_long_short).summary(ann_scaler)


@dataclass(frozen=True, eq=False)
class SignalResult:
    """The evaluation of scores as a signal.

    Attributes
    ----------
    daily : by ``datetime``: ICs, precision, group returns, autocorrelation and turnover
    decay : ICs with the labels of later days, a row per ``lag``
    periods : ICs by year and by month
    sections : ``signal``, means over days, and ``groups``
    """

    daily: pd.DataFrame
    decay: pd.DataFrame
    periods: pd.DataFrame
    sections: dict[str, Any]

    def __repr__(self) -> str:
        return f"<SignalResult of {len(self.daily):,} days: {figures_text(self._means(), ('IC', 'Rank IC'))}>"

    def __str__(self) -> str:
        names = ("long_precision", "short_precision", "rank_autocorrelation", "turnover_top")
        return "\n".join(
            [
                f"signal of {len(self.daily):,} days",
                figures_text(self._means(), ("IC", "ICIR", "Rank IC", "Rank ICIR")),
                figures_text(self.sections["signal"], names),
                "more in .sections and the tables daily, decay, periods",
            ]
        )

    def _means(self) -> dict[str, float]:
        """Return the figures of lag 0 by Qlib's names."""
        columns = {"ic": "IC", "icir": "ICIR", "rank_ic": "Rank IC", "rank_icir": "Rank ICIR"}
        return {name: float(self.decay[column].iloc[0]) for column, name in columns.items()}


def signal_analysis(pred: pd.Series | pd.DataFrame, label: pd.Series | pd.DataFrame) -> SignalResult:
    """Evaluate scores as a signal in full, with the figures that a run's record has.

    Only the ICs by liquidity are missing, because they need the stocks' bars.

    Parameters
    ----------
    pred, label
        As for :func:`signal_metrics`. Their days are treated as consecutive trading days.

    Raises
    ------
    InputError
        If a table is not one column by (datetime, instrument), has a row twice or no value, or the two have no row
        in common.
    """
    grid = ScoreGrid.of_signal(pred, label)
    score, truth = grid.values
    metrics = signal.signal_metrics(score, truth, grid.rows)
    analysis = analyse_signal(score, truth, grid.rows, grid.days, metrics)
    return SignalResult(
        signal_table(metrics, analysis),
        row_table(analysis.decay_rows()),
        row_table(analysis.period_rows()),
        analysis.sections(),
    )
