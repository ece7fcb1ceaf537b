"""Segments in proportion to Qlib's, for days other than those of Qlib's benchmark."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, TypeVar

from lstm_bench.config.sections.dataset import SegmentName
from lstm_bench.config.sections.record import PortAnaRecord
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider

__all__ = ["proportional", "split_days"]

Day = TypeVar("Day")

_YEARS = {"train": 7.0, "valid": 2.0, "test": 3.6}
"""Length of Qlib's own segments, on 2008-01-01 to 2020-08-01."""


def split_days(days: Sequence[Day]) -> dict[SegmentName, list[Day]] | None:
    """Split days into segments in proportion to Qlib's: 7, 2 and 3.6 years.

    Returns each segment's first and last day; None if there are too few days for three segments.
    """
    scale = len(days) / sum(_YEARS.values())
    valid = round(_YEARS["train"] * scale)
    test = round((_YEARS["train"] + _YEARS["valid"]) * scale)
    if not 0 < valid < test < len(days):
        return None
    return {
        "train": [days[0], days[valid - 1]],
        "valid": [days[valid], days[test - 1]],
        "test": [days[test], days[-1]],
    }


def proportional(config: RunConfig, provider: Provider) -> dict[str, Any]:
    """Spread the segments over the calendar in proportion to Qlib's: 7, 2 and 3.6 years.

    The last day of the calendar is left out, because Qlib's backtest needs a day after its own.

    ``config``: as in the workflow file, not resolved. Returns overrides of that file, dotted key -> value: the
    segments and every other date in it. These are the handler's first and last day, the fit period (train) and the
    backtest's days (test). Raises DataError if the calendar has too few days for three segments.
    """
    days = [str(day) for day in provider.calendar[:-1]]
    spans = split_days(days)
    if spans is None:
        raise DataError(
            f"calendar: got {counted(len(days) + 1, 'day')}, too few to lay out train, valid and test on"
        )
    return {
        "task.dataset.kwargs.segments": spans,
        **_handler_days(config, [days[0], days[-1]], spans["train"]),
        **_backtest_days(config, spans["test"]),
    }


def _handler_days(config: RunConfig, all_days: list[str], fit: list[str]) -> dict[str, str]:
    """Override the dates of the handler and of its processors."""
    where, kwargs = "task.dataset.kwargs.handler.kwargs", config.task.dataset.kwargs.handler.kwargs
    overrides = _dates(kwargs, where, "", all_days) | _dates(kwargs, where, "fit_", fit)
    for chain in ("shared_processors", "infer_processors", "learn_processors"):
        for position, entry in enumerate(getattr(kwargs, chain)):
            overrides |= _dates(entry.kwargs, f"{where}.{chain}.{position}.kwargs", "fit_", fit)
    return overrides


def _backtest_days(config: RunConfig, span: list[str]) -> dict[str, str]:
    """Override the backtest's days, in the file's list of records."""
    overrides = {}
    for position, record in enumerate(config.task.record):
        if isinstance(record, PortAnaRecord):
            where = f"task.record.{position}.kwargs.config.backtest"
            overrides = _dates(record.kwargs.config.backtest, where, "", span)
    return overrides


def _dates(section: Any, where: str, prefix: str, span: list[str]) -> dict[str, str]:
    """Override a section's first and last day, if it has them, with those of a span."""
    dates = dict(zip((f"{prefix}start_time", f"{prefix}end_time"), span, strict=True))
    return {
        f"{where}.{key}": day
        for key, day in dates.items()
        if isinstance(getattr(section, key, None), datetime.date)
    }
