"""``port_analysis_config``: the strategy, the exchange and the executor of the portfolio backtest.

The sections are those of a Qlib workflow file, with Qlib's defaults. What depends on the region is left open
there (``trade_unit`` unset, ``limit_threshold`` null) and filled by :func:`resolve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from lstm_bench.config.day import Day
from lstm_bench.config.expected import Words
from lstm_bench.config.section import Refused, Section

__all__ = [
    "REGIONS",
    "BacktestConfig",
    "ExchangeConfig",
    "ExecutorConfig",
    "ExecutorKwargs",
    "PortAnalysisConfig",
    "Region",
    "RegionDefaults",
    "StrategyConfig",
    "TopkDropoutKwargs",
    "resolve",
]

Region = Literal["cn", "us", "tw"]


class RegionDefaults(NamedTuple):
    """What a market's rules are where a file says nothing."""

    trade_unit: int
    limit_threshold: float | None


REGIONS: Mapping[Region, RegionDefaults] = {
    "cn": RegionDefaults(trade_unit=100, limit_threshold=0.095),
    "us": RegionDefaults(trade_unit=1, limit_threshold=None),
    "tw": RegionDefaults(trade_unit=1000, limit_threshold=0.1),
}


def _field_name(name: str) -> str:
    bare = name.removeprefix("$")
    if not bare.isidentifier():
        raise ValueError(
            f"got {name!r}, expected the name of a field such as 'close' or '$open'; no expression"
        )
    return bare


PriceField = Annotated[str, AfterValidator(_field_name), Words("the name of a field", "names of fields")]


class TopkDropoutKwargs(Section):
    """Hold the ``topk`` best, and each day replace up to ``n_drop`` of the worst by better ones.

    The random methods draw as Qlib does right after ``numpy.random.seed(seed)``, with the seed of the run.
    """

    signal: Literal["<PRED>"] | tuple[Literal["<MODEL>"], Literal["<DATASET>"]] = Field(
        "<PRED>", description="the run's own scores, in either of Qlib's ways to say so"
    )
    model: Literal["<MODEL>"] | None = Field(None, description="an older way to say so")
    dataset: Literal["<DATASET>"] | None = Field(None, description="goes with model")
    topk: int = Field(ge=1, description="stocks to hold")
    n_drop: int = Field(
        ge=0, description="stocks to replace per day; with 0 Qlib sells all of them every other day"
    )
    method_sell: Literal["bottom", "random"] = Field(
        "bottom", description="which of the held stocks go: the worst, or any"
    )
    method_buy: Literal["top", "random"] = Field("top", description="which stocks come: the best, or any")
    hold_thresh: int = Field(1, ge=0, description="days to hold before selling")
    only_tradable: bool = Field(False, description="decide among tradable stocks only")
    forbid_all_trade_at_limit: bool = Field(True, description="at a limit, trade in neither direction")
    risk_degree: float = Field(0.95, ge=0.0, le=1.0, description="share of the cash to invest")


class StrategyConfig(Section):
    """``strategy``."""

    name: Literal["TopkDropoutStrategy"] = Field("TopkDropoutStrategy", alias="class")
    module_path: Literal["qlib.contrib.strategy", "qlib.contrib.strategy.signal_strategy"] = (
        "qlib.contrib.strategy"
    )
    kwargs: TopkDropoutKwargs = Field(description="how many stocks, and which")


