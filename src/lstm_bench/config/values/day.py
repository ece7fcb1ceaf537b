"""Days in a workflow file."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.wording.value_text import value_text

__all__ = ["ONLY_DAILY", "Daily", "Day", "FirstDay", "LastDay", "parse_day"]

ONLY_DAILY = NotIdentity("only daily data can be read")

_MIDNIGHT = datetime.time()
_SEPARATED = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T](.+))?")


def parse_day(value: Any) -> datetime.date:
    """Read a date, a timestamp at midnight, or a text such as ``2008-01-31``, ``20080131`` or ``2008/1/31``.

    Raises ValueError if it is not one of these.
    """
    moment = _moment(value)
    if moment.time() != _MIDNIGHT:
        raise ValueError(f"got {value_text(value)}, expected a day such as 2008-01-31")
    return moment.date()


def _first_day(value: Any) -> datetime.date:
    """Read the start of a span. Daily bars are at midnight, so a later time excludes its day."""
    moment = _moment(value)
    return moment.date() + datetime.timedelta(days=moment.time() != _MIDNIGHT)


def _last_day(value: Any) -> datetime.date:
    """Read the end of a span, whatever the time of day."""
    return _moment(value).date()


def _moment(value: Any) -> datetime.datetime:
    if isinstance(value, int):
        raise ValueError(  # noqa: TRY004 - pydantic's protocol
            f"got the number {value_text(value)}, which Qlib reads as nanoseconds after 1970; "
            "write a day such as 2008-01-31"
        )
    text = str(value).strip()  # a date prints as ISO 8601 too
    if match := _SEPARATED.fullmatch(text):
        year, month, day, time = match.groups()
        text = f"{year}-{month:0>2}-{day:0>2}" + (f" {time}" if time else "")
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise ValueError(f"got {value_text(value)}, expected a day such as 2008-01-31")
    return moment


Day = Annotated[datetime.date, BeforeValidator(parse_day)]
"""A calendar day, in any form that Qlib accepts."""

FirstDay = Annotated[datetime.date, BeforeValidator(_first_day)]
"""The first day of a span; a time of day after midnight means the next day."""

LastDay = Annotated[datetime.date, BeforeValidator(_last_day)]
"""The last day of a span; the time of day does not matter."""


def _only_daily(value: Any) -> Any:
    if not isinstance(value, str) or value.lower() != "day":
        raise ValueError("only daily bars can be read; expected 'day'")
    return "day"


Daily = Annotated[Literal["day"], BeforeValidator(_only_daily), ONLY_DAILY]
"""A ``freq`` of Qlib's; only daily bars are supported."""
