"""A study file as a :class:`StudyConfig`: what to search, how, over which seeds and for how long."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from lstm_bench.config.experiment import check_evidence_name
from lstm_bench.config.section import Section
from lstm_bench.config.sections.parameter import Parameter, Scalar, dotted_key, in_order, short_key
from lstm_bench.config.sections.search import PrunerConfig, SamplerConfig
from lstm_bench.config.values.duration import Duration
from lstm_bench.config.values.seeds import Seeds
from lstm_bench.config.wording.mistakes import KeyPath, explain
from lstm_bench.config.wording.value_text import value_text
from lstm_bench.config.yaml import read_yaml
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import choices_hint

__all__ = ["BUDGET", "Features", "StudyConfig", "check_total", "load_study", "parse_study"]

Features = Literal["alpha158", "alpha360"]

_MOST_TRIALS = 1_000_000


def check_total(trials: int) -> int:
    """Check a number of trials and return it.

    Raises ValueError if it is more than any search needs.
    """
    if trials > _MOST_TRIALS:
        raise ValueError(
            f"expected at most {_MOST_TRIALS:,}; to search as long as there is time, give tune a time, such as "
            "--timeout 8h"
        )
    return trials


BUDGET = ("trials", "max_epochs", "trial_timeout", "timeout", "max_retries")
"""Fields of the budget, which may change after a study has trials."""

_SET_ELSEWHERE: Mapping[str, str] = {
    "task.model.kwargs.n_epochs": "use max_epochs",
    "task.model.kwargs.GPU": "use tune --devices",
    "task.model.kwargs.n_jobs": "it is ignored",
    "qlib_init": "use study create --provider-uri",
    "experiment_name": "the study's name is the experiment's",
}
_LABELS = "validation losses of different labels cannot be compared"
_NOT_SEARCHED: Mapping[str, str] = {
    **_SET_ELSEWHERE,
    "task.record": "trials are compared by their validation loss, which it does not change",
    "task.dataset.kwargs.segments": "validation losses of different days cannot be compared",
    "task.dataset.kwargs.handler.kwargs.instruments": "validation losses of different universes cannot be compared",
    "task.dataset.kwargs.handler.kwargs.learn_processors": "they scale labels, and so the validation loss",
    **dict.fromkeys(
        (f"lstm_bench.training.{key}" for key in ("loss", "huber_delta", "rank_temperature")),
        "validation losses of different kinds cannot be compared; make a study for each",
    ),
    **dict.fromkeys(
        (f"task.dataset.kwargs.handler.kwargs.{key}" for key in ("start_time", "end_time")),
        "it removes days from segments, and validation losses of different days cannot be compared",
    ),
    "lstm_bench.training.permute_labels": _LABELS,
    "task.dataset.kwargs.handler.kwargs.process_type": "it decides which processors scale labels",
    "lstm_bench.compat": "qlib and none evaluate different samples of valid",
    "lstm_bench.embargo": "it excludes days of valid, and validation losses of different days cannot be compared",
    "lstm_bench.features": "a set of columns may bring its own label; make a study for each",
    **dict.fromkeys(
        (
            "task.dataset.kwargs.handler.kwargs.label",
            "task.dataset.kwargs.handler.kwargs.data_loader",
            "lstm_bench.label",
            "lstm_bench.horizon",
        ),
        _LABELS,
    ),
}
_NOT_FIXED: Mapping[str, str] = {
    **_SET_ELSEWHERE,
    "task.model.kwargs.seed": "use seeds",
    **dict.fromkeys(
        ("lstm_bench.features", "lstm_bench.label", "lstm_bench.horizon"),
        "columns and label are the same for the whole study; use set",
    ),
}


def _plain(value: Any) -> Any:
    """Return data that JSON can hold: a day becomes its text, which a workflow file reads too."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"got {value_text(value)}, expected plain data: numbers, texts, dates, lists, mappings")


Plain = Annotated[Any, BeforeValidator(_plain)]


