"""Formats values for messages: short, in YAML syntax, with the name of their kind."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["kind", "value_text", "value_with_kind"]

_KINDS: tuple[tuple[Any, str], ...] = (
    (type(None), "null"),
    (bool, "true or false"),
    (int | float, "a number"),
    (str, "a text"),
    (datetime.date, "a date"),
    (Mapping, "a mapping"),
    (list | tuple, "a list"),
    (object, "an object of Python"),
)
_LONGEST = 60
"""Characters of a value that a message shows."""


def value_text(value: Any) -> str:
    """Write a value as in a YAML file, cut off if it is long.

    >>> value_text(None), value_text(True), value_text("csi300"), value_text(float("nan")), value_text([1, None])
    ('null', 'true', "'csi300'", '.nan', '[1, null]')
    """
    text = _written(value, 3)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def kind(value: Any) -> str:
    """Name the kind of a YAML value.

    >>> kind(3), kind("3"), kind(None), kind({})
    ('a number', 'a text', 'null', 'a mapping')
    """
    return next(name for types, name in _KINDS if isinstance(value, types))


def value_with_kind(value: Any, expected: str = "") -> str:
    """Show a value, with its kind if that is not evident and not in ``expected``.

    >>> value_with_kind(600004, "a code in quotes"), value_with_kind(600004, "a number from 0 on"), value_with_kind("x")
    ('600004 (a number)', '600004', "'x'")
    """
    what = kind(value)
    evident = value is None or isinstance(value, bool | str)
    return (
        value_text(value)
        if evident or what.removeprefix("a ") in expected
        else f"{value_text(value)} ({what})"
    )


def _written(value: Any, depth: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(str(value[: 2 * _LONGEST]))
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, int):
        return (
            f"about 10^{value.bit_length() * 0.30103:.0f}" if abs(value) >= 10**_LONGEST else str(int(value))
        )
    if isinstance(value, datetime.date):
        return str(value)
    if isinstance(value, Mapping):
        entries = (f"{_key(key)}: {_written(entry, depth - 1)}" for key, entry in _some(value.items()))
        return f"{{{', '.join(entries)}}}" if depth > 0 else "{...}"
    if isinstance(value, list | tuple):
        return (
            f"[{', '.join(_written(entry, depth - 1) for entry in _some(value))}]" if depth > 0 else "[...]"
        )
    plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    return repr(value) if plain is value else _written(plain, depth)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else _written(key, 0)


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    return repr(value) if math.isfinite(value) else ".inf" if value > 0 else "-.inf"


def _some(entries: Any) -> list[Any]:
    """Return as many entries as can be shown."""
    return list(entries)[:_LONGEST]
