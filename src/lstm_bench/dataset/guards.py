"""Guards against look-ahead bias: the embargo before a segment, and checks of features, label and fit periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import get_args

import numpy as np

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.config.sections.processor import FittedKwargs
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError
from lstm_bench.data.arrays import Bools
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.handler import HandlerColumns
from lstm_bench.dataset.segments import Segment, span_of
from lstm_bench.features.expression import Expression

__all__ = ["default_embargo", "embargo_days", "embargoed_days", "feature_leak", "label_mistake", "leaks"]


def embargo_days(config: RunConfig) -> int:
    """Trading days before the next segment that train and valid do not learn from.

    The configuration's ``embargo``, by default :func:`default_embargo`.

    Raises ExpressionError if the label is not an expression.
    """
    embargo = config.lstm_bench.embargo
    return default_embargo(config) if embargo is None else embargo


def default_embargo(config: RunConfig) -> int:
    """Trading days of the default embargo.

    As many days as the label looks ahead, so that no label reaches into the next segment; 0 with ``compat: qlib``.

    Raises ExpressionError if the label is not an expression.
    """
    if config.lstm_bench.compat == "qlib":
        return 0
    return HandlerColumns.of(config.resolved().task.dataset.kwargs.handler).parsed_label.ahead


def embargoed_days(
    config: DatasetConfig, segments: Mapping[SegmentName, Segment], provider: Provider, days: int
) -> Bools:
    """Mark the last days of each segment, those at most ``days`` trading days before the next segment's first.

    A label of day t that looks ``days`` ahead depends on the bars of t + ``days``. Of the next segment, only the first
    day is used.

    Returns ``[D]`` over the calendar. Raises ConfigError if a segment has no day left.
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


def feature_leak(expression: Expression) -> str | None:
    """Message about a feature that looks ahead; None if it does not."""
    if not expression.ahead:
        return None
    days = counted(expression.ahead, "day")
    return f"looks {days} ahead, which is a leak: {expression.text}"


def label_mistake(expression: Expression) -> str | None:
    """Message about a label that does not look ahead; None if it does."""
    if expression.ahead:
        return None
    return f"does not look ahead, so that it is known on its day: {expression.text}"


def leaks(config: DatasetConfig, provider: Provider) -> Iterator[tuple[str, str]]:
    """Find features that look ahead, a label that does not, and processors that are fitted outside train.

    Yields
    ------
    field, text
        The column or processor, and what is wrong with it.
    """
    handler = config.kwargs.handler
    columns = HandlerColumns.of(handler)
    for name, expression in {} if columns.lagged else columns.parsed_features.items():
        if text := feature_leak(expression):
            yield f"feature {name}", text
    if text := label_mistake(columns.parsed_label):
        yield f"label {columns.label[0]}", text
    calendar, train = provider.calendar, config.kwargs.segments.train
    begin, end = span_of(calendar, *train)
    reported = set()
    for processor, kwargs in ((entry.name, entry.kwargs) for entry in handler.processors):
        if not isinstance(kwargs, FittedKwargs):
            continue
        fit = span_of(calendar, kwargs.fit_start_time, kwargs.fit_end_time)
        if fit[0] >= fit[1] or (begin <= fit[0] and fit[1] <= end):
            continue
        key = processor, kwargs.fit_start_time, kwargs.fit_end_time
        if key not in reported:
            reported.add(key)
            yield (
                "fit_start_time..fit_end_time",
                f"{processor} is fitted on {kwargs.fit_start_time}..{kwargs.fit_end_time}, which is not within train, "
                f"{train[0]}..{train[1]}",
            )
