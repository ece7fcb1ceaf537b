"""A Qlib workflow file as a :class:`RunConfig`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from lstm_bench.config.backtest import PortAnalysisConfig, Region
from lstm_bench.config.dataset import DatasetConfig
from lstm_bench.config.harness import HarnessConfig
from lstm_bench.config.model import ModelConfig
from lstm_bench.config.section import Section, explain
from lstm_bench.config.yaml import load_yaml

__all__ = ["QlibInit", "RunConfig", "SigAnaKwargs", "TaskConfig", "load_workflow"]

logger = logging.getLogger("lstm_bench")

SECTIONS = ("qlib_init", "task", "lstm_bench", "experiment_name")


class QlibInit(Section):
    """``qlib_init``: where the data lies and which market's trading rules hold. The rest is Qlib's own affair."""

    provider_uri: str = Field(description="a Qlib data folder, or a mapping with the key day")
    region: Region = "cn"
    exp_manager: Any = Field(None, exclude=True, description="ignored, as all below: changes no number")
    kernels: Any = Field(None, exclude=True)
    expression_cache: Any = Field(None, exclude=True)
    dataset_cache: Any = Field(None, exclude=True)
    calendar_cache: Any = Field(None, exclude=True)
    local_cache_path: Any = Field(None, exclude=True)
    maxtasksperchild: Any = Field(None, exclude=True)
    joblib_backend: Any = Field(None, exclude=True)
    logging_level: Any = Field(None, exclude=True)
    logging_config: Any = Field(None, exclude=True)
    redis_host: Any = Field(None, exclude=True)
    redis_port: Any = Field(None, exclude=True)
    redis_task_db: Any = Field(None, exclude=True)
    mongo: Any = Field(None, exclude=True)
    auto_mount: Any = Field(None, exclude=True)
    mount_path: Any = Field(None, exclude=True)

    @field_validator("provider_uri", mode="before")
    @classmethod
    def _daily_folder(cls, value: Any) -> Any:
        if isinstance(value, dict):
            if "day" not in value:
                raise ValueError(f"got a mapping with {sorted(map(str, value))}, expected the key 'day'")
            return str(value["day"])
        return value


class _Placeholders(Section):
    """Qlib passes the model and the dataset to a record; here they are at hand."""

    model: Literal["<MODEL>"] | None = Field(None, exclude=True)
    dataset: Literal["<DATASET>"] | None = Field(None, exclude=True)


class SigAnaKwargs(_Placeholders):
    """``SigAnaRecord``: the signal metrics."""

    ana_long_short: bool = False
    ann_scaler: int = Field(252, ge=1, description="days a year, for the long-short returns")
    label_col: Literal[0] = Field(0, description="only a label of one column can be evaluated")


class PortAnaKwargs(_Placeholders):
    """``PortAnaRecord``: the portfolio backtest."""

    config: PortAnalysisConfig
    risk_analysis_freq: Literal["day", "1day"] | list[Literal["day", "1day"]] = "day"
    indicator_analysis_freq: Literal["day", "1day"] | list[Literal["day", "1day"]] = "day"
    indicator_analysis_method: Literal["mean"] | None = None
    N: int = Field(50, description="ignored: Qlib's own display setting")
    skip_existing: bool = Field(False, description="ignored: runs are idempotent")


class _Record(Section):
    module_path: Literal["qlib.workflow.record_temp"] = "qlib.workflow.record_temp"


class SignalRecord(_Record):
    """Save predictions; every run does."""

    name: Literal["SignalRecord"] = Field(alias="class")
    kwargs: _Placeholders = _Placeholders()


class SigAnaRecord(_Record):
    """Evaluate predictions as a signal."""

    name: Literal["SigAnaRecord"] = Field(alias="class")
    kwargs: SigAnaKwargs = SigAnaKwargs()


class PortAnaRecord(_Record):
    """Evaluate predictions as a portfolio."""

    name: Literal["PortAnaRecord"] = Field(alias="class")
    kwargs: PortAnaKwargs


Record = Annotated[SignalRecord | SigAnaRecord | PortAnaRecord, Field(discriminator="name")]


class TaskConfig(Section):
    """``task``: a model, a dataset, and the records to make."""

    model: ModelConfig
    dataset: DatasetConfig
    record: list[Record] = Field(default_factory=list)

    @field_validator("record", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _model_fits_dataset(self) -> TaskConfig:
        expected = "TSDatasetH" if self.model.is_time_series else "DatasetH"
        if self.dataset.name != expected:
            raise ValueError(
                f"dataset.class: got {self.dataset.name!r}; the model {self.model.module_path} takes {expected!r}"
            )
        return self


class RunConfig(Section):
    """All that decides a run's numbers, in the shape of Qlib's workflow file."""

    qlib_init: QlibInit
    task: TaskConfig
    lstm_bench: HarnessConfig = HarnessConfig()
    experiment_name: str | None = None

    @property
    def seed(self) -> int:
        """The run's seed; 0 where the file gives none."""
        return self.task.model.kwargs.seed or 0

    @property
    def signal_analysis(self) -> SigAnaKwargs:
        """Settings of the signal metrics: the file's, or Qlib's defaults."""
        found = [record.kwargs for record in self.task.record if isinstance(record, SigAnaRecord)]
        return found[0] if found else SigAnaKwargs()

    @property
    def portfolio_analysis(self) -> PortAnalysisConfig | None:
        """Settings of the backtest; None where the file asks for none."""
        found = [record.kwargs.config for record in self.task.record if isinstance(record, PortAnaRecord)]
        return found[0] if found else None

    def to_file(self) -> dict[str, Any]:
        """Return the resolved configuration in the shape of a workflow file, plain data only."""
        content = self.model_dump(mode="json", by_alias=True)
        content["task"]["model"]["kwargs"]["seed"] = self.seed
        return content

    def identity(self) -> dict[str, Any]:
        """Return what makes two runs the same run: everything but paths, device, names and the seed."""
        content = self.to_file()
        content.pop("experiment_name", None)
        content["qlib_init"].pop("provider_uri")
        for key in ("GPU", "n_jobs", "seed"):
            content["task"]["model"]["kwargs"].pop(key, None)
        return content


def load_workflow(path: Path, overrides: Iterable[str] = ()) -> RunConfig:
    """Read a Qlib workflow file.

    Parameters
    ----------
    path
        The file; see :func:`lstm_bench.config.yaml.load_yaml` for what it may use.
    overrides
        ``dotted.key=value`` texts.

    Raises
    ------
    ConfigError
        Where the file, an override or a value in them is wrong; it names the field, what came and what was
        expected.
    """
    content = load_yaml(path, overrides, top_level=SECTIONS)
    try:
        return RunConfig.model_validate({key: content[key] for key in SECTIONS if key in content})
    except ValidationError as error:
        raise explain(error) from error
