"""What a run's scores are worth: signal metrics and the backtest, by Qlib's names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.config.backtest import resolve
from lstm_bench.config.workflow import RunConfig
from lstm_bench.data.provider import Provider
from lstm_bench.evaluate.backtest import BacktestResult, backtest
from lstm_bench.evaluate.quotes import load_benchmark, load_quotes, place, quote_span
from lstm_bench.evaluate.signal import SignalMetrics, signal_metrics

__all__ = ["Evaluation", "evaluate_scores"]


@dataclass(frozen=True)
class Evaluation:
    """Figures of one score panel.

    Attributes
    ----------
    metrics : Qlib's metric name -> value
    signal : daily signal metrics
    portfolio : None where the configuration asks for no backtest
    """

    metrics: dict[str, float]
    signal: SignalMetrics
    portfolio: BacktestResult | None


def evaluate_scores(
    config: RunConfig,
    provider: Provider,
    scores: npt.NDArray[np.float32],
    labels: npt.NDArray[np.float32],
    rows: npt.NDArray[np.bool_],
    days: npt.NDArray[np.datetime64],
    instruments: tuple[str, ...],
) -> Evaluation:
    """Evaluate the scores of a test segment.

    Parameters
    ----------
    scores, labels : ``[T, N]``
        Scores and raw labels; NaN where there is none.
    rows : ``[T, N]`` bool
        The samples that were scored.
    days, instruments
        Of the rows and columns.
    """
    wanted = config.signal_analysis
    signal = signal_metrics(scores, labels, rows, long_short=wanted.ana_long_short)
    metrics = signal.summary(wanted.ann_scaler)
    portfolio = None
    if config.portfolio_analysis is not None:
        portfolio = _trade(config, provider, scores, days, instruments)
        metrics |= portfolio.metrics
    return Evaluation(metrics, signal, portfolio)


def _trade(
    config: RunConfig,
    provider: Provider,
    scores: npt.NDArray[np.float32],
    days: npt.NDArray[np.datetime64],
    instruments: tuple[str, ...],
) -> BacktestResult:
    if config.portfolio_analysis is None:
        raise ValueError("the configuration asks for no backtest")
    portfolio = resolve(config.portfolio_analysis, config.qlib_init.region)
    scored = days[~np.isnan(scores).all(axis=1)]
    begin, end = quote_span(provider, portfolio, scored)
    quotes = load_quotes(provider, portfolio, begin, end, instruments)
    bench = load_benchmark(provider, portfolio.backtest.benchmark, begin, end)
    return backtest(place(scores, days, instruments, quotes), quotes, bench, portfolio, seed=config.seed)
