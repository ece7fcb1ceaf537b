"""Segments on a calendar: which days are train, valid and test."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from lstm_bench.config.dataset import SegmentName, SegmentsConfig
from lstm_bench.data.provider import Provider
from lstm_bench.errors import DataError

__all__ = ["Segment", "locate_segments"]

logger = logging.getLogger("lstm_bench")


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
        start, stop = getattr(config, name)
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
