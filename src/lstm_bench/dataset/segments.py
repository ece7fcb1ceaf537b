"""Segments on a calendar: the trading days of train, valid and test."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar, get_args

import numpy as np

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName, SegmentsConfig
from lstm_bench.config.values.day import parse_day
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.arrays import Days
from lstm_bench.data.provider import Provider

__all__ = ["Segment", "close_segments", "locate_segments", "misfits", "span_of"]

logger = logging.getLogger("lstm_bench")

_Run = TypeVar("_Run", bound=RunConfig)


@dataclass(frozen=True)
class Segment:
    """A span of days."""

    name: SegmentName  # ``train``, ``valid`` or ``test``
    begin: int  # calendar positions, end exclusive
    end: int  # calendar positions, end exclusive


def locate_segments(
    config: SegmentsConfig, names: Iterable[SegmentName], provider: Provider, span: tuple[int, int]
) -> dict[SegmentName, Segment]:
    """Find the named segments in the calendar.

    ``span``: calendar positions (end exclusive) of the handler's ``start_time..end_time``; there are no rows outside.
    Returns the segments, clamped to ``span``. A warning is logged if a segment reaches outside the calendar or the
    span. Raises DataError if a segment has no trading day, or is wholly outside the calendar or the span.
    """
    located: dict[SegmentName, Segment] = {}
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
        located[name] = Segment(name, *inside)
    return located


def close_segments(config: _Run, provider: Provider) -> _Run:
    """Replace segment ends that neither the segment nor the handler sets by the calendar's first and last day.

    The configuration then has all days that a run uses, and they are part of the run's identity.

    Raises ConfigError if the segments are then not in order.
    """
    segments = config.task.dataset.kwargs.segments
    if not segments.is_open:
        return config
    first, last = (parse_day(provider.calendar[position]) for position in (0, -1))
    try:
        return config.with_segments(segments.closed(first, last))
    except ValueError as error:
        raise ConfigError(f"task.dataset.kwargs.segments: {error}") from error


def span_of(calendar: Days, start: object, end: object) -> tuple[int, int]:
    """Calendar positions (end exclusive) of the days from ``start`` to ``end``; None is an end of the calendar."""
    first = 0 if start is None else int(np.searchsorted(calendar, np.datetime64(str(start), "D"), "left"))
    if end is None:
        return first, len(calendar)
    return first, int(np.searchsorted(calendar, np.datetime64(str(end), "D"), "right"))


def misfits(config: DatasetConfig, provider: Provider) -> list[str]:
    """Describe each segment of which less than half is inside the calendar.

    Weekdays are counted, because trading days outside the calendar are unknown.
    """
    calendar = provider.calendar
    messages = []
    for name in get_args(SegmentName):
        configured = config.kwargs.segments.given(name)
        start, stop = (day or end for day, end in zip(configured, calendar[[0, -1]], strict=True))
        first, end = np.datetime64(start, "D"), np.datetime64(stop, "D") + 1
        inside = np.busday_count(max(first, calendar[0]), max(first, min(end, calendar[-1] + 1)))
        share = max(int(inside), 0) / max(int(np.busday_count(first, end)), 1)
        if share < 0.5:
            messages.append(
                f"segment {name!r}: only {share:.0%} of {start}..{stop} lies inside the data's calendar, "
                f"{calendar[0]}..{calendar[-1]}"
            )
    return messages
