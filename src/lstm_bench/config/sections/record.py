"""``task.record``: what to evaluate of a run, by Qlib's record classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from lstm_bench.config.class_path import named_class, refuse_class
from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.lenient import Lenient
from lstm_bench.config.section import Section, Truth
from lstm_bench.config.sections.backtest import OWN_SCORES, PortAnalysisConfig, Weighting, default_portfolio
from lstm_bench.config.sections.exchange import DailyFreq

__all__ = [
    "HFSignalRecord", "PortAnaKwargs", "PortAnaRecord", "Record", "SigAnaKwargs", "SigAnaRecord",
    "SignalMseRecord", "SignalRecord", "named_record",
]  # fmt: skip

_Module = Literal["qlib.workflow.record_temp"]
_MODULE: _Module = "qlib.workflow.record_temp"

_NO_RECORD: Mapping[str, str] = {
    "MultiPassPortAnaRecord": "it shuffles the first day's scores in each pass; run more seeds for a spread",
    "MultiSegRecord": "qrun cannot make it: a file cannot give the segments that it needs",
}


_RECORDS = ("HFSignalRecord", "PortAnaRecord", "SigAnaRecord", "SignalMseRecord", "SignalRecord")


def named_record(data: Any) -> Any:
    """Return a record that names its class by ``class``; a text is the class of one without arguments.

    Raises ValueError if its class is not supported.
    """
    found = named_class(data, alone=True)
    if isinstance(found, Mapping):
        refuse_class(found.get("class"), _NO_RECORD, _RECORDS)
    return found


class _Placeholders(Section):
    """Placeholders for the objects that Qlib passes to a record."""

    model: Annotated[Literal["<MODEL>"] | None, OWN_SCORES] = Field(None, description="the run's")
    dataset: Annotated[Literal["<DATASET>"] | None, OWN_SCORES] = Field(None, description="the run's")


class SigAnaKwargs(_Placeholders):
    """``SigAnaRecord``: the signal metrics."""

    ana_long_short: Truth = Field(False, description="add the long-short and long-average returns")
    ann_scaler: int | float = Field(252, ge=1, description="days a year, to annualise the long-short returns")
    label_col: Literal[0] = Field(0, description="only a label of one column can be evaluated")
    skip_existing: Annotated[bool | None, NotIdentity("runs are idempotent")] = Field(
        None, description="ignored: runs are idempotent"
    )

    @property
    def idle(self) -> tuple[str, ...]:
        """``ann_scaler`` scales the long-short returns only."""
        return () if self.ana_long_short else ("ann_scaler",)


class PortAnaKwargs(_Placeholders):
    """``PortAnaRecord``: the portfolio backtest."""

    config: PortAnalysisConfig = Field(
        default_factory=default_portfolio,
        description="the backtest; if unset or null, Qlib's default: 50 stocks against SH000300",
    )
    risk_analysis_freq: DailyFreq | list[DailyFreq] | None = Field(
        "day", description="frequency of the risk figures"
    )
    indicator_analysis_freq: DailyFreq | list[DailyFreq] | None = Field(
        "day", description="frequency of the indicators (ffr, pa, pos)"
    )
    indicator_analysis_method: Weighting | None = Field(
        None, description="how indicators are averaged over days; mean if null"
    )
    N: int | None = Field(None, description="ignored: an older Qlib's display setting")
    skip_existing: bool = Field(False, description="ignored: runs are idempotent")

    @field_validator("config", mode="before")
    @classmethod
    def _default_where_null(cls, config: Any) -> Any:
        return default_portfolio() if config is None else config


class _Record(Lenient):
    @field_validator("kwargs", mode="before", check_fields=False)
    @classmethod
    def _empty_where_null(cls, kwargs: Any) -> Any:
        return {} if kwargs is None else kwargs


class SignalRecord(_Record):
    """Save predictions, as every run does."""

    name: Literal["SignalRecord"] = Field(alias="class")
    module_path: _Module = _MODULE
    kwargs: _Placeholders = Field(_Placeholders(), description="placeholders")


class SigAnaRecord(_Record):
    """Evaluate predictions as a signal."""

    name: Literal["SigAnaRecord"] = Field(alias="class")
    module_path: _Module = _MODULE
    kwargs: SigAnaKwargs = Field(SigAnaKwargs(), description="which figures")


class HFSignalRecord(_Record):
    """Evaluate predictions as a signal: long and short precision, and long-short returns that are not annualised."""

    name: Literal["HFSignalRecord"] = Field(alias="class")
    module_path: _Module = _MODULE
    kwargs: _Placeholders = Field(_Placeholders(), description="placeholders")


class SignalMseRecord(_Record):
    """Evaluate predictions by their squared error against raw labels."""

    name: Literal["SignalMseRecord"] = Field(alias="class")
    module_path: Literal["qlib.contrib.workflow", "qlib.contrib.workflow.record_temp"] = (
        "qlib.contrib.workflow"
    )
    kwargs: _Placeholders = Field(_Placeholders(), description="placeholders")


class PortAnaRecord(_Record):
    """Evaluate predictions as a portfolio."""

    name: Literal["PortAnaRecord"] = Field(alias="class")
    module_path: _Module = _MODULE
    kwargs: PortAnaKwargs = Field(default_factory=PortAnaKwargs, description="the backtest and its figures")


Record = Annotated[
    SignalRecord | SigAnaRecord | HFSignalRecord | SignalMseRecord | PortAnaRecord,
    Field(discriminator="name"),
]
