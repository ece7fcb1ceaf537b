"""Columns that a file chooses itself: expressions with their names, by group, in a data loader of Qlib's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_serializer, model_validator

from lstm_bench.config.alpha158 import alpha158
from lstm_bench.config.alpha360 import alpha360
from lstm_bench.config.class_path import GIVEN_BY_CLASS, Named
from lstm_bench.config.section import Section
from lstm_bench.config.sections.universe import InstrumentProcessors, OptionalFilterPipe
from lstm_bench.config.values.day import Daily
from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.core.counting import counted

__all__ = ["LOADERS", "DataLoaderConfig", "DataLoaderKwargs", "FieldsByGroup", "FieldsInfo"]


class FieldsInfo(Section):
    """Expressions and the names of their columns.

    In a file: ``[expression, ...]``, which names each column by its expression, or
    ``[[expression, ...], [name, ...]]``.
    """

    expressions: tuple[str, ...] = Field(min_length=1, description="expressions to compute")
    names: tuple[str, ...] = Field(description="names of the columns")

    form: ClassVar[str] = "[expression, ...] or [[expression, ...], [name, ...]]"

    @model_validator(mode="before")
    @classmethod
    def _from_lists(cls, data: Any) -> Any:
        if not isinstance(data, list | tuple):
            return data
        if data and all(isinstance(entry, str) for entry in data):
            return {"expressions": data, "names": data}
        if len(data) == 2 and all(_is_list_of_texts(entry) for entry in data):
            return {"expressions": data[0], "names": data[1]}
        raise ValueError(f"got {value_with_kind(data)}, expected {cls.form}, all of them texts")

    @model_serializer
    def _as_lists(self) -> list[Any]:
        if self.names == self.expressions:
            return list(self.expressions)
        return [list(self.expressions), list(self.names)]

    @model_validator(mode="after")
    def _one_name_each(self) -> FieldsInfo:
        if len(self.expressions) != len(self.names):
            raise ValueError(
                f"got {counted(len(self.expressions), 'expression')} and {counted(len(self.names), 'name')}, "
                "expected one name each"
            )
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise ValueError(f"columns are named twice: {', '.join(twice)}")
        return self

    @classmethod
    def of(cls, columns: Mapping[str, str]) -> FieldsInfo:
        """Name -> expression, as Qlib's lists."""
        return cls(expressions=tuple(columns.values()), names=tuple(columns))

    @property
    def columns(self) -> dict[str, str]:
        """Name -> expression."""
        return dict(zip(self.names, self.expressions, strict=True))

    def only(self, name: str) -> FieldsInfo:
        """Keep one column."""
        return FieldsInfo.of({name: self.columns[name]})


def _is_list_of_texts(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and all(isinstance(text, str) for text in entry)


class FieldsByGroup(Section):
    """``{feature: ..., label: ...}`` of a data loader."""

    feature: FieldsInfo | None = Field(
        None, description="columns; by default those of Alpha158DL or Alpha360DL"
    )
    label: FieldsInfo = Field(description="labels; lstm_bench.label chooses one")

    @field_validator("feature", mode="before")
    @classmethod
    def _no_options(cls, value: Any) -> Any:
        if isinstance(value, dict):
            raise ValueError(  # noqa: TRY004 - pydantic's protocol
                "got a mapping, which Qlib's loaders refuse; Alpha158's options (kbar, price, volume, rolling) "
                "go into lstm_bench.features.alpha158"
            )
        return value


class DataLoaderKwargs(Section):
    """Keyword arguments of a data loader."""

    config: FieldsByGroup = Field(description="expressions by group")
    filter_pipe: OptionalFilterPipe = Field(None, description="filters of a market's members")
    swap_level: Literal[True] = Field(True, description="required by Qlib's handlers")
    freq: Daily = Field("day", description="only daily bars")
    inst_processors: InstrumentProcessors = Field(
        None, description="processors that drop whole instruments: TimeRangeFlt"
    )


LOADERS: Mapping[str, tuple[str, Callable[[], dict[str, str]] | None]] = {
    "QlibDataLoader": ("qlib.data.dataset.loader", None),
    "Alpha158DL": ("qlib.contrib.data.loader", alpha158),
    "Alpha360DL": ("qlib.contrib.data.loader", alpha360),
}
"""Class name -> its module in Qlib, and its default features."""


class DataLoaderConfig(Named):
    """Custom columns: expressions by group. The loaders of Alpha158 and Alpha360 have default features."""

    name: Literal["QlibDataLoader", "Alpha158DL", "Alpha360DL"] = Field(alias="class")
    module_path: Annotated[str, GIVEN_BY_CLASS] = "qlib.data.dataset.loader"
    kwargs: DataLoaderKwargs = Field(description="columns and labels")

    @model_validator(mode="after")
    def _complete(self) -> DataLoaderConfig:
        module, features = LOADERS[self.name]
        if self.module_path != module:
            raise ValueError(f"module_path: got {self.module_path!r}; {self.name} is in {module!r}")
        if features is None and self.kwargs.config.feature is None:
            raise ValueError(f"kwargs.config.feature: missing, and {self.name} has none of its own")
        return self

    @property
    def features(self) -> dict[str, str]:
        """Column -> expression."""
        feature, default = self.kwargs.config.feature, LOADERS[self.name][1]
        if feature is not None:
            return feature.columns
        return {} if default is None else default()
