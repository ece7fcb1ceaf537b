"""A Qlib workflow file as a :class:`RunConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from lstm_bench.config.feature_set import FeatureSet, load_feature_set
from lstm_bench.config.lenient import Lenient
from lstm_bench.config.ready import missing_workflow
from lstm_bench.config.section import Section
from lstm_bench.config.sections.backtest import PortAnalysisConfig, Weighting, resolve
from lstm_bench.config.sections.dataset import DatasetConfig, SegmentsConfig
from lstm_bench.config.sections.exchange import Region
from lstm_bench.config.sections.handler import DEFAULT_LABEL, FieldsInfo, HandlerConfig
from lstm_bench.config.sections.harness import HarnessConfig
from lstm_bench.config.sections.model import LstmKwargs, ModelConfig
from lstm_bench.config.sections.record import PortAnaRecord, Record, SigAnaKwargs, SigAnaRecord, named_record
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.yaml import Overrides, read_yaml
from lstm_bench.core.errors import ConfigError, choices_hint, command_line

__all__ = ["QlibInit", "RunConfig", "TaskConfig", "load_workflow"]

SECTIONS = ("qlib_init", "task", "lstm_bench", "experiment_name")

NO_IDENTITY: Mapping[str, str] = {
    "module_path": "the class names beside it say the same",
    "signal": "the run's own scores, however that is said",
    "model": "likewise: in a strategy, an older way to say so",
    "dataset": "likewise",
    "freq": "only daily data can be read",
    "time_per_step": "likewise",
    "seed": "beside the configuration in a run's identity",
    "GPU": "where to compute, not what",
    "n_jobs": "Qlib's loader processes; there are none here",
    "drop_raw": "Qlib's way to save memory",
    "fetch_orig": "likewise",
    "init_data": "a run needs the data, whatever a file says",
    "subscribe_fields": "read beside the quotes, and used by nothing",
    "skip_existing": "runs are idempotent",
}
"""Keys that decide no number, wherever they stand -> why."""

_IGNORED = Field(None, description="ignored: it changes no number")


class QlibInit(Lenient):
    """``qlib_init``: where the data lies and which market's trading rules hold. The rest is Qlib's own affair."""

    provider_uri: str = Field(
        "~/.qlib/qlib_data/cn_data", description="a Qlib data folder, or a mapping with the key day"
    )
    region: Region = Field("cn", description="whose round lots and price limits hold")
    exp_manager: Any = _IGNORED
    kernels: Any = _IGNORED
    expression_cache: Any = _IGNORED
    dataset_cache: Any = _IGNORED
    calendar_cache: Any = _IGNORED
    local_cache_path: Any = _IGNORED
    maxtasksperchild: Any = _IGNORED
    joblib_backend: Any = _IGNORED
    logging_level: Any = _IGNORED
    logging_config: Any = _IGNORED
    redis_host: Any = _IGNORED
    redis_port: Any = _IGNORED
    redis_task_db: Any = _IGNORED
    mongo: Any = _IGNORED
    auto_mount: Any = _IGNORED
    mount_path: Any = _IGNORED
    calendar_provider: Any = _IGNORED
    instrument_provider: Any = _IGNORED
    feature_provider: Any = _IGNORED
    pit_provider: Any = _IGNORED
    expression_provider: Any = _IGNORED
    dataset_provider: Any = _IGNORED
    provider: Any = _IGNORED
    client_provider: Any = _IGNORED
    default_disk_cache: Any = _IGNORED
    mem_cache_size_limit: Any = _IGNORED
    mem_cache_limit_type: Any = _IGNORED
    mem_cache_expire: Any = _IGNORED
    dataset_cache_dir_name: Any = _IGNORED
    features_cache_dir_name: Any = _IGNORED
    custom_ops: Any = _IGNORED
    flask_server: Any = _IGNORED
    flask_port: Any = _IGNORED
    queue_host: Any = _IGNORED
    task_queue: Any = _IGNORED
    default_exp_name: Any = _IGNORED
    skip_if_reg: Any = _IGNORED
    clear_mem_cache: Any = _IGNORED
    min_data_shift: Any = _IGNORED
    timeout: Any = _IGNORED

    @field_validator("provider_uri", mode="before")
    @classmethod
    def _daily_folder(cls, value: Any) -> Any:
        if isinstance(value, dict):
            if "day" not in value:
                raise ValueError(f"got a mapping with {sorted(map(str, value))}, expected the key 'day'")
            return str(value["day"])
        return value


class TaskConfig(Lenient):
    """``task``: a model, a dataset, and the records to make."""

    model: ModelConfig = Field(description="the LSTM")
    dataset: DatasetConfig = Field(description="its samples")
    record: list[Record] = Field(
        default_factory=list,
        description="what to evaluate: one, or a list, each class once; of one without kwargs the class is enough",
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
                raise ValueError(
                    f"{record.name} is there {times} times with different settings, expected once"
                )
        return list(once.values())

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

    qlib_init: QlibInit = Field(description="where the data lies")
    task: TaskConfig = Field(description="what is trained, and on what")
    lstm_bench: HarnessConfig = Field(HarnessConfig(), description="what Qlib's files cannot say")
    experiment_name: str | None = Field(None, description="folder of the records; the file's name by default")

    @model_validator(mode="after")
    def _weights_are_taken(self) -> RunConfig:
        training = self.lstm_bench.training
        if (
            training.reweight != "uniform"
            and self.lstm_bench.compat == "qlib"
            and not self.task.model.is_time_series
        ):
            raise ValueError(
                f"lstm_bench.training.reweight: got {training.reweight!r}, but Qlib's pytorch_lstm takes no weights "
                "(only pytorch_lstm_ts does); set lstm_bench.compat to none"
            )
        return self

    @model_validator(mode="after")
    def _warmup_ends(self) -> RunConfig:
        warmup, epochs = self.lstm_bench.training.warmup_epochs, self.task.model.kwargs.n_epochs
        if warmup >= epochs:
            raise ValueError(
                f"lstm_bench.training.warmup_epochs: got {warmup}, expected fewer than task.model.kwargs.n_epochs, "
                f"which is {epochs}"
            )
        return self

    @model_validator(mode="after")
    def _has_columns(self) -> RunConfig:
        try:
            self.columns  # noqa: B018 - it says what is missing
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def feature_set(self) -> str:
        """What the columns are called: the feature set's name, or the handler's class."""
        features = self.lstm_bench.features
        return (features.name if features else "") or self.task.dataset.kwargs.handler.name

    @property
    def columns(self) -> FeatureSet:
        """Columns and the label of a run, wherever the file says them."""
        handler = self._handler()
        return FeatureSet(name=self.feature_set, features=handler.features, labels=handler.label.columns)

    @property
    def seed(self) -> int:
        """The run's seed; 0 where the file gives none."""
        return self.task.model.kwargs.seed or 0

    @property
    def step_len(self) -> int | None:
        """Days in a window; None where the file leaves it open and processors choose columns."""
        given = self.task.dataset.step_len
        return given if given is not None else self._row_days

    @property
    def _row_days(self) -> int | None:
        """Days that a row of ``DatasetH`` holds, where the configuration tells."""
        dataset = self.task.dataset
        return None if dataset.is_time_series else dataset.row_days(self.task.model.kwargs.d_feat)

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

    @property
    def further_records(self) -> frozenset[str]:
        """Records beside Qlib's usual three, by class."""
        return frozenset(record.name for record in self.task.record) & {"HFSignalRecord", "SignalMseRecord"}

    @property
    def indicator_weighting(self) -> Weighting:
        """How the backtest's indicators are averaged over its days."""
        found = [record.kwargs for record in self.task.record if isinstance(record, PortAnaRecord)]
        return (found[0].indicator_analysis_method if found else None) or "mean"

    def with_seed(self, seed: int) -> RunConfig:
        """Return the same configuration with another seed.

        Raises
        ------
        ConfigError
            Where ``seed`` is none.
        """
        given = self.task.model.kwargs
        try:
            kwargs = LstmKwargs.model_validate(given.model_dump() | {"seed": seed})
        except ValidationError as error:
            raise explain(error, "task.model.kwargs") from error
        return self._with_task(model=self.task.model.model_copy(update={"kwargs": kwargs}))

    def with_segments(self, segments: SegmentsConfig) -> RunConfig:
        """Return the same configuration with other segments."""
        dataset = self.task.dataset
        kwargs = dataset.kwargs.model_copy(update={"segments": segments})
        return self._with_task(dataset=dataset.model_copy(update={"kwargs": kwargs}))

    def resolved(self) -> RunConfig:
        """Say what the file leaves open: defaults of the region, the handler and the dataset, and the seed.

        What ``lstm_bench`` says of columns and label is put into the handler, in Qlib's form. The result means the
        same, and resolving it changes nothing.
        """
        kwargs = self.task.model.kwargs
        filled = kwargs.model_copy(update={"seed": self.seed, "metric": kwargs.metric or "loss"})
        given = self.task.dataset.kwargs.model_copy(update={"handler": self._handler()})
        resolved = self._with_task(
            model=self.task.model.model_copy(update={"kwargs": filled}),
            dataset=self.task.dataset.model_copy(update={"kwargs": given}).resolved(),
            record=[self._resolved_record(record) for record in self.task.record],
        )
        harness = self.lstm_bench.model_dump(exclude={"features", "label", "horizon"}, exclude_unset=True)
        if self.lstm_bench.features is not None:
            harness["features"] = FeatureSet(name=self.lstm_bench.features.name)
        told = {"tracking": self.lstm_bench.tracking}  # which is no part of what is dumped
        filled_harness = HarnessConfig.model_validate(harness).model_copy(update=told)
        return resolved.model_copy(update={"lstm_bench": filled_harness})

    def _handler(self) -> HandlerConfig:
        """Put the feature set and the one label into the handler.

        Raises
        ------
        ConfigError
            Where there is no column, or no such label.
        """
        handler, own = self.task.dataset.kwargs.handler, self.lstm_bench
        if own.features is not None and own.features.columns:
            handler = handler.with_columns(own.features.columns)
        if own.features is not None and own.features.labels:
            handler = handler.with_label(FieldsInfo.of(own.features.labels))
        if own.horizon is not None:
            price, days = handler.price, own.horizon
            text = f"Ref({price}, -{days + 1})/Ref({price}, -1) - 1"
            return handler.with_label(FieldsInfo.of(dict.fromkeys(DEFAULT_LABEL, text)))
        labels = handler.label
        chosen = own.label or labels.names[0]
        if chosen not in labels.names:
            raise ConfigError(f"lstm_bench.label: got {chosen!r}; {choices_hint(chosen, labels.names)}")
        return handler if len(labels.names) == 1 else handler.with_label(labels.only(chosen))

    def _resolved_record(self, record: Record) -> Record:
        if not isinstance(record, PortAnaRecord):
            return record
        config = resolve(record.kwargs.config, self.qlib_init.region)
        return record.model_copy(update={"kwargs": record.kwargs.model_copy(update={"config": config})})

    def _with_task(self, **sections: Any) -> RunConfig:
        return self.model_copy(update={"task": self.task.model_copy(update=sections)})

    def to_file(self) -> dict[str, Any]:
        """Return the resolved configuration in the shape of a workflow file, plain data only."""
        return self.resolved().model_dump(mode="json", by_alias=True)

    def identity(self) -> dict[str, Any]:
        """Return what makes two runs the same run, but for the seed and the data: all that decides a number.

        Left out are paths, the device, names, ``NO_IDENTITY``, and what has no effect beside the rest. Of Qlib's usual
        records only what they say counts: signals are always analysed, and a region has filled the exchange.
        """
        config = self.resolved()
        sections: dict[str, Section | None] = {
            "model": config.task.model.kwargs,
            "dataset": config.task.dataset,
            "lstm_bench": config.lstm_bench,
            "signal": config.signal_analysis,
            "portfolio": config.portfolio_analysis,
        }
        content = {
            name: _without(section.model_dump(mode="json", by_alias=True), NO_IDENTITY)
            for name, section in sections.items()
            if section is not None
        }
        for key in config.task.model.kwargs.idle:
            content["model"].pop(key)
        for key in config.lstm_bench.training.idle:
            content["lstm_bench"]["training"].pop(key)
        if config._row_days is not None and config.step_len == config._row_days:
            content["dataset"]["kwargs"].pop("step_len", None)  # a whole row, as where it is unset
        if not content["signal"]["ana_long_short"]:
            content["signal"].pop("ann_scaler")  # it scales the long-short returns
        if self.further_records:
            content["records"] = sorted(self.further_records)
        if self.indicator_weighting != "mean":
            content["indicators"] = self.indicator_weighting
        content["lstm_bench"].pop("features", None)  # the handler has the columns; this is their name
        for key in ("fit_start_time", "fit_end_time"):  # every processor has them by now
            content["dataset"]["kwargs"]["handler"]["kwargs"].pop(key, None)
        return content


