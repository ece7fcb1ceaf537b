"""Data handlers in a workflow file: which columns, on which rows, processed how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator, model_validator

from lstm_bench.config.alpha158 import alpha158
from lstm_bench.config.alpha360 import alpha360
from lstm_bench.config.class_path import GIVEN_BY_CLASS, Named
from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.section import Section
from lstm_bench.config.sections.loader import DataLoaderConfig, DataLoaderKwargs, FieldsByGroup, FieldsInfo
from lstm_bench.config.sections.processor import FittedKwargs, ProcessorConfig
from lstm_bench.config.sections.universe import (
    FilteredMarket,
    FilterPipe,
    InstrumentProcessors,
    Instruments,
    OptionalFilterPipe,
    TimeRangeConfig,
    universe_text,
)
from lstm_bench.config.values.day import Daily, FirstDay, LastDay
from lstm_bench.core.errors import ConfigError, choices_hint

__all__ = [
    "DEFAULT_LABEL", "HANDLERS", "Alpha158Kwargs", "Alpha360Kwargs", "AlphaKwargs", "HandlerConfig",
    "HandlerKwargs", "LoaderHandlerKwargs",
]  # fmt: skip


_NARROWING = ("filter_pipe", "inst_processors")
"""Arguments that narrow the universe; an Alpha handler passes them to its loader."""


def _processors(*entries: str | dict[str, Any]) -> tuple[ProcessorConfig, ...]:
    return tuple(ProcessorConfig.model_validate(entry) for entry in entries)


class HandlerKwargs(Section):
    """Arguments of every handler."""

    instruments: Instruments | None = Field(
        None, description="a market, such as csi300, or a list of codes; all if null"
    )
    start_time: FirstDay | None = Field(None, description="first day of the rows; the calendar's if null")
    end_time: LastDay | None = Field(None, description="last day of the rows; the calendar's if null")
    infer_processors: tuple[ProcessorConfig, ...] = Field(
        (), description="process the data that a model predicts from"
    )
    learn_processors: tuple[ProcessorConfig, ...] = Field(
        (), description="process the data that a model learns from"
    )
    shared_processors: tuple[ProcessorConfig, ...] = Field((), description="run before the others")
    process_type: Literal["append", "independent"] = Field(
        "append", description="whether learn processors run after the infer processors, or instead of them"
    )
    drop_raw: Annotated[bool, NotIdentity("Qlib's way to save memory")] = Field(
        False, description="ignored: Qlib's way to save memory"
    )
    fetch_orig: Annotated[bool | None, NotIdentity("Qlib's way to save memory")] = Field(
        None, description="ignored: Qlib's way to save memory"
    )
    init_data: Annotated[Literal[True] | None, NotIdentity("a run always needs the data")] = Field(
        None, description="ignored: a run always needs the data"
    )

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


IN_PROCESSORS = NotIdentity("each fitted processor has them")


class AlphaKwargs(HandlerKwargs):
    """Arguments of the Alpha handlers."""

    instruments: Instruments | None = Field("csi500", description="a market, or a list of codes")
    freq: Daily = Field("day", description="only daily bars")
    learn_processors: tuple[ProcessorConfig, ...] = Field(
        _processors("DropnaLabel", {"class": "CSZScoreNorm", "kwargs": {"fields_group": "label"}}),
        description="process the data that a model learns from",
    )
    fit_start_time: Annotated[FirstDay | None, IN_PROCESSORS] = Field(
        None, description="first day that processors are fitted on"
    )
    fit_end_time: Annotated[LastDay | None, IN_PROCESSORS] = Field(
        None, description="last day that processors are fitted on"
    )
    filter_pipe: OptionalFilterPipe = Field(None, description="filters of a market's members")
    inst_processors: InstrumentProcessors = Field(
        None, description="processors that drop whole instruments: TimeRangeFlt"
    )
    label: FieldsInfo | None = Field(None, description="label; the handler's default if null")


class Alpha158Kwargs(AlphaKwargs):
    """Arguments of ``Alpha158``, which has no infer processors by default."""


class Alpha360Kwargs(AlphaKwargs):
    """Arguments of ``Alpha360``. Its default infer processors name no group, so they z-score the label too."""

    infer_processors: tuple[ProcessorConfig, ...] = Field(
        _processors("ProcessInf", "ZScoreNorm", "Fillna"),
        description="process the data that a model predicts from",
    )


class LoaderHandlerKwargs(HandlerKwargs):
    """Arguments of ``DataHandlerLP``. Columns come from its loader, or from ``lstm_bench.features``."""

    data_loader: DataLoaderConfig | None = Field(None, description="defines the columns")


HANDLERS: Mapping[str, tuple[str, type[HandlerKwargs]]] = {
    "Alpha158": ("qlib.contrib.data.handler", Alpha158Kwargs),
    "Alpha158vwap": ("qlib.contrib.data.handler", Alpha158Kwargs),
    "Alpha360": ("qlib.contrib.data.handler", Alpha360Kwargs),
    "Alpha360vwap": ("qlib.contrib.data.handler", Alpha360Kwargs),
    "DataHandlerLP": ("qlib.data.dataset.handler", LoaderHandlerKwargs),
}
"""Class name -> its module in Qlib and the model of its keyword arguments."""


DEFAULT_LABEL: Mapping[str, str] = {"LABEL0": "Ref($close, -2)/Ref($close, -1) - 1"}
"""The Alpha handlers' default label, name -> expression; those on VWAP have ``$vwap`` in place of ``$close``."""


