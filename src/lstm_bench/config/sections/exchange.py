"""``backtest.exchange_kwargs``: prices, limits and costs of trading, with Qlib's names and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.section import Refused, Section
from lstm_bench.config.sections.universe import WholeMarket
from lstm_bench.config.values.day import ONLY_DAILY, Day
from lstm_bench.config.wording.expected import Words
from lstm_bench.config.wording.value_text import value_with_kind

__all__ = ["REGIONS", "DailyFreq", "ExchangeConfig", "Region", "RegionDefaults", "VolumeLimit"]

Region = Literal["cn", "us", "tw"]


class RegionDefaults(NamedTuple):
    """A market's default trading rules."""

    trade_unit: int
    limit_threshold: float | None


REGIONS: Mapping[Region, RegionDefaults] = {
    "cn": RegionDefaults(trade_unit=100, limit_threshold=0.095),
    "us": RegionDefaults(trade_unit=1, limit_threshold=None),
    "tw": RegionDefaults(trade_unit=1000, limit_threshold=0.1),
}


def _bare_field(text: str) -> str:
    """Remove the dollar from a field's name; leave an expression unchanged."""
    bare = text.strip().removeprefix("$")
    if not bare:
        raise ValueError(f"got {text!r}, expected a field such as 'close', or an expression")
    return bare if bare.isidentifier() else text.strip()


def _any_spelling(value: Any) -> Any:
    """Read Qlib's other spellings of a daily frequency."""
    spellings = {"d": "day", "1d": "day", "1day": "1day"}
    return spellings.get(value.lower(), value) if isinstance(value, str) else value


Price = Annotated[
    str, AfterValidator(_bare_field), Words("a field or an expression", "fields or expressions")
]

DailyFreq = Annotated[Literal["day", "1day"], BeforeValidator(_any_spelling), ONLY_DAILY]
"""A daily frequency, in any of Qlib's spellings."""

VolumeLimit = tuple[Literal["cum", "current"], Annotated[str, Field(min_length=1)]]
"""The adjusted shares of a stock that can be traded on a day, as an expression.

A stock has one order a day, so both kinds mean the same.
"""


class ExchangeConfig(Section):
    """``backtest.exchange_kwargs``: prices, limits and costs of trading."""

    freq: DailyFreq = Field("day", description="only daily bars")
    codes: str | tuple[str, ...] | WholeMarket = Field(
        "all", description="the market whose instruments have quotes, or a list of codes"
    )
    deal_price: Price | tuple[Price, Price] | None = Field(
        None,
        description="field or expression to trade at, or one for buying and one for selling; close if null",
    )
    limit_threshold: Annotated[float, Field(gt=0.0)] | tuple[str, str] | None = Field(
        None,
        description="no trade if |change| reaches it; or two expressions, which stop buying and selling if they are "
        "not 0; the region's if null (none in us)",
    )
    open_cost: float = Field(0.0015, ge=0.0, description="share of the value bought")
    close_cost: float = Field(0.0025, ge=0.0, description="share of the value sold")
    min_cost: float = Field(5.0, ge=0.0, description="minimal cost of an order, in money")
    impact_cost: float = Field(
        0.0, ge=0.0, description="cost rate per square of the order's share of the day's value"
    )
    trade_unit: int | None = Field(
        None, ge=1, description="round lot in unadjusted shares; the region's if unset, no rounding if null"
    )
    volume_threshold: dict[Literal["all", "buy", "sell"], VolumeLimit] | None = Field(
        None,
        description="adjusted shares of a stock that can be traded on a day: `[current, expression]`, or such a list "
        "for each of `all`, `buy` and `sell`; no limit if null",
    )
    subscribe_fields: Annotated[tuple[str, ...] | None, NotIdentity("used by nothing")] = Field(
        None, description="ignored: used by nothing"
    )
    start_time: Day | None = Field(None, description="first day with quotes; the backtest's if unset or null")
    end_time: Day | None = Field(None, description="last day with quotes; the backtest's if unset or null")
    exchange: Refused = None
    extra_quote: Refused = None
    quote_cls: Refused = None

    @field_validator("volume_threshold", mode="before")
    @classmethod
    def _one_limit_for_all(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {"all": value}
        if value is not None and not isinstance(value, dict):
            raise ValueError(
                f"got {value_with_kind(value)}, expected [current, expression], or such a list for each of all, "
                "buy and sell"
            )
        return value

    @property
    def prices(self) -> tuple[str, str]:
        """Fields or expressions to buy and to sell at."""
        price = self.deal_price or "close"
        return (price, price) if isinstance(price, str) else price

    def volume_limits(self, side: Literal["buy", "sell"]) -> tuple[str, ...]:
        """Expressions that bound an order of a side; the smallest counts."""
        limits = self.volume_threshold or {}
        return tuple(expression for key, (_, expression) in limits.items() if key in ("all", side))
