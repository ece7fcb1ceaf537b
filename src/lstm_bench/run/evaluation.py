"""The evaluation of a run's scores: signal metrics, the backtest, and the analysis of both."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.data.arrays import Floats
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.evaluate.analysis import (
    PortfolioAnalysis,
    SignalAnalysis,
    analyse_portfolio,
    analyse_signal,
)
from lstm_bench.evaluate.record_figures import long_short_figures, squared_error
from lstm_bench.evaluate.signal.liquidity import Liquidity, liquidity_ics
from lstm_bench.evaluate.signal.metrics import SignalMetrics, signal_metrics
from lstm_bench.evaluate.trading.backtest import BacktestResult, backtest
from lstm_bench.evaluate.trading.indicators import trade_indicators
from lstm_bench.evaluate.trading.quotes import load_benchmark, load_quotes, place, quote_span

__all__ = ["Evaluation", "Market", "evaluate_pack", "evaluate_scores", "load_market"]


@dataclass(frozen=True)
class Market:
    """The market that a backtest trades on.

    Attributes
    ----------
    config : resolved for its region
    quotes : the exchange's bars, from the day before the first trading day
    bench : ``[T]`` float32, the benchmark's daily return on the days of ``quotes``
    liquidity : of the scored stocks; None if the data have no volume
    """

    config: PortAnalysisConfig
    quotes: Panel
    bench: npt.NDArray[np.float32]
    liquidity: Liquidity | None


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of one panel of scores.

    Attributes
    ----------
    metrics : Qlib's metric name -> value, and those of ``evaluate.headlines``
    signal : daily signal metrics
    signal_analysis : further measures of the scores
    liquidity : daily ICs among stocks of low, middle and high liquidity; empty without a backtest or without volume
    portfolio, portfolio_analysis : None if the configuration asks for no backtest
    """

    metrics: dict[str, float]
    signal: SignalMetrics
    signal_analysis: SignalAnalysis
    liquidity: Mapping[str, Floats]
    portfolio: BacktestResult | None
    portfolio_analysis: PortfolioAnalysis | None


def load_market(
    config: ResolvedRun, provider: Provider, days: npt.NDArray[np.datetime64], instruments: tuple[str, ...]
) -> Market | None:
    """Read the market for a backtest of scores on ``days`` and ``instruments``; None without a backtest.

    Raises ``DataError`` if the data lack the benchmark, the market of the quotes or the backtest's dates.
    """
    if config.portfolio_analysis is None:
        return None
    portfolio = resolve(config.portfolio_analysis, config.qlib_init.region)
    begin, end = quote_span(provider, portfolio, days)
    scored = provider.locate(days[0], days[-1], "scores") if len(days) else (0, 0)
    return Market(
        portfolio,
        load_quotes(provider, portfolio, begin, end, instruments),
        load_benchmark(provider, portfolio.backtest.benchmark, begin, end),
        Liquidity.load(provider, instruments, *scored),
    )


def evaluate_scores(
    config: ResolvedRun,
    market: Market | None,
    scores: npt.NDArray[np.float32],
    labels: npt.NDArray[np.float32],
    rows: npt.NDArray[np.bool_],
    days: npt.NDArray[np.datetime64],
    instruments: tuple[str, ...],
) -> Evaluation:
    """Evaluate the scores of a test segment.

    Parameters
    ----------
    market
        From :func:`load_market`.
    scores, labels : ``[T, N]``
        Scores and raw labels by day and instrument; NaN if absent.
    rows : ``[T, N]`` bool
        The samples that were scored.
    """
    section = config.signal_analysis
    signal = signal_metrics(scores, labels, rows, long_short=section.ana_long_short)
    analysis = analyse_signal(scores, labels, rows, days, signal)
    metrics = signal.summary(section.ann_scaler) | analysis.headlines()
    if "HFSignalRecord" in config.further_records:
        halves = signal_metrics(scores, labels, rows, long_short=True)
        metrics |= long_short_figures(halves, analysis.precision)
    if "SignalMseRecord" in config.further_records:
        metrics |= squared_error(scores, labels, rows)
    if market is None:
        return Evaluation(metrics, signal, analysis, {}, None, None)
    liquidity: dict[str, Floats] = {}
    if market.liquidity is not None:
        liquidity = liquidity_ics(scores, labels, rows, market.liquidity.on(days, instruments))
    placed = place(scores, days, instruments, market.quotes)
    portfolio = backtest(placed, market.quotes, market.bench, market.config, seed=config.seed)
    outcome = analyse_portfolio(portfolio)
    metrics |= portfolio.metrics | trade_indicators(portfolio.trades, config.indicator_weighting)
    metrics |= outcome.headlines()
    return Evaluation(metrics, signal, analysis, liquidity, portfolio, outcome)


def evaluate_pack(
    configs: Sequence[ResolvedRun],
    market: Market | None,
    scores: Iterable[npt.NDArray[np.float32]],
    labels: npt.NDArray[np.float32],
    rows: npt.NDArray[np.bool_],
    days: npt.NDArray[np.datetime64],
    instruments: tuple[str, ...],
    *,
    threads: int,
) -> Iterator[tuple[Evaluation, float]]:
    """Evaluate K panels of scores ``[T, N]`` on the same samples, as many at once as there are threads.

    Threads suffice because the slow parts are compiled. There is a configuration and a panel per member; a panel is
    taken when a thread becomes free. The other arguments are those of :func:`evaluate_scores`.

    Yields
    ------
    Evaluation, float
        With its seconds, in the order of the members. Closing the iterator waits for evaluations in progress.
    """

    def timed(config: ResolvedRun, panel: npt.NDArray[np.float32]) -> tuple[Evaluation, float]:
        start = time.perf_counter()
        result = evaluate_scores(config, market, panel, labels, rows, days, instruments)
        return result, time.perf_counter() - start

    running: deque[Future[tuple[Evaluation, float]]] = deque()
    with ThreadPoolExecutor(threads, "evaluate") as pool:
        for config, panel in zip(configs, scores, strict=True):
            running.append(pool.submit(timed, config, panel))
            if len(running) > threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