class StudyConfig(Section):
    """``studies/*.yaml``. Keys are short names, such as ``lr``, or dotted keys of a workflow file."""

    name: Annotated[str, AfterValidator(check_evidence_name)] = Field(
        description="by default the file's; names folders too: letters, digits and . _ - only"
    )
    base: str = Field(min_length=1, description="the workflow file, relative to the study file's folder")
    features: Features | None = Field(None, description="the workflow's feature set, checked if given")
    set: dict[str, Plain] = Field(
        {}, description="dotted keys that override the workflow file; aliases follow"
    )
    space: dict[str, Parameter] = Field(min_length=1, description="the search space: key -> parameter")
    fixed: dict[str, Plain] = Field({}, description="values that all trials share")
    enqueue: tuple[dict[str, Scalar], ...] = Field(
        (), description="trials to run right after the first one, which has the values of the workflow file"
    )
    seeds: Seeds = Field(
        (1000, 1001, 1002), description="seeds that each trial trains; a benchmark uses others"
    )
    sampler: SamplerConfig = Field(SamplerConfig(), description="how trials are proposed")
    pruner: PrunerConfig = Field(PrunerConfig(), description="which trials are stopped early")
    trials: Annotated[int, AfterValidator(check_total)] = Field(
        100, ge=1, description="complete, pruned and failed trials together"
    )
    max_epochs: int = Field(200, ge=1, description="n_epochs of every trial")
    trial_timeout: Duration | None = Field(None, description="time after which a trial counts as failed")
    timeout: Duration | None = Field(None, description="time after which no trial starts")
    max_retries: int = Field(2, ge=0, description="how often a failed trial is tried again")

    @field_validator("space", "fixed", mode="before")
    @classmethod
    def _short_names(cls, given: Any) -> Any:
        return _renamed(given) if isinstance(given, dict) else given

    @field_validator("enqueue", mode="before")
    @classmethod
    def _short_names_of_each(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            return given
        return tuple(_renamed(entry) if isinstance(entry, dict) else entry for entry in given)

    @model_validator(mode="after")
    def _keys_make_sense(self) -> StudyConfig:
        _refuse_keys("set", self.set, {"task.model.kwargs.n_epochs": "use max_epochs"})
        _refuse_keys("fixed", self.fixed, _NOT_FIXED)
        _refuse_keys("space", self.space, _NOT_SEARCHED)
        named = [("space", key) for key in self.space] + [("fixed", key) for key in self.fixed]
        for position, (where, key) in enumerate(named):
            for _, other in named[:position]:
                if _overlap(dotted_key(key), dotted_key(other)):
                    both = "both space and fixed have" if where == "fixed" else "space has"
                    raise ValueError(f"{both} {key}" + (f" and {other}" if other != key else ""))
        if "seed" in self.space and self.sampler.name != "grid":
            raise ValueError(
                "space.seed: choosing seeds by their results selects for luck; only sampler grid can search all of them"
            )
        return self

    @model_validator(mode="after")
    def _conditions_fit(self) -> StudyConfig:
        for key, parameter in self.space.items():
            for other, values in parameter.when.items():
                if other == key or other not in self.space:
                    others = sorted(self.space.keys() - {key})
                    raise ValueError(f"space.{key}.when: got {other!r}; {choices_hint(other, others)}")
                for value in values:
                    if not self.space[other].contains(value):
                        raise ValueError(
                            f"space.{key}.when.{other}: got {value_text(value)}, which is not a value of {other}: "
                            f"{self.space[other]}"
                        )
        in_order(self.space)
        return self

    @model_validator(mode="after")
    def _enqueued_lie_in_space(self) -> StudyConfig:
        for position, params in enumerate(self.enqueue):
            for key, value in params.items():
                where = f"enqueue.{position}.{key}"
                if key not in self.space:
                    raise ValueError(f"{where}: no parameter of the space; {choices_hint(key, self.space)}")
                if not self.space[key].contains(value):
                    raise ValueError(f"{where}: got {value_text(value)}, expected one of {self.space[key]}")
                for other, values in self.space[key].when.items():
                    if other not in params or params[other] not in values:
                        listed = ", ".join(map(value_text, values))
                        raise ValueError(f"{where}: used only if {other} is one of {listed}")
        return self

    @model_validator(mode="after")
    def _search_fits(self) -> StudyConfig:
        continuous = [key for key, parameter in self.space.items() if parameter.is_continuous]
        if self.sampler.name == "grid" and continuous:
            raise ValueError(
                f"sampler.name: a grid is infinite over {', '.join(continuous)}; give a step or choices"
            )
        ranges = [key for key, entry in self.space.items() if entry.choices is None and not entry.when]
        if self.sampler.name == "cmaes" and len(ranges) < 2:
            raise ValueError(
                "sampler.name: cmaes needs two ranges (int or float) without condition or more; "
                f"the space has {', '.join(ranges) or 'none'}"
            )
        self.pruner.check(1 if "seed" in self.space else len(self.seeds), self.max_epochs)
        return self

    def notes(self) -> tuple[str, ...]:
        """Describe settings that are allowed but may be mistakes."""
        name, pruner = self.sampler.name, self.pruner
        found = []
        if len(self.seeds) > 20:
            found.append(f"every trial trains {counted(len(self.seeds), 'seed')}")
        alone = [
            key
            for key, parameter in self.space.items()
            if parameter.when or (name == "cmaes" and parameter.choices is not None)
        ]
        if name in ("cmaes", "gp") and alone:
            found.append(f"sampler {name} draws {', '.join(alone)} at random: it knows no conditions"
                         + (" or choices" if name == "cmaes" else ""))  # fmt: skip
        if pruner.warms_up and pruner.warmup_epochs >= self.max_epochs:
            found.append(
                f"pruner.warmup_epochs is {pruner.warmup_epochs}, of {self.max_epochs} max_epochs: no trial is pruned"
            )
        return tuple(found)


def _renamed(given: dict[Any, Any]) -> dict[str, Any]:
    renamed = {short_key(str(key)): value for key, value in given.items()}
    if len(renamed) < len(given):
        twice = sorted(
            key for key in renamed if key in given and dotted_key(key) != key and dotted_key(key) in given
        )
        raise ValueError(f"a short name and its dotted key are the same: {', '.join(twice)}")
    return renamed


def _overlap(one: str, other: str) -> bool:
    """Whether two dotted keys are the same, or one lies below the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _refuse_keys(where: str, keys: Iterable[str], refused: Mapping[str, str]) -> None:
    for key in keys:
        dotted = dotted_key(key)
        for other, why in refused.items():
            if _overlap(dotted, other):
                raise ValueError(f"{where}.{key}: cannot be set here: {why}")


def parse_study(content: Mapping[str, Any], place: Callable[[KeyPath], str] | None = None) -> StudyConfig:
    """Check a study.

    Raises ConfigError if a field is wrong; it names the field, what came and what was expected.
    ``place`` is as for :func:`lstm_bench.config.wording.mistakes.explain`.
    """
    try:
        return StudyConfig.model_validate(dict(content))
    except ValidationError as error:
        raise explain(error, place=place) from error


def load_study(path: Path) -> StudyConfig:
    """Read a study file; the file's name is the study's by default.

    Raises ConfigError if the file or a field in it is wrong.
    """
    document = read_yaml(path)
    return parse_study({"name": path.stem, **document.content}, document.place)