def _without(content: Any, keys: Mapping[str, str]) -> Any:
    """Plain data less some keys, at any depth, and less nulls: a null that a file writes is one that it omits."""
    if isinstance(content, dict):
        kept = {key: value for key, value in content.items() if value is not None and key not in keys}
        return {key: _without(value, keys) for key, value in kept.items()}
    return [_without(value, keys) for value in content] if isinstance(content, list) else content


def load_workflow(path: Path, overrides: Overrides = ()) -> RunConfig:
    """Read a Qlib workflow file.

    Parameters
    ----------
    path
        The file; see :func:`lstm_bench.config.yaml.load_yaml` for what it may use. A feature set that it names lies
        beside it, or else here.
    overrides
        ``dotted.key=value`` texts, the value being YAML; pairs of a dotted key and a plain value; or a mapping.

    Raises
    ------
    ConfigError
        Where the file, an override or a value in them is wrong; it names the field, what came and what was
        expected.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such workflow file{missing_workflow(path)}")
    document = read_yaml(path, overrides, top_level=SECTIONS)
    content = document.content
    if "task" not in content and "base" in content:
        raise ConfigError(
            f"{path}: a study file, expected a workflow file; `{command_line('study', 'create', '--from', path)}` "
            "takes it"
        )
    harness = content.get("lstm_bench")
    if isinstance(harness, dict) and isinstance(named := harness.get("features"), str):
        beside = path.parent / Path(named).expanduser()
        found = load_feature_set(beside if beside.is_file() or not Path(named).is_file() else Path(named))
        harness["features"] = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    try:
        return RunConfig.model_validate({key: content[key] for key in SECTIONS if key in content})
    except ValidationError as error:
        raise explain(error, place=document.place) from error
