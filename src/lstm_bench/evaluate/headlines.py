"""Names of the metrics that are shown in addition to Qlib's."""

from __future__ import annotations

__all__ = ["HEADLINES", "OF_PORTFOLIO", "OF_SIGNAL"]

OF_SIGNAL = {
    "Long Precision": "long_precision",
    "Short Precision": "short_precision",
    "Rank Autocorrelation": "rank_autocorrelation",
    "Top Turnover": "turnover_top",
}
"""Name -> figure of the analysis's section ``signal``: means over days."""

OF_PORTFOLIO = {f"1day.excess_return_with_cost.{ratio}": ratio for ratio in ("sortino_ratio", "calmar_ratio")}
"""Name -> figure of the excess return with cost, summed with Qlib's 238 days a year."""

HEADLINES = (*OF_SIGNAL, *OF_PORTFOLIO)
