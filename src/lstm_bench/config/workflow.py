"""A Qlib workflow file as a :class:`RunConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from lstm_bench.config.feature_set import FeatureSet, load_feature_set
from lstm_bench.config.identity import identity_of
from lstm_bench.config.ready import missing_workflow
from lstm_bench.config.section import Section
from lstm_bench.config.sections.backtest import PortAnalysisConfig, Weighting, resolve
from lstm_bench.config.sections.dataset import SegmentsConfig
from lstm_bench.config.sections.handler import DEFAULT_LABEL, HandlerConfig
from lstm_bench.config.sections.harness import HarnessConfig
from lstm_bench.config.sections.loader import FieldsInfo
from lstm_bench.config.sections.model import LstmKwargs
from lstm_bench.config.sections.qlib_init import QlibInit
from lstm_bench.config.sections.record import PortAnaRecord, Record, SigAnaKwargs, SigAnaRecord
from lstm_bench.config.sections.task import TaskConfig
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.yaml import Overrides, read_yaml
from lstm_bench.core.errors import ConfigError, choices_hint, command_line

__all__ = ["ResolvedRun", "RunConfig", "load_workflow"]

SECTIONS = ("qlib_init", "task", "lstm_bench", "experiment_name")


class RunConfig(Section):
    """Everything that determines a run's numbers, in the sections of Qlib's workflow file."""

    qlib_init: QlibInit = Field(description="where the data is")
    task: TaskConfig = Field(description="what is trained, and on what")
    lstm_bench: HarnessConfig = Field(HarnessConfig(), description="settings that Qlib's files do not have")
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
            self.columns  # noqa: B018 - raises if a column is missing
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def feature_set(self) -> str:
        """Name of the columns: the feature set's, or the handler's class."""
        features = self.lstm_bench.features
        return (features.name if features else "") or self.task.dataset.kwargs.handler.name

    @property
    def columns(self) -> FeatureSet:
        """Columns and label of a run, from the feature set or the handler."""
        handler = self._handler()
        return FeatureSet(name=self.feature_set, features=handler.features, labels=handler.label.columns)

    @property
    def seed(self) -> int:
        """The run's seed; 0 if the file has none."""
        return self.task.model.kwargs.seed or 0

    @property
    def step_len(self) -> int | None:
        """Days in a window; None if the file does not say and processors choose columns."""
        step_len = self.task.dataset.step_len
        return step_len if step_len is not None else self._row_days

    @property
    def _row_days(self) -> int | None:
        """Days that a row of ``DatasetH`` holds; None if unknown."""
        dataset = self.task.dataset
        return None if dataset.is_time_series else dataset.row_days(self.task.model.kwargs.d_feat)

    @property
    def signal_analysis(self) -> SigAnaKwargs:
        """Settings of the signal metrics: the file's, or Qlib's defaults."""
        found = [record.kwargs for record in self.task.record if isinstance(record, SigAnaRecord)]
        return found[0] if found else SigAnaKwargs()

    @property
    def portfolio_analysis(self) -> PortAnalysisConfig | None:
        """Settings of the backtest; None if the file requests none."""
        found = [record.kwargs.config for record in self.task.record if isinstance(record, PortAnaRecord)]
        return found[0] if found else None

    @property
    def further_records(self) -> frozenset[str]:
        """Classes of records other than Qlib's usual three."""
        return frozenset(record.name for record in self.task.record) & {"HFSignalRecord", "SignalMseRecord"}

    @property
    def indicator_weighting(self) -> Weighting:
        """How the backtest's indicators are averaged over its days."""
        found = [record.kwargs for record in self.task.record if isinstance(record, PortAnaRecord)]
        return (found[0].indicator_analysis_method if found else None) or "mean"

    def with_seed(self, seed: int) -> Self:
        """Return the same configuration with another seed.

        Raises
        ------
        ConfigError
            If ``seed`` is not a valid seed.
        """
        try:
            kwargs = LstmKwargs.model_validate(self.task.model.kwargs.model_dump() | {"seed": seed})
        except ValidationError as error:
            raise explain(error, "task.model.kwargs") from error
        return self._with_task(model=self.task.model.model_copy(update={"kwargs": kwargs}))

    def with_segments(self, segments: SegmentsConfig) -> Self:
        """Return the same configuration with other segments."""
        dataset = self.task.dataset
        kwargs = dataset.kwargs.model_copy(update={"segments": segments})
        return self._with_task(dataset=dataset.model_copy(update={"kwargs": kwargs}))

    def resolved(self) -> ResolvedRun:
        """Fill in every default: those of the region, the handler and the dataset, and the seed.

        Columns and label of ``lstm_bench`` move into the handler, in Qlib's form. The result has the same meaning.
        """
        kwargs = self.task.model.kwargs
        filled = kwargs.model_copy(update={"seed": self.seed, "metric": kwargs.metric or "loss"})
        kwargs_of_data = self.task.dataset.kwargs.model_copy(update={"handler": self._handler()})
        resolved = self._with_task(
            model=self.task.model.model_copy(update={"kwargs": filled}),
            dataset=self.task.dataset.model_copy(update={"kwargs": kwargs_of_data}).resolved(),
            record=[self._resolved_record(record) for record in self.task.record],
        )
        harness = self.lstm_bench.model_dump(exclude={"features", "label", "horizon"}, exclude_unset=True)
        if self.lstm_bench.features is not None:
            harness["features"] = FeatureSet(name=self.lstm_bench.features.name)
        tracking = {"tracking": self.lstm_bench.tracking}  # excluded from dumps
        filled_harness = HarnessConfig.model_validate(harness).model_copy(update=tracking)
        return ResolvedRun.model_construct(
            resolved.model_fields_set | {"lstm_bench"}, **{**dict(resolved), "lstm_bench": filled_harness}
        )

    def _handler(self) -> HandlerConfig:
        """Return the handler with the columns of the feature set and the one label.

        Raises
        ------
        ConfigError
            If there is no column, or the chosen label does not exist.
        """
        handler, harness = self.task.dataset.kwargs.handler, self.lstm_bench
        if harness.features is not None and harness.features.columns:
            handler = handler.with_columns(harness.features.columns)
        if harness.features is not None and harness.features.labels:
            handler = handler.with_label(FieldsInfo.of(harness.features.labels))
        if harness.horizon is not None:
            price, days = handler.price, harness.horizon
            text = f"Ref({price}, -{days + 1})/Ref({price}, -1) - 1"
            return handler.with_label(FieldsInfo.of(dict.fromkeys(DEFAULT_LABEL, text)))
        labels = handler.label
        chosen = harness.label or labels.names[0]
        if chosen not in labels.names:
            raise ConfigError(f"lstm_bench.label: got {chosen!r}; {choices_hint(chosen, labels.names)}")
        return handler if len(labels.names) == 1 else handler.with_label(labels.only(chosen))

    def _resolved_record(self, record: Record) -> Record:
        if not isinstance(record, PortAnaRecord):
            return record
        config = resolve(record.kwargs.config, self.qlib_init.region)
        return record.model_copy(update={"kwargs": record.kwargs.model_copy(update={"config": config})})

    def _with_task(self, **sections: Any) -> Self:
        # BaseModel's own: the sections keep a resolved configuration resolved
        return BaseModel.model_copy(self, update={"task": self.task.model_copy(update=sections)})

    def to_file(self) -> dict[str, Any]:
        """Return the resolved configuration in the shape of a workflow file, plain data only."""
        return self.resolved().model_dump(mode="json", by_alias=True)

    def identity(self) -> dict[str, Any]:
        """Return what identifies a run besides its seed and data: every setting that affects a number.

        Paths, the device, names and other fields marked :class:`~lstm_bench.config.identity.NotIdentity` are left out,
        as are settings without effect. Of Qlib's usual records only the settings are included: signals are always
        analysed, and the region has already set the defaults of the exchange.
        """
        config = self.resolved()
        content: dict[str, Any] = {
            "model": identity_of(config.task.model.kwargs),
            "dataset": identity_of(config.task.dataset),
            "lstm_bench": identity_of(config.lstm_bench),
            "signal": identity_of(config.signal_analysis),
        }
        if config.portfolio_analysis is not None:
            content["portfolio"] = identity_of(config.portfolio_analysis)
        if config._row_days is not None and config.step_len == config._row_days:
            content["dataset"]["kwargs"].pop("step_len", None)  # the whole row is the default
        if config.further_records:
            content["records"] = sorted(config.further_records)
        if config.indicator_weighting != "mean":
            content["indicators"] = config.indicator_weighting
        return content


