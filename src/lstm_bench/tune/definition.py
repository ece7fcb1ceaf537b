"""The definition of a study: its configuration, the workflow that all trials share, and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lstm_bench.config.sections.parameter import Parameter, Scalar, dotted_key, in_order
from lstm_bench.config.sections.tracking import TrackingConfig
from lstm_bench.config.sections.universe import FilteredMarket, market_text
from lstm_bench.config.study import BUDGET, StudyConfig, parse_study
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.config.workflow import ResolvedRun, load_workflow
from lstm_bench.config.yaml import Overrides
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, InputError, choices_hint
from lstm_bench.tune.comparable import check_comparable
from lstm_bench.tune.overlay import validated_workflow, with_values
from lstm_bench.tune.space import holds, nearest, size

if TYPE_CHECKING:
    from lstm_bench.record.stamp import NamedData, Stamp

__all__ = ["Definition"]

_LARGEST_GRID = 100_000

_N_EPOCHS = "task.model.kwargs.n_epochs"
_PROVIDER = "qlib_init.provider_uri"


@dataclass(frozen=True)
class Definition:
    """Everything that a driver on any machine needs to continue a study.

    Attributes
    ----------
    config
        The study file.
    workflow
        Its workflow file with ``set``, ``fixed`` and ``max_epochs`` in it, resolved.
    data_fingerprint
        Of the data that the study was made for.
    tracking
        The tracking section of the workflow file or ``set``.
    stamp
        The part of the data that a run uses, so that days can be added. None if a run would be refused, and in studies
        of earlier versions.
    """

    config: StudyConfig
    workflow: ResolvedRun
    data_fingerprint: str
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    stamp: Stamp | None = None

    @classmethod
    def of(
        cls,
        config: StudyConfig,
        base_folder: Path,
        overrides: Overrides = (),
        *,
        provider_uri: str | None = None,
    ) -> Definition:
        """Read the workflow file, hash the data, and check that every end of the space makes a configuration.

        ``base`` is relative to ``base_folder``. ``overrides`` go over the workflow file and ``set``, and
        ``provider_uri`` replaces the workflow's data folder.

        Raises
        ------
        ConfigError
            If the workflow file is missing or wrong, or does not fit the study.
        DataError
            If there is no data.
        """
        from lstm_bench.data.fingerprint import fingerprint
        from lstm_bench.data.provider import Provider
        from lstm_bench.dataset.segments import close_segments
        from lstm_bench.record.stamp import Stamp

        base = base_folder / Path(config.base).expanduser()
        if not base.is_file():
            raise ConfigError(
                f"base: study {config.name!r} names {config.base!r}; there is no file {base.resolve()}"
            )
        pairs = list(overrides.items()) if isinstance(overrides, Mapping) else list(overrides)
        workflow = load_workflow(base, [*config.set.items(), *pairs]).resolved()
        tracking = workflow.lstm_bench.tracking
        _check_features(config, workflow)
        provider = Provider(provider_uri or workflow.qlib_init.provider_uri)
        instruments = workflow.task.dataset.kwargs.handler.kwargs.instruments
        if isinstance(instruments, str | FilteredMarket):
            provider.universe(market_text(instruments))
        workflow = close_segments(with_values(workflow.to_file(), config.fixed, "fixed"), provider).resolved()
        # trials may run in another folder
        values = {_PROVIDER: str(provider.root.absolute()), _N_EPOCHS: config.max_epochs}
        workflow = with_values(workflow.to_file(), values, "study")
        stamp = Stamp.of(workflow, provider)
        definition = cls(config, workflow, fingerprint(provider), tracking, stamp)
        definition._check_space()
        return definition

    def data(self, provider_uri: str | None = None) -> NamedData:
        """Open the study's data, in ``provider_uri`` if the folder has moved.

        Days that were added to the folder since are left out, so that all trials and seeds of the study use the same.
        Raises ``InputError`` if the data are not the study's. The message says which days and stocks differ.
        """
        from lstm_bench.data.fingerprint import fingerprint
        from lstm_bench.data.provider import Provider
        from lstm_bench.record.stamp import NamedData

        where = provider_uri or self.workflow.qlib_init.provider_uri
        provider = Provider(where)
        found = fingerprint(provider)
        if found == self.data_fingerprint:
            return NamedData(provider, found, found)
        study, new = f"study {self.config.name!r}", "make a new study for the new data"
        if self.stamp is None:
            raise InputError(
                f"{study} was made for data with the fingerprint {self.data_fingerprint[:12]}, but {where} has "
                f"{found[:12]}, and an earlier version made the study without recording the days and stocks that it "
                f"uses: tune or bench it once on the unchanged folder, which records them, or {new}"
            )
        try:
            return NamedData(self.stamp.open(self.workflow, provider), self.data_fingerprint, found)
        except InputError as error:
            raise InputError(f"{study} was made for other data than {where} has: {error}; {new}") from error

    @property
    def features(self) -> str:
        """Name of the feature set: the handler's class, or the name of a user's set."""
        return self.workflow.feature_set

    @cached_property
    def _content(self) -> dict[str, Any]:
        return self.workflow.to_file()

    def run_config(self, params: Mapping[str, Scalar]) -> ResolvedRun:
        """Return the workflow with a trial's parameters; others, such as the seed, keep the workflow's values.

        Raises ``ConfigError`` if a parameter is not in the space, or the workflow cannot have its value. The message
        names the key.
        """
        space = self.config.space
        for key in params:
            if key not in space:
                raise ConfigError(f"parameter {key}: the space has none; {choices_hint(key, space)}")
        exact = {key: _without_rounding(space[key], value) for key, value in params.items()}
        return with_values(self._content, exact, "parameter")

    def seeds(self, params: Mapping[str, Scalar]) -> tuple[int, ...]:
        """Seeds that a trial trains: the study's, or the parameter ``seed``."""
        return (int(params["seed"]),) if "seed" in params else self.config.seeds

    def defaults(self) -> tuple[dict[str, Scalar], dict[str, Any]]:
        """Return the workflow's values of the parameters, which are Qlib's in the ready studies.

        Returns
        -------
        params
            The nearest point of the space.
        moved
            The workflow's value of each parameter whose value is outside the space; None if it has none.
        """
        params: dict[str, Scalar] = {}
        moved: dict[str, Any] = {}
        for key in in_order(self.config.space):
            parameter = self.config.space[key]
            if not holds(parameter, params):
                continue
            value = self._value(key)
            params[key] = nearest(parameter, value)
            if not parameter.contains(value):
                moved[key] = value
        return params, moved

    def _value(self, key: str) -> Any:
        """Return the workflow's value of a key, None if it has none."""
        if key == "step_len":
            return self.workflow.step_len
        value: Any = self._content
        for part in dotted_key(key).split("."):
            value = value[int(part)] if isinstance(value, list) else value.get(part)
            if value is None:
                return None
        return value

    def _check_space(self) -> None:
        """Check that each parameter can have its extreme values, or every choice."""
        points = size(self.config.space) if self.config.sampler.name == "grid" else None
        if points is not None and points > _LARGEST_GRID:
            raise ConfigError(
                f"sampler.name: the grid has {counted(points, 'point')}, expected at most {_LARGEST_GRID:,}"
            )
        for key, parameter in self.config.space.items():
            for value in parameter.choices if parameter.choices is not None else parameter.span:
                check_comparable(key, self.run_config({key: value}), self.workflow)

    def with_budget(self, budget: Mapping[str, Any]) -> Definition:
        """Return the study with another budget: any of ``config.study.BUDGET``.

        Raises ``ConfigError`` if a key is not part of the budget, a value is wrong, or another number of epochs would
        stretch a schedule that spans them, so that later trials could not be compared with earlier ones.
        """
        if not isinstance(budget, Mapping):
            raise ConfigError(f"budget: got {value_with_kind(budget)}, expected a mapping")
        if not budget:
            return self
        for key in budget:
            if key not in BUDGET:
                raise ConfigError(f"budget: got {key!r}; {choices_hint(key, BUDGET)}")
        config = parse_study({**self.config.model_dump(mode="json", by_alias=True), **budget})
        workflow = with_values(self._content, {_N_EPOCHS: config.max_epochs}, "budget")
        changed = replace(self, config=config, workflow=workflow)
        if config.max_epochs != self.config.max_epochs:
            self._refuse_stretching()
            changed._check_space()
        return changed

    def _refuse_stretching(self) -> None:
        searched = self.config.space.get("schedule")
        schedules = (self.workflow.lstm_bench.training.schedule,)
        spanning = {"cosine", "one_cycle"}.intersection(
            schedules if searched is None else searched.choices or ()
        )
        if spanning:
            raise ConfigError(
                f"budget.max_epochs: schedule {' and '.join(sorted(spanning))} spans all epochs, so that later trials "
                "could not be compared with the existing ones; make a new study"
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain data from which :meth:`from_json` restores the definition without any file."""
        return {
            "config": self.config.model_dump(mode="json", by_alias=True),
            "workflow": self.workflow.to_file(),
            "data_fingerprint": self.data_fingerprint,
            "tracking": self.tracking.model_dump(),
            "stamp": None if self.stamp is None else self.stamp.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Definition:
        """Make a definition from the data of :meth:`to_json`.

        Raises ``ConfigError`` if it cannot be read, such as one of a later version.
        """
        if not isinstance(content, Mapping):
            raise ConfigError(f"definition: got {value_with_kind(content)}, expected a mapping")
        parts = {"config": dict, "workflow": dict, "data_fingerprint": str}
        for key, kind in parts.items():
            if not isinstance(content.get(key), kind):
                found = f"got {value_with_kind(content[key])}" if key in content else "missing"
                raise ConfigError(
                    f"definition.{key}: {found}, expected a {'text' if kind is str else 'mapping'}"
                )
        workflow = validated_workflow(content["workflow"], "workflow").resolved()
        try:
            tracking = TrackingConfig.model_validate(content.get("tracking", {}))
        except ValidationError as error:
            raise explain(error, "tracking") from error
        stamp = content.get("stamp")
        if stamp is not None:
            from lstm_bench.record.stamp import Stamp

            stamp = Stamp.from_json(stamp)
        return cls(parse_study(content["config"]), workflow, content["data_fingerprint"], tracking, stamp)


def _check_features(config: StudyConfig, workflow: ResolvedRun) -> None:
    found = workflow.feature_set
    if config.features is not None and not found.lower().startswith(config.features):
        raise ConfigError(f"features: got {config.features!r}, but those of {config.base} are {found}")


def _without_rounding(parameter: Parameter, value: Scalar) -> Scalar:
    """Undo the rounding errors of added steps: 0.30000000000000004 is 0.3."""
    return nearest(parameter, value) if parameter.step is not None and parameter.contains(value) else value
