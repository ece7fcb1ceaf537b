"""A trading day as it is written in a workflow file."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from lstm_bench.config.shown import shown

__all__ = ["Daily", "Day", "parse_day"]


def parse_day(value: Any) -> datetime.date:
    """Read a date, a timestamp at midnight, or a text such as ``2008-01-01`` or ``20080101``.

    Raises
    ------
    ValueError
        Where it is none of these.
    """
    try:
        # a date prints as ISO 8601 too, and YAML reads 20080101 as a number
        moment = datetime.datetime.fromisoformat(str(value).strip())
    except ValueError:
        moment = None
    if moment is None or moment.time() != datetime.time():
        raise ValueError(f"got {shown(value)}, expected a day such as 2008-01-31")
    return moment.date()


Day = Annotated[datetime.date, BeforeValidator(parse_day)]
"""A calendar day; Qlib's ways of writing one are accepted."""


def _only_daily(value: Any) -> Any:
    if value != "day":
        raise ValueError("only daily bars can be read; expected 'day'")
    return value


Daily = Annotated[Literal["day"], BeforeValidator(_only_daily)]
"""A ``freq`` of Qlib's: other bars than daily ones are refused."""
