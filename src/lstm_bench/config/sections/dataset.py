"""The ``task.dataset`` section: a handler, three segments, and the length of a window."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from lstm_bench.config.class_path import GIVEN_BY_CLASS, Named
from lstm_bench.config.lenient import Lenient
from lstm_bench.config.section import Refused
from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.config.values.day import FirstDay, LastDay
from lstm_bench.config.wording.value_text import value_with_kind

__all__ = ["DatasetConfig", "DatasetKwargs", "SegmentName", "SegmentsConfig"]

SegmentName = Literal["train", "valid", "test"]

_TIME_SERIES_STEP_LEN = 30
"""``TSDatasetH``'s own default."""


_OPEN_START, _OPEN_END = datetime.date.min, datetime.date.max
"""Represent the open ends of a segment."""


def _as_span(value: Any) -> Any:
    """Read a segment with the semantics of Python's ``slice``, as Qlib does: ``[first, last]`` or ``[last]``."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= 3:
        raise ValueError(f"got {value_with_kind(value)}, expected a first and a last day, null if it is open")
    if len(value) == 3 and value[2] not in (None, 1):
        raise ValueError(
            f"got {value_with_kind(value)}; a segment cannot skip days, expected a first and a last day"
        )
    start, end = (None, value[0]) if len(value) == 1 else value[:2]
    return _OPEN_START if start is None else start, _OPEN_END if end is None else end


Span = Annotated[tuple[FirstDay, LastDay], BeforeValidator(_as_span)]


class SegmentsConfig(Lenient):
    """First and last day of each segment, both inclusive. Segments are in order and do not overlap.

    A null end is open: the handler's end is used, or that of the data if the handler has none.
    """

    train: Span = Field(description="days to train on")
    valid: Span = Field(description="days that early stopping and tuning use")
    test: Span = Field(description="days that are evaluated, and used by nothing before")

    @model_validator(mode="after")
    def _in_order(self) -> SegmentsConfig:
        self._check_order()
        return self

    @field_serializer("train", "valid", "test", mode="wrap")
    def _open_as_null(self, span: Span, serialize: SerializerFunctionWrapHandler) -> Any:
        days = serialize(span)
        return type(days)(
            None if day in (_OPEN_START, _OPEN_END) else text for day, text in zip(span, days, strict=True)
        )

    def _check_order(self) -> None:
        previous: str | None = None
        for name in get_args(SegmentName):
            start, end = getattr(self, name)
            if start > end:
                raise ValueError(f"segment {name!r} starts on {start}, after its end {end}")
            if previous is not None:
                first, last = getattr(self, previous)
                if start <= last:
                    raise ValueError(
                        f"segment {name!r} ({_span_text(start, end)}) must begin after the end of "
                        f"{previous!r} ({_span_text(first, last)})"
                    )
            previous = name

    @property
    def is_open(self) -> bool:
        """Whether a segment has an open end."""
        days = {day for name in get_args(SegmentName) for day in getattr(self, name)}
        return not days.isdisjoint((_OPEN_START, _OPEN_END))

    def closed(self, first: datetime.date | None, last: datetime.date | None) -> SegmentsConfig:
        """Return the segments with days in place of open ends; None leaves an end open.

        Raises ValueError if the segments are not in order then.
        """
        ends = {_OPEN_START: first or _OPEN_START, _OPEN_END: last or _OPEN_END}
        spans = {
            name: tuple(ends.get(day, day) for day in getattr(self, name)) for name in get_args(SegmentName)
        }
        found = self.model_copy(update=spans)
        found._check_order()
        return found

    def given(self, name: SegmentName) -> tuple[datetime.date | None, datetime.date | None]:
        """Return a segment's first and last day, None for an open end."""
        start, end = getattr(self, name)
        return None if start == _OPEN_START else start, None if end == _OPEN_END else end


def _span_text(start: datetime.date, end: datetime.date) -> str:
    """Write a span in a message."""
    return f"{'open' if start == _OPEN_START else start}..{'open' if end == _OPEN_END else end}"


class DatasetKwargs(Lenient):
    """Keyword arguments of Qlib's dataset classes."""

    handler: HandlerConfig = Field(description="columns, rows and processors")
    segments: SegmentsConfig = Field(description="days of train, valid and test")
    step_len: int | None = Field(
        None,
        ge=1,
        description="days in a window; by default 30 for TSDatasetH, and all days of a row for DatasetH",
    )
    flt_col: Refused = None
    fetch_kwargs: Refused = None
    handler_kwargs: Refused = None

    @field_validator("segments")
    @classmethod
    def _close_at_handler(cls, segments: SegmentsConfig, info: ValidationInfo) -> SegmentsConfig:
        handler = info.data.get("handler")
        if handler is None:
            return segments
        return segments.closed(handler.kwargs.start_time, handler.kwargs.end_time)


class DatasetConfig(Named):
    """``task.dataset``: ``TSDatasetH`` makes windows of rows, ``DatasetH`` takes each row as it is."""

    name: Literal["DatasetH", "TSDatasetH"] = Field(alias="class")
    module_path: Annotated[Literal["qlib.data.dataset"], GIVEN_BY_CLASS] = "qlib.data.dataset"
    kwargs: DatasetKwargs = Field(description="data and segments")

    @property
    def is_time_series(self) -> bool:
        """Whether a sample is a window of rows (``TSDatasetH``)."""
        return self.name == "TSDatasetH"

    @property
    def step_len(self) -> int | None:
        """Days in a window; None for all days of a row of ``DatasetH``."""
        step_len = self.kwargs.step_len
        return _TIME_SERIES_STEP_LEN if step_len is None and self.is_time_series else step_len

    def row_days(self, d_feat: int) -> int | None:
        """Days that a row holds, of ``d_feat`` features each; None if processors choose columns."""
        handler = self.kwargs.handler
        if any(entry.name in ("FilterCol", "DropCol") for entry in handler.processors):
            return None
        columns = len(handler.features)
        return columns // d_feat if columns % d_feat == 0 else None

    def resolved(self) -> DatasetConfig:
        """Fill in the handler's label and fit dates, and the days in a window."""
        filled: dict[str, Any] = {"handler": self.kwargs.handler.resolved()}
        if self.step_len is not None:
            filled["step_len"] = self.step_len
        return self.model_copy(update={"kwargs": self.kwargs.model_copy(update=filled)})