class ExchangeConfig(Section):
    """``backtest.exchange_kwargs``: what trading costs and when it is impossible."""

    freq: Literal["day", "1day"] = Field("day", description="only daily bars")
    codes: str = Field("all", description="the market whose instruments have quotes")
    deal_price: PriceField | tuple[PriceField, PriceField] | None = Field(
        None, description="field to deal at, or one for buying and one for selling; close where null"
    )
    limit_threshold: float | None = Field(
        None, gt=0.0, description="no trade where |change| reaches it; the region's where null (none in us)"
    )
    open_cost: float = Field(0.0015, ge=0.0, description="share of the value bought")
    close_cost: float = Field(0.0025, ge=0.0, description="share of the value sold")
    min_cost: float = Field(5.0, ge=0.0, description="least cost of an order, in money")
    impact_cost: float = Field(
        0.0, ge=0.0, description="times the square of the order's share of the day's value"
    )
    trade_unit: int | None = Field(
        None,
        ge=1,
        description="round lot in unadjusted shares; the region's where unset, no rounding where null",
    )
    volume_threshold: Refused = None
    subscribe_fields: Refused = None
    extra_quote: Refused = None
    quote_cls: Refused = None
    start_time: Refused = None
    end_time: Refused = None

    @property
    def prices(self) -> tuple[str, str]:
        """Fields to buy and to sell at."""
        price = self.deal_price or "close"
        return (price, price) if isinstance(price, str) else price


class BacktestConfig(Section):
    """``backtest``: days, money and market."""

    start_time: Day | None = Field(None, description="first trading day; the first with a score where null")
    end_time: Day | None = Field(
        None, description="last trading day; the one after the last score where null"
    )
    account: float = Field(1e9, gt=0.0, description="initial cash")
    benchmark: str | tuple[str, ...] = Field("SH000300", description="a code, or several: their mean return")
    exchange_kwargs: ExchangeConfig = Field(ExchangeConfig(), description="prices, limits and costs")
    pos_type: Literal["Position"] = Field("Position", description="Qlib's ordinary account")

    @model_validator(mode="after")
    def _days_in_order(self) -> BacktestConfig:
        if self.start_time and self.end_time and self.start_time > self.end_time:
            raise ValueError(f"start_time {self.start_time} is after end_time {self.end_time}")
        return self


class ExecutorKwargs(Section):
    """``executor.kwargs``."""

    time_per_step: Literal["day", "1day"] = Field("day", description="only daily steps")
    generate_portfolio_metrics: Literal[True] = Field(True, description="a run always has them")
    trade_type: Literal["serial", "parallel"] = Field("serial", description="sells first, or buys first")
    verbose: Literal[False] = Field(False, description="orders are not printed")
    track_data: Literal[False] = Field(False, description="for Qlib's reinforcement learning")
    settle_type: Refused = None
    indicator_config: Refused = None


class ExecutorConfig(Section):
    """``executor``."""

    name: Literal["SimulatorExecutor"] = Field("SimulatorExecutor", alias="class")
    module_path: Literal["qlib.backtest.executor"] = "qlib.backtest.executor"
    kwargs: ExecutorKwargs = Field(ExecutorKwargs(), description="how a day is traded")


class PortAnalysisConfig(Section):
    """``port_analysis_config``; ``PortAnaRecord`` takes it as ``config``."""

    strategy: StrategyConfig = Field(description="which stocks are held")
    backtest: BacktestConfig = Field(description="days, money and market")
    executor: ExecutorConfig = Field(ExecutorConfig(), description="how orders are filled")


def resolve(config: PortAnalysisConfig, region: Region) -> PortAnalysisConfig:
    """Fill what depends on the region.

    Afterwards ``trade_unit`` and ``limit_threshold`` mean what they say (None is none), and ``deal_price`` is
    set: one name where buying and selling share it. Resolving twice changes nothing.
    """
    exchange = config.backtest.exchange_kwargs
    defaults = REGIONS[region]
    buy, sell = exchange.prices
    filled: dict[str, Any] = {"deal_price": buy if buy == sell else (buy, sell)}
    if "trade_unit" not in exchange.model_fields_set:
        filled["trade_unit"] = defaults.trade_unit
    if exchange.limit_threshold is None:
        filled["limit_threshold"] = defaults.limit_threshold
    resolved = exchange.model_copy(update=filled)
    backtest = config.backtest.model_copy(update={"exchange_kwargs": resolved})
    return config.model_copy(update={"backtest": backtest})