class ResolvedRun(RunConfig):
    """A run's configuration in which every default is filled in. :meth:`RunConfig.resolved` makes it."""

    @model_validator(mode="before")
    @classmethod
    def _made_by_resolved_only(cls, _: Any) -> Any:
        raise TypeError("a ResolvedRun is made by RunConfig.resolved() only")

    def resolved(self) -> ResolvedRun:
        """Return the configuration itself."""
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy. The sections that decide what is computed cannot be replaced.

        Raises
        ------
        TypeError
            If ``update`` has other fields than ``qlib_init``, whose path may change, and ``experiment_name``.
        """
        if not set(update or ()) <= {"qlib_init", "experiment_name"}:
            raise TypeError(
                f"a ResolvedRun cannot be updated by {sorted(update or ())}; resolve a RunConfig again"
            )
        return super().model_copy(update=update, deep=deep)


def load_workflow(path: Path, overrides: Overrides = ()) -> RunConfig:
    """Read a Qlib workflow file.

    Raises ConfigError if the file, an override or a value in them is wrong; it names the field, what came and what
    was expected.

    Parameters
    ----------
    path
        The file; see :func:`lstm_bench.config.yaml.read_yaml` for what it may use. The path of a feature set is
        relative to the file, or else to the working directory.
    overrides
        ``dotted.key=value`` texts, the value being YAML; pairs of a dotted key and a plain value; or a mapping.
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
