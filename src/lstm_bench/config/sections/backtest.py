"""``port_analysis_config``: the strategy, the account and the executor of the portfolio backtest.

Sections and defaults are Qlib's. :func:`resolve` fills in the settings that depend on the region: ``trade_unit`` if
unset, ``limit_threshold`` if null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import Field, field_validator, model_validator

from lstm_bench.config.class_path import GIVEN_BY_CLASS, SupportedClass
from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.section import Refused, Section
from lstm_bench.config.sections.exchange import REGIONS, DailyFreq, ExchangeConfig, Region
from lstm_bench.config.sections.universe import WholeMarket
from lstm_bench.config.values.day import Day

__all__ = [
    "CSI300", "OWN_SCORES", "BacktestConfig", "ExecutorConfig", "ExecutorKwargs", "FillConfig", "Holding",
    "IndicatorConfig", "PortAnalysisConfig", "StrategyConfig", "TopkDropoutKwargs", "Weighting",
    "default_portfolio", "resolve",
]  # fmt: skip

CSI300 = "SH000300"
"""The default benchmark."""

Weighting = Literal["mean", "amount_weighted", "value_weighted"]
"""How indicators of orders are averaged."""

OWN_SCORES = NotIdentity("it always means the run's own scores")


class TopkDropoutKwargs(Section):
    """Hold the ``topk`` best stocks, and each day replace up to ``n_drop`` of the worst by better ones.

    The random methods draw as Qlib does right after ``numpy.random.seed(seed)``, with the seed of the run.
    """

    signal: Annotated[Literal["<PRED>"] | tuple[Literal["<MODEL>"], Literal["<DATASET>"]], OWN_SCORES] = (
        Field("<PRED>", description="the run's scores, in either of Qlib's forms")
    )
    model: Annotated[Literal["<MODEL>"] | None, OWN_SCORES] = Field(
        None, description="an older form of signal"
    )
    dataset: Annotated[Literal["<DATASET>"] | None, OWN_SCORES] = Field(None, description="goes with model")
    topk: int = Field(ge=1, description="stocks to hold")
    n_drop: int = Field(
        ge=0, description="stocks to replace per day; with 0 Qlib sells all of them every other day"
    )
    method_sell: Literal["bottom", "random"] = Field(
        "bottom", description="which stocks to sell: the worst, or random ones"
    )
    method_buy: Literal["top", "random"] = Field(
        "top", description="which stocks to buy: the best, or random ones"
    )
    hold_thresh: int = Field(1, ge=0, description="days to hold before selling")
    only_tradable: bool = Field(False, description="choose among tradable stocks only")
    forbid_all_trade_at_limit: bool = Field(True, description="at a limit, trade in neither direction")
    risk_degree: float = Field(0.95, ge=0.0, description="share of the cash to invest")
    trade_exchange: Refused = None
    level_infra: Refused = None
    common_infra: Refused = None
    outer_trade_decision: Refused = None


class StrategyConfig(SupportedClass):
    """``strategy``; its class may be dotted, without ``module_path``."""

    supported = "TopkDropoutStrategy"
    unsupported: ClassVar[Mapping[str, str]] = {
        "SoftTopkStrategy": "Qlib 0.9.7 cannot construct it with any arguments; use TopkDropoutStrategy",
        "WeightStrategyBase": "it is a base class of other strategies, and defines no weights",
        "EnhancedIndexingStrategy": "it needs a risk model's files and the benchmark's weights; without them Qlib "
        "trades nothing, without a message",
    }

    name: Literal["TopkDropoutStrategy"] = Field("TopkDropoutStrategy", alias="class")
    module_path: Annotated[
        Literal["qlib.contrib.strategy", "qlib.contrib.strategy.signal_strategy"], GIVEN_BY_CLASS
    ] = "qlib.contrib.strategy"
    kwargs: TopkDropoutKwargs = Field(description="number of stocks to hold, and how they are chosen")


class Holding(Section):
    """A stock that an account holds from the start."""

    amount: float = Field(gt=0.0, description="adjusted shares")
    price: float = Field(gt=0.0, description="value of a share until the stock has a close")


class BacktestConfig(Section):
    """``backtest``: days, money and market."""

    start_time: Day | None = Field(None, description="first trading day; the first with a score if null")
    end_time: Day | None = Field(None, description="last trading day; the one after the last score if null")
    account: Annotated[float, Field(gt=0.0)] | dict[str, float | Holding] = Field(
        1e9,
        description="initial cash; or a mapping with `cash`, and codes with the amount and price of initial holdings",
    )
    benchmark: str | Annotated[tuple[str, ...], Field(min_length=1)] | WholeMarket | None = Field(
        CSI300,
        description="a code, or several codes or a market, of which the mean return counts; SH000300 if null",
    )
    exchange_kwargs: ExchangeConfig = Field(ExchangeConfig(), description="prices, limits and costs")
    pos_type: Literal["Position"] = Field("Position", description="Qlib's ordinary account")

    @model_validator(mode="after")
    def _days_in_order(self) -> BacktestConfig:
        if self.start_time and self.end_time and self.start_time > self.end_time:
            raise ValueError(f"start_time {self.start_time} is after end_time {self.end_time}")
        return self

    @field_validator("account")
    @classmethod
    def _cash_and_holdings(cls, account: Any) -> Any:
        if isinstance(account, float):
            return account
        if not isinstance(cash := account.get("cash"), float) or cash <= 0.0:
            raise ValueError("a mapping needs the key 'cash', a number greater than 0")
        for code, held in account.items():
            if code != "cash" and isinstance(held, float):
                raise ValueError(
                    f"{code}: got {held:g}, expected {{amount: ..., price: ...}}; Qlib fails at a stock without a price"
                )
        return account

    @property
    def cash(self) -> float:
        """Initial cash."""
        return self.account if isinstance(self.account, float) else float(cast(float, self.account["cash"]))

    @property
    def holdings(self) -> dict[str, Holding]:
        """Upper-case code -> initial holding."""
        account = {} if isinstance(self.account, float) else self.account
        return {code.upper(): held for code, held in account.items() if isinstance(held, Holding)}


class FillConfig(Section):
    """``indicator_config.ffr_config``."""

    weight_method: Weighting = Field("mean", description="how to average over a day's orders")


class IndicatorConfig(Section):
    """``executor.kwargs.indicator_config``."""

    show_indicator: bool = Field(False, description="ignored: nothing is printed daily")
    pa_config: Any = Field(
        None, description="ignored: orders are filled at the deal price, so there is no price advantage"
    )
    ffr_config: FillConfig = Field(
        FillConfig(), description="the fulfilment rate: the share of orders that was filled"
    )


class ExecutorKwargs(Section):
    """``executor.kwargs``."""

    time_per_step: DailyFreq = Field("day", description="only daily steps")
    generate_portfolio_metrics: Literal[True] = Field(True, description="always computed")
    trade_type: Literal["serial", "parallel"] = Field("serial", description="sells first, or buys first")
    verbose: bool = Field(False, description="ignored: orders are not printed")
    track_data: bool = Field(False, description="ignored: for Qlib's reinforcement learning")
    settle_type: Literal["None", "cash"] | None = Field(
        None, description="cash: proceeds of a sale can be spent from the next day on"
    )
    indicator_config: IndicatorConfig | None = Field(
        None, description="how to compute the indicators of a day's orders"
    )
    start_time: Day | None = Field(None, description="ignored: backtest.start_time counts")
    end_time: Day | None = Field(None, description="ignored: backtest.end_time counts")

    @property
    def fill_weighting(self) -> Weighting:
        """How fulfilment rates are averaged over a day's orders."""
        return "mean" if self.indicator_config is None else self.indicator_config.ffr_config.weight_method


