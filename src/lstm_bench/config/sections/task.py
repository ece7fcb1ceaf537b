"""The ``task`` section: a model, a dataset, and the records to make."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from lstm_bench.config.lenient import Lenient
from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.model import ModelConfig
from lstm_bench.config.sections.record import Record, named_record

__all__ = ["TaskConfig"]


class TaskConfig(Lenient):
    """``task``: a model, a dataset, and the records to make."""

    model: ModelConfig = Field(description="the LSTM")
    dataset: DatasetConfig = Field(description="the samples")
    record: list[Record] = Field(
        default_factory=list,
        description="what to evaluate: one or a list, each class once; a class without kwargs can be given by its name",
    )

    @field_validator("record", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        entries = [value] if isinstance(value, dict) else value
        return [named_record(entry) for entry in entries] if isinstance(entries, list) else entries

    @field_validator("record")
    @classmethod
    def _one_of_each(cls, records: list[Record]) -> list[Record]:
        once: dict[str, Record] = {}
        for record in records:
            if once.setdefault(record.name, record) != record:
                times = sum(other.name == record.name for other in records)
                raise ValueError(f"{record.name} occurs {times} times with different settings, expected once")
        return list(once.values())

    @model_validator(mode="after")
    def _model_fits_dataset(self) -> TaskConfig:
        expected = "TSDatasetH" if self.model.is_time_series else "DatasetH"
        if self.dataset.name != expected:
            raise ValueError(
                f"dataset.class: got {self.dataset.name!r}; the model {self.model.module_path} takes {expected!r}"
            )
        return self
