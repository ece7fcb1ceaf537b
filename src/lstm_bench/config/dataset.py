"""The ``task.dataset`` section: a handler, three segments, and the length of a window."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from lstm_bench.config.day import Day
from lstm_bench.config.handler import HandlerConfig
from lstm_bench.config.section import Refused, Section

__all__ = ["DatasetConfig", "DatasetKwargs", "SegmentName", "SegmentsConfig"]

SegmentName = Literal["train", "valid", "test"]

_TIME_SERIES_STEP_LEN = 30
"""``TSDatasetH``'s own default."""


class SegmentsConfig(Section):
    """First and last day of each segment, both inclusive. Segments come in order and do not overlap."""

    train: tuple[Day, Day] = Field(description="learned from")
    valid: tuple[Day, Day] = Field(description="what early stopping and tuning watch")
    test: tuple[Day, Day] = Field(description="evaluated, and seen by nothing before")

    @model_validator(mode="after")
    def _in_order(self) -> SegmentsConfig:
        previous: str | None = None
        for name in get_args(SegmentName):
            start, end = getattr(self, name)
            if start > end:
                raise ValueError(f"segment {name!r} starts on {start}, after its end {end}")
            if previous is not None:
                first, last = getattr(self, previous)
                if start <= last:
                    raise ValueError(
                        f"segment {name!r} ({start}..{end}) must begin after the end of "
                        f"{previous!r} ({first}..{last})"
                    )
            previous = name
        return self


class DatasetKwargs(Section):
    """Keyword arguments of Qlib's dataset classes."""

    handler: HandlerConfig = Field(description="columns, rows and processors")
    segments: SegmentsConfig = Field(description="days of train, valid and test")
    step_len: int | None = Field(
        None, ge=1, description="days in a window; by default 30 for TSDatasetH, all of a row's for DatasetH"
    )
    flt_col: Refused = None
    fetch_kwargs: Refused = None


class DatasetConfig(Section):
    """``task.dataset``: ``TSDatasetH`` makes windows of rows, ``DatasetH`` takes each row as it is."""

    name: Literal["DatasetH", "TSDatasetH"] = Field(alias="class")
    module_path: Literal["qlib.data.dataset"] = "qlib.data.dataset"
    kwargs: DatasetKwargs = Field(description="data and segments")

    @property
    def is_time_series(self) -> bool:
        """Whether a sample is a window of rows (``TSDatasetH``)."""
        return self.name == "TSDatasetH"

    @property
    def step_len(self) -> int | None:
        """Days in a window; None for all that a row of ``DatasetH`` has."""
        given = self.kwargs.step_len
        return _TIME_SERIES_STEP_LEN if given is None and self.is_time_series else given

    def row_days(self, d_feat: int) -> int | None:
        """Days that a row holds, of ``d_feat`` features each; None where processors choose columns."""
        handler = self.kwargs.handler
        processors = (*handler.shared_processors, *handler.infer_processors, *handler.learn_processors)
        if any(entry.name in ("FilterCol", "DropCol") for entry in processors):
            return None
        columns = len(handler.features)
        return columns // d_feat if columns % d_feat == 0 else None

    def resolved(self) -> DatasetConfig:
        """Say what a file may leave open: the handler's label and fit dates, the days in a window."""
        filled: dict[str, Any] = {"handler": self.kwargs.handler.resolved()}
        if self.step_len is not None:
            filled["step_len"] = self.step_len
        return self.model_copy(update={"kwargs": self.kwargs.model_copy(update=filled)})