class ExecutorConfig(SupportedClass):
    """``executor``."""

    supported = "SimulatorExecutor"
    unsupported: ClassVar[Mapping[str, str]] = {
        "NestedExecutor": "it trades within the day, and only daily bars can be read"
    }

    name: Literal["SimulatorExecutor"] = Field("SimulatorExecutor", alias="class")
    module_path: Annotated[Literal["qlib.backtest.executor"], GIVEN_BY_CLASS] = "qlib.backtest.executor"
    kwargs: ExecutorKwargs = Field(ExecutorKwargs(), description="how a day is traded")


class PortAnalysisConfig(Section):
    """``port_analysis_config``; ``PortAnaRecord`` takes it as ``config``."""

    strategy: StrategyConfig = Field(description="which stocks are held")
    backtest: BacktestConfig = Field(description="days, money and market")
    executor: ExecutorConfig = Field(ExecutorConfig(), description="how orders are filled")


def default_portfolio() -> PortAnalysisConfig:
    """Return the backtest of a ``PortAnaRecord`` without ``config``; its values differ from the sections' defaults."""
    exchange = {
        "limit_threshold": 0.095,
        "deal_price": "close",
        "open_cost": 0.0005,
        "close_cost": 0.0015,
        "min_cost": 5,
    }
    return PortAnalysisConfig.model_validate(
        {
            "strategy": {"kwargs": {"signal": "<PRED>", "topk": 50, "n_drop": 5}},
            "backtest": {"account": 1e8, "benchmark": CSI300, "exchange_kwargs": exchange},
        }
    )


def resolve(config: PortAnalysisConfig, region: Region) -> PortAnalysisConfig:
    """Fill in the settings that depend on the region, and replace nulls by Qlib's defaults.

    In the result, None in ``trade_unit`` and ``limit_threshold`` means no rounding and no limit. ``deal_price`` (one
    name if buying and selling share it) and the benchmark are set; ignored keys have their defaults. Calls are
    idempotent.
    """
    exchange = config.backtest.exchange_kwargs
    defaults = REGIONS[region]
    buy, sell = exchange.prices
    filled: dict[str, Any] = {"deal_price": buy if buy == sell else (buy, sell)}
    if "trade_unit" not in exchange.model_fields_set:
        filled["trade_unit"] = defaults.trade_unit
    if exchange.limit_threshold is None:
        filled["limit_threshold"] = defaults.limit_threshold
    backtest = config.backtest.model_copy(
        update={
            "exchange_kwargs": exchange.model_copy(update=filled),
            "benchmark": config.backtest.benchmark or CSI300,
        }
    )
    return config.model_copy(update={"backtest": backtest, "executor": _resolved_executor(config.executor)})


def _resolved_executor(executor: ExecutorConfig) -> ExecutorConfig:
    """Reset ignored keys, so that they do not distinguish runs."""
    kwargs = executor.kwargs
    used: dict[str, Any] = {"trade_type": kwargs.trade_type, "time_per_step": kwargs.time_per_step}
    if kwargs.settle_type == "cash":
        used["settle_type"] = "cash"
    if kwargs.fill_weighting != "mean":
        used["indicator_config"] = IndicatorConfig(ffr_config=FillConfig(weight_method=kwargs.fill_weighting))
    return executor.model_copy(update={"kwargs": ExecutorKwargs(**used)})
