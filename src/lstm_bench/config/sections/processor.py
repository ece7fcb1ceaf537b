"""Processors in a workflow file: each class, and its keyword arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator

from lstm_bench.config.class_path import GIVEN_BY_CLASS, Named
from lstm_bench.config.section import Section, Truth
from lstm_bench.config.values.day import FirstDay, LastDay
from lstm_bench.core.errors import choices_hint

__all__ = [
    "PROCESSORS", "CSRankNormKwargs", "CSZFillnaKwargs", "CSZScoreNormKwargs", "DropColKwargs",
    "DropnaLabelKwargs", "DropnaProcessorKwargs", "FieldsGroup", "FillnaKwargs", "FilterColKwargs",
    "FittedKwargs", "MinMaxNormKwargs", "NoKwargs", "ProcessorConfig", "RobustZScoreNormKwargs",
    "ZScoreNormKwargs",
]  # fmt: skip

FieldsGroup = Literal["feature", "label"]


class NoKwargs(Section):
    """No arguments."""


class DropnaProcessorKwargs(Section):
    """Drop rows with a NaN in the group (None: in any column)."""

    fields_group: FieldsGroup | None = Field(None, description="only these columns; all if null")


class DropnaLabelKwargs(Section):
    """Drop rows with a NaN label; only for learning."""

    fields_group: FieldsGroup | None = Field("label", description="columns whose NaN count")


class DropColKwargs(Section):
    """Drop the named columns."""

    col_list: tuple[str, ...] = Field((), description="names of columns")


class FilterColKwargs(Section):
    """Keep the named columns of the group, in the handler's order, and everything outside the group."""

    fields_group: FieldsGroup | None = Field("feature", description="only these columns; all if null")
    col_list: tuple[str, ...] = Field((), description="names of columns, or one name")

    @field_validator("col_list", mode="before")
    @classmethod
    def _one_name(cls, names: Any) -> Any:
        return (names,) if isinstance(names, str) else names


class FillnaKwargs(Section):
    """Replace NaN by a value."""

    fields_group: FieldsGroup | None = Field(None, description="only these columns; all if null")
    fill_value: float = Field(0.0, description="the value")


class FittedKwargs(Section):
    """Days whose rows a processor is fitted on; the handler's fit dates take precedence."""

    fit_start_time: FirstDay | None = Field(None, description="first day to fit on")
    fit_end_time: LastDay | None = Field(None, description="last day to fit on")
    fields_group: FieldsGroup | None = Field(None, description="only these columns; all if null")


class MinMaxNormKwargs(FittedKwargs):
    """Scale each column's fitted minimum and maximum to 0 and 1."""


class ZScoreNormKwargs(FittedKwargs):
    """Standardise each column by its fitted mean and standard deviation."""


class RobustZScoreNormKwargs(FittedKwargs):
    """Standardise each column by its fitted median and median absolute deviation."""

    clip_outlier: Truth = Field(True, description="clip to ±3 afterwards")


class CSZScoreNormKwargs(Section):
    """Standardise each day's cross-section."""

    fields_group: FieldsGroup | tuple[FieldsGroup, ...] | None = Field(
        None, description="only these columns; all if null"
    )
    method: Literal["zscore", "robust"] = Field(
        "zscore", description="by mean and deviation, or by median and median absolute deviation"
    )


class CSRankNormKwargs(Section):
    """Rank each day's cross-section."""

    fields_group: FieldsGroup | None = Field(None, description="only these columns; all if null")


class CSZFillnaKwargs(Section):
    """Replace NaN by the mean of the day's cross-section."""

    fields_group: FieldsGroup | None = Field(None, description="only these columns; all if null")


PROCESSORS: Mapping[str, type[Section]] = {
    "CSRankNorm": CSRankNormKwargs,
    "CSZFillna": CSZFillnaKwargs,
    "CSZScoreNorm": CSZScoreNormKwargs,
    "DropCol": DropColKwargs,
    "DropnaLabel": DropnaLabelKwargs,
    "DropnaProcessor": DropnaProcessorKwargs,
    "Fillna": FillnaKwargs,
    "FilterCol": FilterColKwargs,
    "MinMaxNorm": MinMaxNormKwargs,
    "ProcessInf": NoKwargs,
    "RobustZScoreNorm": RobustZScoreNormKwargs,
    "TanhProcess": NoKwargs,
    "ZScoreNorm": ZScoreNormKwargs,
}
"""Class name -> model of its keyword arguments. A file cannot name other classes."""


class ProcessorConfig(Named):
    """One processor: ``{class, kwargs}``, or its class name alone."""

    form: ClassVar[str] = "a class name, or a mapping with class and kwargs"

    name: str = Field(alias="class")
    module_path: Annotated[Literal["qlib.data.dataset.processor"], GIVEN_BY_CLASS] = (
        "qlib.data.dataset.processor"
    )
    kwargs: SerializeAsAny[Section] = Field(
        default_factory=dict, validate_default=True, description="by class, see below"
    )

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in PROCESSORS:
            raise ValueError(f"unknown processor {name!r}; {choices_hint(name, PROCESSORS)}")
        return name

    @field_validator("kwargs", mode="before")
    @classmethod
    def _exact_kwargs(cls, kwargs: Any, info: ValidationInfo) -> Any:
        """Read the keyword arguments with the class's own model."""
        name = info.data.get("name")
        if name is None:  # an unknown class, which is reported already
            return NoKwargs()
        return PROCESSORS[name].model_validate({} if kwargs is None else kwargs)

    @property
    def acts_on_label(self) -> bool:
        """Whether it may change or compare labels, as processors without a group do.

        TanhProcess may, too: it skips only columns called LABEL, and labels may have other names.
        """
        group = getattr(self.kwargs, "fields_group", None)
        if self.name in ("DropCol", "FilterCol"):
            return False  # they choose columns, and cannot drop the label
        return group is None or "label" in (group if isinstance(group, tuple) else (group,))

    @property
    def is_for_infer(self) -> bool:
        """Whether it can be used without a label."""
        return self.name != "DropnaLabel"
