"""Guards against looking ahead: the embargo before a segment, and warnings of what the embargo does not reach."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import get_args

import numpy as np
import numpy.typing as npt

from lstm_bench.config.dataset import DatasetConfig, SegmentName
from lstm_bench.config.handler import HandlerConfig
from lstm_bench.config.processor import FittedKwargs
from lstm_bench.config.workflow import RunConfig
from lstm_bench.counting import counted
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.handler import HandlerColumns
from lstm_bench.dataset.segments import Segment
from lstm_bench.errors import ConfigError

__all__ = ["default_embargo", "embargo_days", "embargoed", "warn_of_leaks"]

logger = logging.getLogger("lstm_bench")


def embargo_days(config: RunConfig) -> int:
    """Trading days before the next segment that train and valid do not learn from.

    What the configuration says, or else :func:`default_embargo`.

    Raises
    ------
    ExpressionError
        Where the label is no expression.
    """
    given = config.lstm_bench.embargo
    return default_embargo(config) if given is None else given


def default_embargo(config: RunConfig) -> int:
    """Trading days of the embargo where the configuration does not say.

    As many as its label looks ahead, so that no label reaches into the next segment; none under ``compat: qlib``.

    Raises
    ------
    ExpressionError
        Where the label is no expression.
    """
    if config.lstm_bench.compat == "qlib":
        return 0
    return HandlerColumns.of(config.resolved().task.dataset.kwargs.handler).parsed_label.ahead


def embargoed(
    config: DatasetConfig, segments: Mapping[SegmentName, Segment], provider: Provider, days: int
) -> npt.NDArray[np.bool_]:
    """Mark the days of each segment that lie fewer than ``days`` + 1 trading days before the next segment's first.

    A label of day t that looks ``days`` ahead depends on the bars of t + ``days``. Of the next segment only its first
    day is looked at, in the calendar.

    Returns
    -------
    ``[D]`` over the calendar

    Raises
    ------
    ConfigError
        Where a segment is left without a day.
    """
    marked = np.zeros(len(provider.calendar), dtype=np.bool_)
    names: tuple[SegmentName, ...] = get_args(SegmentName)
    for name, following in pairwise(names):
        if name not in segments:
            continue
        segment, start = segments[name], getattr(config.kwargs.segments, following)[0]
        begin = int(np.searchsorted(provider.calendar, np.datetime64(start, "D")))
        first = max(begin - days, segment.begin)
        if first == segment.begin and days:
            raise ConfigError(
                f"lstm_bench.embargo: {counted(days, 'day')} before {following!r} ({start}) leave no day of "
                f"segment {name!r}, "
                f"{provider.calendar[segment.begin]}..{provider.calendar[segment.end - 1]}"
            )
        marked[first : segment.end] = True
    return marked


def warn_of_leaks(config: DatasetConfig, provider: Provider) -> None:
    """Warn of features that look ahead, and of statistics that are fitted outside train."""
    handler = config.kwargs.handler
    columns = HandlerColumns.of(handler)
    for name, expression in {} if columns.lagged else columns.parsed_features.items():
        if expression.ahead:
            logger.warning(
                "feature %r looks %s ahead: %s; what it knows is not known on its day",
                name, counted(expression.ahead, "day"), expression.text,
            )  # fmt: skip
    calendar, train = provider.calendar, config.kwargs.segments.train
    begin, end = _positions(calendar, *train)
    said = set()
    for processor, kwargs in _fitted(handler):
        fit = _positions(calendar, kwargs.fit_start_time, kwargs.fit_end_time)
        if fit[0] >= fit[1] or (begin <= fit[0] and fit[1] <= end):
            continue
        key = processor, kwargs.fit_start_time, kwargs.fit_end_time
        if key not in said:
            said.add(key)
            logger.warning(
                "%s is fitted on %s..%s, which is not within train, %s..%s (fit_start_time, fit_end_time)",
                *key, *train,
            )  # fmt: skip


def _positions(calendar: npt.NDArray[np.datetime64], start: object, end: object) -> tuple[int, int]:
    """Calendar positions of the days from ``start`` to ``end``, end exclusive."""
    first = np.searchsorted(calendar, np.datetime64(str(start), "D"), side="left")
    return int(first), int(np.searchsorted(calendar, np.datetime64(str(end), "D"), side="right"))


def _fitted(handler: HandlerConfig) -> Iterator[tuple[str, FittedKwargs]]:
    """Name the processors that are fitted."""
    for entry in (*handler.shared_processors, *handler.infer_processors, *handler.learn_processors):
        if isinstance(entry.kwargs, FittedKwargs):
            yield entry.name, entry.kwargs
