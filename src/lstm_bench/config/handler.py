"""Data handlers in a workflow file: which columns, on which rows, processed how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    Field,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from lstm_bench.config.day import Day
from lstm_bench.config.processor import FittedKwargs, ProcessorConfig
from lstm_bench.config.section import Refused, Section
from lstm_bench.errors import choices_hint

__all__ = [
    "DEFAULT_LABEL",
    "HANDLERS",
    "Alpha158Kwargs",
    "Alpha360Kwargs",
    "AlphaKwargs",
    "DataLoaderConfig",
    "FieldsInfo",
    "HandlerConfig",
    "HandlerKwargs",
    "LoaderHandlerKwargs",
]


class FieldsInfo(Section):
    """Expressions and the names of their columns.

    In a file: ``[expression, ...]``, which names each column by its expression, or
    ``[[expression, ...], [name, ...]]``.
    """

    expressions: tuple[str, ...] = Field(min_length=1)
    names: tuple[str, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_lists(cls, data: Any) -> Any:
        if not isinstance(data, list | tuple):
            return data
        if data and all(isinstance(entry, str) for entry in data):
            return {"expressions": data, "names": data}
        if len(data) == 2 and all(isinstance(entry, list | tuple) for entry in data):
            return {"expressions": data[0], "names": data[1]}
        raise ValueError(f"got {data!r}, expected [expression, ...] or [[expression, ...], [name, ...]]")

    @model_serializer
    def _as_lists(self) -> list[Any]:
        if self.names == self.expressions:
            return list(self.expressions)
        return [list(self.expressions), list(self.names)]

    @model_validator(mode="after")
    def _one_name_each(self) -> FieldsInfo:
        if len(self.expressions) != len(self.names):
            raise ValueError(f"{len(self.expressions)} expressions have {len(self.names)} names")
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise ValueError(f"columns are named twice: {', '.join(twice)}")
        return self


def _one_label(fields: FieldsInfo) -> FieldsInfo:
    if len(fields.names) != 1:
        raise ValueError(f"got {len(fields.names)} labels ({', '.join(fields.names)}), expected one")
    return fields


class FieldsByGroup(Section):
    """``{feature: ..., label: ...}`` of a ``QlibDataLoader``."""

    feature: FieldsInfo
    label: FieldsInfo

    _check_label = field_validator("label")(_one_label)


class DataLoaderKwargs(Section):
    """Keyword arguments of ``QlibDataLoader``."""

    config: FieldsByGroup
    filter_pipe: Refused = None
    swap_level: Literal[True] = True
    freq: Literal["day"] = "day"
    inst_processors: Refused = None


class DataLoaderConfig(Section):
    """Users' own columns: expressions by group."""

    name: Literal["QlibDataLoader"] = Field(alias="class")
    module_path: Literal["qlib.data.dataset.loader"] = "qlib.data.dataset.loader"
    kwargs: DataLoaderKwargs


def _processors(*entries: str | dict[str, Any]) -> tuple[ProcessorConfig, ...]:
    return tuple(ProcessorConfig.model_validate(entry) for entry in entries)


class HandlerKwargs(Section):
    """What every handler takes."""

    instruments: str | tuple[str, ...] | None = None
    start_time: Day | None = None
    end_time: Day | None = None
    infer_processors: tuple[ProcessorConfig, ...] = ()
    learn_processors: tuple[ProcessorConfig, ...] = ()
    shared_processors: tuple[ProcessorConfig, ...] = ()
    process_type: Literal["append", "independent"] = "append"
    drop_raw: bool = Field(False, description="Qlib's way to save memory; without effect here")

    @field_validator("infer_processors", "shared_processors")
    @classmethod
    def _usable_for_infer(cls, entries: tuple[ProcessorConfig, ...], info: ValidationInfo) -> Any:
        for entry in entries:
            if not entry.is_for_infer:
                raise ValueError(f"{entry.name} needs the label, so {info.field_name} cannot have it")
        return entries

    @model_validator(mode="after")
    def _dates_in_order(self) -> HandlerKwargs:
        if self.start_time and self.end_time and self.start_time > self.end_time:
            raise ValueError(f"start_time {self.start_time} is after end_time {self.end_time}")
        return self


class AlphaKwargs(HandlerKwargs):
    """What the Alpha handlers take."""

    instruments: str | tuple[str, ...] | None = "csi500"
    freq: Literal["day"] = "day"
    learn_processors: tuple[ProcessorConfig, ...] = _processors(
        "DropnaLabel", {"class": "CSZScoreNorm", "kwargs": {"fields_group": "label"}}
    )
    fit_start_time: Day | None = None
    fit_end_time: Day | None = None
    filter_pipe: Refused = None
    inst_processors: Refused = None
    label: FieldsInfo | None = Field(None, description="the handler's own where a file gives none")

    @field_validator("label")
    @classmethod
    def _check_label(cls, label: FieldsInfo | None) -> FieldsInfo | None:
        return label if label is None else _one_label(label)


class Alpha158Kwargs(AlphaKwargs):
    """What ``Alpha158`` takes: it has no infer processors of its own."""


