"""Segments on a calendar: which days are train, valid and test, and whether they are there at all."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName, SegmentsConfig
from lstm_bench.config.sections.record import PortAnaRecord
from lstm_bench.config.values.day import parse_day
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.provider import Provider

__all__ = ["Segment", "close_segments", "locate_segments", "misfits", "proportional", "span_of", "split_days"]

logger = logging.getLogger("lstm_bench")

Day = TypeVar("Day")

_YEARS = {"train": 7.0, "valid": 2.0, "test": 3.6}
"""How long Qlib's own segments are, on 2008-01-01 to 2020-08-01."""


@dataclass(frozen=True)
class Segment:
    """A span of days.

    Attributes
    ----------
    name : ``train``, ``valid`` or ``test``
    begin, end : calendar positions, end exclusive
    """

    name: SegmentName
    begin: int
    end: int


def locate_segments(
    config: SegmentsConfig, names: Iterable[SegmentName], provider: Provider, span: tuple[int, int]
) -> dict[SegmentName, Segment]:
    """Find the named segments in the calendar.

    Parameters
    ----------
    span
        Calendar positions (end exclusive) of the handler's ``start_time..end_time``; it has no rows outside.

    Returns
    -------
    The segments, clamped to ``span``; that a segment reaches outside the calendar or the span is logged.

    Raises
    ------
    DataError
        Where a segment holds no trading day, or lies wholly outside the calendar or the span.
    """
    found: dict[SegmentName, Segment] = {}
    calendar = provider.calendar
    for name in names:
        start, stop = config.given(name)
        begin, end = provider.locate(start, stop, f"segment {name!r}")
        inside = max(begin, span[0]), min(end, span[1])
        if inside[0] >= inside[1]:
            raise DataError(
                f"segment {name!r}: {start}..{stop} lies wholly outside the handler's start_time..end_time, "
                f"{calendar[span[0]]}..{calendar[span[1] - 1]}"
            )
        if inside != (begin, end):
            logger.warning(
                "segment %r: %s..%s reaches outside the handler's start_time..end_time; clamped to %s..%s",
                name, start, stop, calendar[inside[0]], calendar[inside[1] - 1],
            )  # fmt: skip
        found[name] = Segment(name, *inside)
    return found


def close_segments(config: RunConfig, provider: Provider) -> RunConfig:
    """Put the calendar's first and last day in the place of ends that neither a segment nor the handler has.

    What a run was computed on is then said by its configuration, and so is part of its identity.

    Raises
    ------
    ConfigError
        Where the segments are then not in order.
    """
    segments = config.task.dataset.kwargs.segments
    if not segments.is_open:
        return config
    first, last = (parse_day(provider.calendar[position]) for position in (0, -1))
    try:
        return config.with_segments(segments.closed(first, last))
    except ValueError as error:
        raise ConfigError(f"task.dataset.kwargs.segments: {error}") from error


def span_of(calendar: npt.NDArray[np.datetime64], start: object, end: object) -> tuple[int, int]:
    """Calendar positions (end exclusive) of the days from ``start`` to ``end``; None is the calendar's own end."""
    first = 0 if start is None else int(np.searchsorted(calendar, np.datetime64(str(start), "D"), "left"))
    stop = (
        len(calendar)
        if end is None
        else int(np.searchsorted(calendar, np.datetime64(str(end), "D"), "right"))
    )
    return first, stop


def misfits(config: DatasetConfig, provider: Provider) -> list[str]:
    """Say of each segment that lies less than half inside the calendar how much of it does.

    Weekdays are counted, since only the calendar knows on which of them there was trading.
    """
    calendar = provider.calendar
    found = []
    for name in get_args(SegmentName):
        given = config.kwargs.segments.given(name)
        start, stop = (day or end for day, end in zip(given, calendar[[0, -1]], strict=True))
        first, end = np.datetime64(start, "D"), np.datetime64(stop, "D") + 1
        inside = np.busday_count(max(first, calendar[0]), max(first, min(end, calendar[-1] + 1)))
        share = max(int(inside), 0) / max(int(np.busday_count(first, end)), 1)
        if share < 0.5:
            found.append(
                f"segment {name!r}: only {share:.0%} of {start}..{stop} lies inside the data's calendar, "
                f"{calendar[0]}..{calendar[-1]}"
            )
    return found


def split_days(days: Sequence[Day]) -> dict[SegmentName, list[Day]] | None:
    """Split days into segments, as long in proportion as Qlib's: 7, 2 and 3.6 years.

    Returns
    -------
    dict or None
        Segment -> its first and last day; None where there are too few days for three segments.
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
    """Lay the segments out over the calendar, as long in proportion as Qlib's: 7, 2 and 3.6 years.

    The last day of the calendar is left out, for Qlib's backtest needs one after its own.

    Parameters
    ----------
    config
        As the workflow file says it, not resolved.

    Returns
    -------
    dict
        Overrides of that file, dotted key -> value: the segments, and every other date that it gives, which are the
        handler's first and last day, the fit period (train) and the backtest's days (test).

    Raises
    ------
    DataError
        Where the calendar has too few days for three segments.
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
    """Override the dates that a file gives to the handler and to its processors."""
    where, kwargs = "task.dataset.kwargs.handler.kwargs", config.task.dataset.kwargs.handler.kwargs
    found = _given(kwargs, where, "", all_days) | _given(kwargs, where, "fit_", fit)
    for chain in ("shared_processors", "infer_processors", "learn_processors"):
        for position, entry in enumerate(getattr(kwargs, chain)):
            found |= _given(entry.kwargs, f"{where}.{chain}.{position}.kwargs", "fit_", fit)
    return found


def _backtest_days(config: RunConfig, span: list[str]) -> dict[str, str]:
    """Override the backtest's days, in the file's list of records."""
    found = {}
    for position, record in enumerate(config.task.record):
        if isinstance(record, PortAnaRecord):
            where = f"task.record.{position}.kwargs.config.backtest"
            found = _given(record.kwargs.config.backtest, where, "", span)
    return found


def _given(section: Any, where: str, prefix: str, span: list[str]) -> dict[str, str]:
    """Override a section's first and last day with those of a span, as far as it gives them."""
    dates = dict(zip((f"{prefix}start_time", f"{prefix}end_time"), span, strict=True))
    return {
        f"{where}.{key}": day
        for key, day in dates.items()
        if isinstance(getattr(section, key, None), datetime.date)
    }
