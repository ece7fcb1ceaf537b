"""The universe in a workflow file: a market or codes, and the filters that change it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, InstanceOf, field_validator

from lstm_bench.config.class_path import GIVEN_BY_CLASS, Named
from lstm_bench.config.lenient import Lenient
from lstm_bench.config.section import Refused, Section, Truth
from lstm_bench.config.values.day import Daily, FirstDay, LastDay
from lstm_bench.config.wording.expected import Words
from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.core.errors import choices_hint

__all__ = [
    "ExpressionFilter", "FilterPipe", "FilteredMarket", "InstrumentProcessors", "Instruments", "NameFilter",
    "OptionalFilterPipe", "TimeRangeConfig", "WholeMarket", "market_text", "universe_text",
]  # fmt: skip


class _Filter(Lenient):
    filter_start_time: FirstDay | None = Field(None, description="first day to filter; the data's if null")
    filter_end_time: LastDay | None = Field(None, description="last day to filter; the data's if null")


class NameFilter(_Filter):
    """``NameDFilter``: keep instruments with a code that matches from its start."""

    filter_type: Literal["NameDFilter"] = Field("NameDFilter", description="which filter")
    name_rule_re: str = Field(description="regular expression of codes in capital letters")

    @field_validator("name_rule_re")
    @classmethod
    def _is_expression(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(
                f"got {value_with_kind(text)}, expected a regular expression: {error}"
            ) from error
        return text


class ExpressionFilter(_Filter):
    """``ExpressionDFilter``: keep the days of an instrument on which an expression is true."""

    filter_type: Literal["ExpressionDFilter"] = Field("ExpressionDFilter", description="which filter")
    rule_expression: str = Field(
        description="a day is kept if this is not 0, such as $close > 5; NaN is not 0"
    )
    keep: Truth = Field(False, description="whether to keep instruments without a value of the expression")


_FILTERS: dict[str, type[_Filter]] = {"ExpressionDFilter": ExpressionFilter, "NameDFilter": NameFilter}


def _as_filter(value: Any) -> Any:
    """Read a filter with the model of its type."""
    if isinstance(value, _Filter):
        return value
    kind = value.get("filter_type") if isinstance(value, dict) else None
    if kind is None:
        raise ValueError(
            f"got {value_with_kind(value)}, expected a mapping with filter_type; choices: {', '.join(_FILTERS)}"
        )
    if kind not in _FILTERS:
        raise ValueError(f"filter_type: got {value_with_kind(kind)}; {choices_hint(str(kind), _FILTERS)}")
    return _FILTERS[kind].model_validate(value)


def _none_if_empty(value: Any) -> Any:
    """Read an empty list as null: both mean the same."""
    return None if value in ((), [], {}) else value


FilterPipe = tuple[Annotated[NameFilter | ExpressionFilter, BeforeValidator(_as_filter)], ...]
OptionalFilterPipe = Annotated[FilterPipe | None, BeforeValidator(_none_if_empty)]
"""Filters, applied in order."""


class FilteredMarket(Lenient):
    """A market with its own filters, in the form of Qlib's ``D.instruments``."""

    market: str = Field(description="its name, such as csi300")
    filter_pipe: OptionalFilterPipe = Field(None, description="filters of its members")


class WholeMarket(Section):
    """A market without filters, as Qlib's ``D.instruments`` describes it: what the backtest takes."""

    market: str = Field(description="a market of the data, such as csi300")
    filter_pipe: Refused = None


MarketName = Annotated[str, Words("a market name", "market names")]
Code = Annotated[str, Words("a code", "codes")]
MemberSpan = tuple[FirstDay, LastDay]


def _as_instruments(value: Any) -> Any:
    return FilteredMarket.model_validate(value) if isinstance(value, dict) and "market" in value else value


Instruments = Annotated[
    MarketName | tuple[Code, ...] | InstanceOf[FilteredMarket] | dict[str, tuple[MemberSpan, ...]],
    BeforeValidator(_as_instruments),
]
"""A market, codes, a market with filters, or codes with their spans of days."""


class TimeRangeKwargs(Section):
    """Days that an instrument's bars must span."""

    start_time: FirstDay | None = Field(None, description="bars begin on or before it")
    end_time: LastDay | None = Field(None, description="bars end on or after it")
    freq: Daily = Field("day", description="only daily bars")


class TimeRangeConfig(Named):
    """``TimeRangeFlt``: drop the instruments whose bars begin or end inside a span of days.

    It uses knowledge of which instruments survive, so results have survivorship bias.
    """

    name: Literal["TimeRangeFlt"] = Field(alias="class")
    module_path: Annotated[Literal["qlib.data.dataset.processor"], GIVEN_BY_CLASS] = (
        "qlib.data.dataset.processor"
    )
    kwargs: TimeRangeKwargs = Field(TimeRangeKwargs(), description="the span")


def _as_list(value: Any) -> Any:
    if isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - pydantic's protocol
            f"got a mapping of {', '.join(map(str, value))}; rows cannot differ between groups, expected a list, which "
            "is for all groups"
        )
    # Qlib skips entries that are null
    return _none_if_empty([entry for entry in value if entry]) if isinstance(value, list | tuple) else value


InstrumentProcessors = Annotated[
    tuple[TimeRangeConfig, ...] | None, BeforeValidator(_as_list), BeforeValidator(_none_if_empty)
]
"""Processors that drop whole instruments."""


def market_text(instruments: Instruments | None) -> str:
    """Name a universe in tables: its market, or how many codes it has."""
    match instruments:
        case None:
            return "all"
        case str():
            return instruments
        case FilteredMarket():
            return instruments.market
        case _:
            return f"{len(instruments)} instrument{'s' * (len(instruments) != 1)}"


def universe_text(
    instruments: Instruments | None, filters: FilterPipe, processors: Sequence[TimeRangeConfig]
) -> str:
    """Name a universe such that different ones have different names.

    A market without filters has its own name. Otherwise a digest of the codes, filters and processors is added.
    """
    name = market_text(instruments)
    content: dict[str, Any] = {
        "filters": [entry.model_dump(mode="json") for entry in filters],
        "processors": [entry.model_dump(mode="json") for entry in processors],
    }
    match instruments:
        case None | str() | FilteredMarket():
            if not filters and not processors:
                return name
            content["market"] = name
        case Mapping():
            content["spans"] = {code.upper(): sorted(spans) for code, spans in instruments.items()}
        case _:
            content["codes"] = sorted({code.upper() for code in instruments})
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return f"{name} ({hashlib.sha256(text.encode()).hexdigest()[:12]})"