class Alpha360Kwargs(AlphaKwargs):
    """What ``Alpha360`` takes: its own infer processors name no group, so they z-score the label too."""

    infer_processors: tuple[ProcessorConfig, ...] = _processors("ProcessInf", "ZScoreNorm", "Fillna")


class LoaderHandlerKwargs(HandlerKwargs):
    """What ``DataHandlerLP`` takes: the columns come from its loader."""

    data_loader: DataLoaderConfig


HANDLERS: Mapping[str, tuple[str, type[HandlerKwargs]]] = {
    "Alpha158": ("qlib.contrib.data.handler", Alpha158Kwargs),
    "Alpha158vwap": ("qlib.contrib.data.handler", Alpha158Kwargs),
    "Alpha360": ("qlib.contrib.data.handler", Alpha360Kwargs),
    "Alpha360vwap": ("qlib.contrib.data.handler", Alpha360Kwargs),
    "DataHandlerLP": ("qlib.data.dataset.handler", LoaderHandlerKwargs),
}
"""Class name -> its module in Qlib and the model of its keyword arguments."""


DEFAULT_LABEL: Mapping[str, str] = {"LABEL0": "Ref($close, -2)/Ref($close, -1) - 1"}
"""The Alpha handlers' own label, name -> expression; those on VWAP have ``$vwap`` in place of ``$close``."""


class HandlerConfig(Section):
    """``task.dataset.kwargs.handler``."""

    name: str = Field(alias="class")
    module_path: str
    kwargs: SerializeAsAny[HandlerKwargs] = Field(default_factory=dict, validate_default=True)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in HANDLERS:
            raise ValueError(f"unknown handler {name!r}; {choices_hint(name, HANDLERS)}")
        return name

    @field_validator("module_path")
    @classmethod
    def _module_of_class(cls, module_path: str, info: ValidationInfo) -> str:
        name = info.data.get("name")
        if name is not None and module_path != HANDLERS[name][0]:
            raise ValueError(f"got {module_path!r}; {name} is in {HANDLERS[name][0]!r}")
        return module_path

    @field_validator("kwargs", mode="before")
    @classmethod
    def _exact_kwargs(cls, kwargs: Any, info: ValidationInfo) -> Any:
        """Read the keyword arguments with the class's own model."""
        name = info.data.get("name")
        if name is None:  # an unknown class, which was said already
            return HandlerKwargs.model_validate({})
        return HANDLERS[name][1].model_validate({} if kwargs is None else kwargs)

    @model_validator(mode="after")
    def _fit_dates(self) -> HandlerConfig:
        for entry in (*self.shared_processors, *self.infer_processors, *self.learn_processors):
            if not isinstance(entry.kwargs, FittedKwargs):
                continue
            start, end = entry.kwargs.fit_start_time, entry.kwargs.fit_end_time
            if start is None or end is None:
                raise ValueError(
                    f"{entry.name} needs fit_start_time and fit_end_time, the days to be fitted on"
                )
            if start > end:
                raise ValueError(f"fit_start_time {start} is after fit_end_time {end}")
        return self

    @property
    def shared_processors(self) -> tuple[ProcessorConfig, ...]:
        """Processors of both data keys, which run first; their fit dates are their own."""
        return self.kwargs.shared_processors

    @property
    def infer_processors(self) -> tuple[ProcessorConfig, ...]:
        """Processors of the infer data, with the handler's fit dates."""
        return tuple(self._with_fit_dates(entry) for entry in self.kwargs.infer_processors)

    @property
    def learn_processors(self) -> tuple[ProcessorConfig, ...]:
        """Processors of the learn data, with the handler's fit dates."""
        return tuple(self._with_fit_dates(entry) for entry in self.kwargs.learn_processors)

    @property
    def label(self) -> FieldsInfo:
        """The label's expression and name: the file's, or the handler's own."""
        if isinstance(self.kwargs, LoaderHandlerKwargs):
            return self.kwargs.data_loader.kwargs.config.label
        if isinstance(self.kwargs, AlphaKwargs) and self.kwargs.label is not None:
            return self.kwargs.label
        price = "$vwap" if self.name.endswith("vwap") else "$close"
        expressions = [text.replace("$close", price) for text in DEFAULT_LABEL.values()]
        return FieldsInfo.model_validate([expressions, list(DEFAULT_LABEL)])

    def resolved(self) -> HandlerConfig:
        """Say what a file may leave open: the label, and each processor's fit dates."""
        filled: dict[str, Any] = {
            "infer_processors": self.infer_processors,
            "learn_processors": self.learn_processors,
        }
        if isinstance(self.kwargs, AlphaKwargs):
            filled["label"] = self.label
        return self.model_copy(update={"kwargs": self.kwargs.model_copy(update=filled)})

    def _with_fit_dates(self, entry: ProcessorConfig) -> ProcessorConfig:
        """Apply the Alpha handlers' rule: their own fit dates replace those of a processor's entry."""
        if not (isinstance(self.kwargs, AlphaKwargs) and isinstance(entry.kwargs, FittedKwargs)):
            return entry
        dates = {"fit_start_time": self.kwargs.fit_start_time, "fit_end_time": self.kwargs.fit_end_time}
        return entry.model_copy(update={"kwargs": entry.kwargs.model_copy(update=dates)})
