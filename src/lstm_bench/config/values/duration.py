"""Durations in a study file or an option."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from lstm_bench.config.wording.value_text import value_with_kind

__all__ = ["Duration", "parse_duration"]

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_UNITS = re.compile("".join(rf"(?:(?P<{unit}>[0-9]+(?:\.[0-9]+)?){unit})?" for unit in _SECONDS))
_EXPECTED = "a time such as 90s, 30m, 2h, 1h30m, or a number of seconds"
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def parse_duration(text: str) -> float:
    """Read a duration, in seconds.

    >>> parse_duration("90"), parse_duration("30m"), parse_duration("1h30m"), parse_duration("1.5h")
    (90.0, 1800.0, 5400.0, 5400.0)

    Raises ValueError if the text is not a duration, or the duration is 0.
    """
    bare = text.strip()
    match = _UNITS.fullmatch(bare)
    if _NUMBER.fullmatch(bare):
        seconds = float(bare)
    elif bare and match:
        seconds = sum(float(match[unit]) * length for unit, length in _SECONDS.items() if match[unit])
    else:
        raise ValueError(f"got {text!r}, expected {_EXPECTED}")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"got {text!r}, expected a time above 0")
    return seconds


def _read(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not (is_number or isinstance(value, str)):
        raise ValueError(f"got {value_with_kind(value)}, expected {_EXPECTED}")
    text = str(value).strip()
    parse_duration(text)
    return text


Duration = Annotated[str, BeforeValidator(_read)]
"""A duration as it was written; :func:`parse_duration` returns its seconds."""
