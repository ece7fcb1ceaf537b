"""Checks the backtest: its holdings, its days, and the rules of its market."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.config.sections.exchange import Region
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.dataset.segments import span_of
from lstm_bench.run.judgement.finding import Finding
from lstm_bench.run.judgement.survey import Survey

__all__ = ["judge_portfolio"]

_UNSIGNALLED = 5
"""Trading days without a score of the day before that need no warning, such as the first."""

_CHINAS_CODE = re.compile(r"(SH|SZ|BJ)\d{6}|\d{6}\.(SH|SS|SZ|BJ|XSHG|XSHE)")

_CHINAS_COSTS = {(0.0005, 0.0015, 5.0), (0.0015, 0.0025, 5.0)}
"""``open_cost``, ``close_cost`` (with stamp duty) and ``min_cost``: of Qlib's files, and its exchange's defaults."""


def judge_portfolio(config: ResolvedRun, survey: Survey) -> Iterator[Finding]:
    """Find backtests that hold everything, have no scores to trade on, or follow another market's rules."""
    if config.portfolio_analysis is None:
        return
    region = config.qlib_init.region
    portfolio = resolve(config.portfolio_analysis, region)
    yield from _holdings(portfolio, survey)
    yield from _days(portfolio, survey)
    yield from _region(portfolio, region, survey)


def _holdings(portfolio: PortAnalysisConfig, survey: Survey) -> Iterator[Finding]:
    strategy, stocks = portfolio.strategy.kwargs, survey.stocks("test")
    topk, n_drop = strategy.topk, strategy.n_drop
    if n_drop >= topk:
        yield Finding(
            "strategy.kwargs.n_drop",
            f"got {n_drop}, expected fewer than topk, {topk}: the whole portfolio may be replaced every day",
        )
    if len(stocks) == 0 or topk < stocks.min():
        return
    most = f"{survey.market}, which has {stocks.max()} on a day of segment 'test' at most"
    if topk >= stocks.max():
        yield Finding(
            "strategy.kwargs.topk",
            f"got {topk}, expected fewer than the stocks of {most}: all are held, whatever their scores",
        )
    else:
        days = survey.days[survey.segments["test"]]
        few = int((stocks <= topk).sum())
        yield Finding(
            "strategy.kwargs.topk",
            f"got {topk}, expected fewer than the stocks of a day: on {few} of {len(days)} days of segment 'test' "
            f"all are held, whatever their scores ({survey.market} has {stocks.min()} on {days[stocks.argmin()]})",
        )


def _days(portfolio: PortAnalysisConfig, survey: Survey) -> Iterator[Finding]:
    """Compare the backtest's days with those that have a score of the day before."""
    span, backtest = survey.segments["test"], portfolio.backtest
    if span.start == span.stop:
        return
    first, last = span.start + survey.offset, span.stop + survey.offset  # of the scores, in the calendar
    begin, end = span_of(survey.calendar, backtest.start_time, backtest.end_time)
    begin = first if backtest.start_time is None else begin
    end = min(last + 1, len(survey.calendar)) if backtest.end_time is None else end
    signals = np.arange(begin, end) - 1
    silent = int(((signals < first) | (signals >= last)).sum())
    if begin >= end:
        return  # not on the calendar; reading the quotes reports it
    days, test = f"{survey.calendar[begin]}..{survey.calendar[end - 1]}", survey.span_text("test")
    if silent > _UNSIGNALLED:
        yield Finding(
            "backtest.start_time..end_time",
            f"{days} has {end - begin} trading days, and {silent} of them have no score of the day before, since "
            f"segment 'test' is {test}: nothing is bought or sold on these",
        )
    elif end - begin < 0.5 * (last - first):
        yield Finding(
            "backtest.start_time..end_time",
            f"{days} has {end - begin} of the {last - first} trading days of segment 'test', {test}: returns are of "
            "other days than the IC",
        )


def _region(portfolio: PortAnalysisConfig, region: Region, survey: Survey) -> Iterator[Finding]:
    """Find rules of another market than the region's, which remain in files copied from it."""
    exchange, benchmark = portfolio.backtest.exchange_kwargs, portfolio.backtest.benchmark
    with_bars = [survey.instruments[place] for place in np.flatnonzero(survey.rows.any(axis=0))]
    chinas = sum(_is_chinas(code) for code in with_bars)
    if region == "cn":
        if with_bars and not chinas:
            yield Finding(
                "qlib_init.region",
                f"got 'cn', whose limits and lots the backtest follows, but no stock of {survey.market} has a code "
                f"of China's exchanges, such as SH600000 ({with_bars[0]} has bars)",
            )
        return
    if with_bars and 2 * chinas > len(with_bars):
        yield Finding(
            "qlib_init.region",
            f"got {region!r}, but {chinas} of the {len(with_bars)} stocks of {survey.market} have codes of China's "
            "exchanges",
        )
    limit, unit = exchange.limit_threshold, exchange.trade_unit
    usual_limit, usual_unit = {"us": ("none", 1), "tw": ("0.1", 1000)}[region]
    if limit is not None and (region == "us" or limit == 0.095):
        of_china = ", which is China's" if limit == 0.095 else ""
        yield Finding(
            "exchange_kwargs.limit_threshold",
            f"got {limit}{of_china}, expected {usual_limit} in "
            f"region {region!r}: a stock that moves as far is not traded on that day",
        )
    if unit not in (None, 1, usual_unit):
        yield Finding("exchange_kwargs.trade_unit", f"got {unit}, expected {usual_unit} in region {region!r}")
    costs = (exchange.open_cost, exchange.close_cost, exchange.min_cost)
    if costs in _CHINAS_COSTS:
        yield Finding(
            "exchange_kwargs.open_cost, close_cost, min_cost",
            f"got {', '.join(f'{cost:g}' for cost in costs)}, which are China's (with stamp duty, and a least fee in "
            f"yuan), expected those of region {region!r}",
        )
    codes = (benchmark,) if isinstance(benchmark, str) else benchmark if isinstance(benchmark, tuple) else ()
    if any(_is_chinas(code) for code in codes) and not chinas:
        yield Finding(
            "backtest.benchmark",
            f"got {', '.join(codes)}, an index of China, expected one of region {region!r}",
        )


def _is_chinas(code: str) -> bool:
    return _CHINAS_CODE.fullmatch(code.upper()) is not None
