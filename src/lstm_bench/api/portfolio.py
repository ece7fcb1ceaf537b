"""Trade on scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from lstm_bench.api.arguments import Day, PathLike
from lstm_bench.config.sections.backtest import PortAnalysisConfig, TopkDropoutKwargs, resolve
from lstm_bench.config.sections.exchange import REGIONS, ExchangeConfig, Region
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError, InputError, choices_hint
from lstm_bench.data.provider import Provider
from lstm_bench.evaluate.signal.grid import ScoreGrid
from lstm_bench.evaluate.trading import backtest as portfolio
from lstm_bench.evaluate.trading.quotes import load_benchmark, load_quotes, place, quote_span
from lstm_bench.record.tables import daily_table

__all__ = ["backtest"]


def backtest(
    pred: pd.Series | pd.DataFrame,
    provider_uri: PathLike,
    *,
    start_time: Day | None = None,
    end_time: Day | None = None,
    account: float = 1e8,
    benchmark: str | Sequence[str] = "SH000300",
    region: Region = "cn",
    seed: int = 0,
    **strategy_and_exchange: Any,
) -> pd.DataFrame:
    """Trade on scores with Qlib's TopkDropout strategy and exchange.

    Parameters
    ----------
    pred
        Scores by (datetime, instrument); NaN means missing. A day trades on the scores of the day before.
    provider_uri
        The Qlib folder with the quotes.
    start_time, end_time
        First and last trading day. By default the first day with a score, and the day after the last one.
    account
        Initial cash.
    benchmark
        A code, or several; then their mean return is used.
    region
        ``cn``, ``us`` or ``tw``: sets the default round lot and price limit.
    seed
        Seed of the random methods.
    **strategy_and_exchange
        Keywords of Qlib's ``TopkDropoutStrategy`` and ``Exchange``, with its defaults: ``topk`` and ``n_drop``, which
        are required, ``method_sell``, ``method_buy``, ``hold_thresh``, ``only_tradable``,
        ``forbid_all_trade_at_limit``, ``risk_degree``; ``deal_price``, ``limit_threshold``, ``open_cost``,
        ``close_cost``, ``min_cost``, ``impact_cost``, ``trade_unit``, ``volume_threshold``, ``codes``.

    Returns
    -------
    DataFrame
        Float64 by ``datetime``, a row per trading day: ``account`` (money at the close), ``return`` (before cost),
        ``total_turnover``, ``turnover``, ``total_cost``, ``cost`` (rates, of the account of the day before; totals are
        money), ``value`` and ``cash`` (money), ``bench`` (the benchmark's return).

    Raises
    ------
    InputError
        If ``pred`` is not one column by (datetime, instrument), has a row twice, or no score.
    ConfigError
        If a keyword is unknown, missing or has a wrong value.
    DataError
        If the folder lacks the benchmark, the dates or all of the instruments.
    """
    config = _portfolio(
        {"start_time": start_time, "end_time": end_time, "account": account, "benchmark": benchmark},
        strategy_and_exchange,
        region,
    )
    return _trade(ScoreGrid.of({"pred": pred}), provider_uri, config, seed)


def _trade(grid: ScoreGrid, provider_uri: PathLike, config: PortAnalysisConfig, seed: int) -> pd.DataFrame:
    (score,) = grid.values
    scored = grid.days[~np.isnan(score).all(axis=1)]
    if len(scored) == 0:
        raise InputError("pred: it has no score")
    provider = Provider(provider_uri)
    if not any(code in provider.folders for code in grid.instruments):
        raise DataError(
            f"pred: the data has none of its {counted(len(grid.instruments), 'instrument')}, such as "
            f"{grid.instruments[0]!r}; "
            "expected upper-case codes"
        )
    begin, end = quote_span(provider, config, scored)
    quotes = load_quotes(provider, config, begin, end, grid.instruments)
    bench = load_benchmark(provider, config.backtest.benchmark, begin, end)
    placed = place(score, grid.days, grid.instruments, quotes)
    result = portfolio.backtest(placed, quotes, bench, config, seed=seed)
    return daily_table(result.report, result.days)


_STRATEGY = set(TopkDropoutKwargs.model_fields) - {"signal", "model", "dataset"}
_EXCHANGE = set(ExchangeConfig.model_fields)
_REFUSED = {name for name, field in ExchangeConfig.model_fields.items() if field.annotation is type(None)}


def _portfolio(backtest_: dict[str, Any], keywords: Mapping[str, Any], region: Region) -> PortAnalysisConfig:
    """Split keywords into strategy and exchange, and fill in what depends on the region."""
    if region not in REGIONS:
        raise ConfigError(f"region: got {region!r}; {choices_hint(str(region), REGIONS)}")
    for key in keywords:
        if key not in _STRATEGY | _EXCHANGE:
            raise ConfigError(
                f"backtest: unknown keyword {key!r}; {choices_hint(key, _STRATEGY | _EXCHANGE - _REFUSED)}"
            )
    strategy = {key: value for key, value in keywords.items() if key in _STRATEGY}
    exchange = {key: value for key, value in keywords.items() if key in _EXCHANGE}
    try:
        config = PortAnalysisConfig.model_validate(
            {"strategy": {"kwargs": strategy}, "backtest": backtest_ | {"exchange_kwargs": exchange}}
        )
    except ValidationError as error:
        raise explain(error) from error
    return resolve(config, region)