class HandlerConfig(Named):
    """``task.dataset.kwargs.handler``."""

    name: str = Field(alias="class")
    module_path: Annotated[str, GIVEN_BY_CLASS]
    kwargs: SerializeAsAny[HandlerKwargs] = Field(
        default_factory=dict, validate_default=True, description="by class, see below"
    )

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
        if name is None:  # an unknown class, which is reported already
            return HandlerKwargs.model_validate({})
        return HANDLERS[name][1].model_validate({} if kwargs is None else kwargs)

    @model_validator(mode="after")
    def _fit_dates(self) -> HandlerConfig:
        for entry in self.processors:
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
        """Processors that run before the others, with their own fit dates."""
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
    def processors(self) -> tuple[ProcessorConfig, ...]:
        """All processors: shared, infer, learn."""
        return (*self.shared_processors, *self.infer_processors, *self.learn_processors)

    @property
    def filters(self) -> FilterPipe:
        """Filters of the universe: the market's, or else those of the handler or its loader. Codes are not filtered."""
        instruments = self.kwargs.instruments
        if isinstance(instruments, FilteredMarket):
            return instruments.filter_pipe or ()
        source = self._source
        if source is None or not (instruments is None or isinstance(instruments, str)):
            return ()
        return source.filter_pipe or ()

    @property
    def instrument_processors(self) -> tuple[TimeRangeConfig, ...]:
        """Processors that drop whole instruments."""
        return () if self._source is None else self._source.inst_processors or ()

    @property
    def universe(self) -> str:
        """The name of its universe, which no other universe has."""
        return universe_text(self.kwargs.instruments, self.filters, self.instrument_processors)

    @property
    def _source(self) -> AlphaKwargs | DataLoaderKwargs | None:
        """The arguments that hold filters: an Alpha handler's, or its loader's."""
        if isinstance(self.kwargs, LoaderHandlerKwargs):
            return None if self.kwargs.data_loader is None else self.kwargs.data_loader.kwargs
        return self.kwargs if isinstance(self.kwargs, AlphaKwargs) else None

    @property
    def price(self) -> str:
        """The field whose return is the handler's default label."""
        return "$vwap" if self.name.endswith("vwap") else "$close"

    @property
    def features(self) -> dict[str, str]:
        """Column -> expression, in order."""
        if isinstance(self.kwargs, LoaderHandlerKwargs):
            return self._loader(self.kwargs).features
        return alpha360() if self.name.startswith("Alpha360") else alpha158()

    @property
    def is_alpha360(self) -> bool:
        """Whether the features are those of Alpha360, which are lagged fields."""
        if isinstance(self.kwargs, LoaderHandlerKwargs):
            loader = self._loader(self.kwargs)
            return loader.name == "Alpha360DL" and loader.kwargs.config.feature is None
        return self.name.startswith("Alpha360")

    @property
    def label(self) -> FieldsInfo:
        """The labels with their expressions: the file's, or the handler's default."""
        if isinstance(self.kwargs, LoaderHandlerKwargs):
            if self.kwargs.data_loader is not None:
                return self.kwargs.data_loader.kwargs.config.label
        elif isinstance(self.kwargs, AlphaKwargs) and self.kwargs.label is not None:
            return self.kwargs.label
        return FieldsInfo.of(
            {name: text.replace("$close", self.price) for name, text in DEFAULT_LABEL.items()}
        )

    def with_label(self, label: FieldsInfo) -> HandlerConfig:
        """Return the handler with another label."""
        if not isinstance(self.kwargs, LoaderHandlerKwargs):
            return self._with_kwargs(label=label)
        loader = self._loader(self.kwargs)
        config = loader.kwargs.config.model_copy(update={"label": label})
        kwargs = loader.kwargs.model_copy(update={"config": config})
        return self._with_kwargs(data_loader=loader.model_copy(update={"kwargs": kwargs}))

    def with_columns(self, features: Mapping[str, str]) -> HandlerConfig:
        """Return a ``DataHandlerLP`` with other features; label, rows and processors stay, with their fit dates."""
        groups = FieldsByGroup(feature=FieldsInfo.of(features), label=self.label)
        # leave out empty arguments, as a file without them does
        source = self._source
        narrowed = {} if source is None else {key: getattr(source, key) for key in _NARROWING}
        narrowing = {key: value for key, value in narrowed.items() if value}
        loader = DataLoaderConfig(name="QlibDataLoader", kwargs=DataLoaderKwargs(config=groups, **narrowing))
        values = {key: getattr(self.kwargs, key) for key in HandlerKwargs.model_fields}
        values |= {"infer_processors": self.infer_processors, "learn_processors": self.learn_processors}
        kwargs = LoaderHandlerKwargs(
            **{key: value for key, value in values.items() if value is not None}, data_loader=loader
        )
        return HandlerConfig(name="DataHandlerLP", module_path=HANDLERS["DataHandlerLP"][0], kwargs=kwargs)

    def _loader(self, kwargs: LoaderHandlerKwargs) -> DataLoaderConfig:
        if kwargs.data_loader is None:
            raise ConfigError(
                "task.dataset.kwargs.handler.kwargs.data_loader: missing; it holds the columns, unless "
                "lstm_bench.features names a feature set"
            )
        return kwargs.data_loader

    def _with_kwargs(self, **values: Any) -> HandlerConfig:
        return self.model_copy(update={"kwargs": self.kwargs.model_copy(update=values)})

    def resolved(self) -> HandlerConfig:
        """Fill in the label, and each processor's fit dates."""
        filled: dict[str, Any] = {
            "infer_processors": self.infer_processors,
            "learn_processors": self.learn_processors,
        }
        if isinstance(self.kwargs, AlphaKwargs):
            filled["label"] = self.label
        return self._with_kwargs(**filled)

    def _with_fit_dates(self, entry: ProcessorConfig) -> ProcessorConfig:
        """Replace a processor's fit dates by those of an Alpha handler."""
        if not (isinstance(self.kwargs, AlphaKwargs) and isinstance(entry.kwargs, FittedKwargs)):
            return entry
        dates = {"fit_start_time": self.kwargs.fit_start_time, "fit_end_time": self.kwargs.fit_end_time}
        return entry.model_copy(update={"kwargs": entry.kwargs.model_copy(update=dates)})
