"""Nothing that a user reads has a word of the validator's, whatever stands in whatever place of whatever file."""

from __future__ import annotations

import copy
import datetime
import importlib
import math
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

import lstm_bench
from lstm_bench.config.class_path import SupportedClass
from lstm_bench.config.section import Section
from lstm_bench.config.study import StudyConfig
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.config.yaml import read_yaml
from lstm_bench.core.errors import ConfigError

ROOT = Path(__file__).parents[3]

PALETTE: list[Any] = [
    *(None, True, 3, 1.5, math.nan, math.inf, 10**30, -1, "", "x", "1.5", [], [None], ["x", 3], [[]]),
    *({}, {"a": 1}, {1: None}, {"class": 3}, datetime.date(2020, 1, 31), datetime.datetime(2020, 1, 31, 9)),
]
"""Values of all kinds that YAML has, most of them wrong in most places."""


def every_model() -> list[type[BaseModel]]:
    for module in pkgutil.walk_packages(lstm_bench.__path__, "lstm_bench."):
        if not re.search(r"__main__|fused|trackers", module.name):
            importlib.import_module(module.name)
    found: list[type[BaseModel]] = []
    left: list[type[BaseModel]] = [BaseModel]
    while left:
        below = [model for model in left.pop().__subclasses__() if model.__module__.startswith("lstm_bench")]
        found += below
        left += below
    return sorted(set(found), key=lambda model: f"{model.__module__}.{model.__qualname__}")


MODELS = every_model()

NOT_READ = {ResolvedRun, SupportedClass}
"""Made by resolving, and a base that names no class."""

IN_FILES_TOO = {"SignalRecord", "SigAnaRecord", "HFSignalRecord", "SignalMseRecord", "PortAnaRecord"}
CLASSES = "|".join(model.__name__ for model in MODELS if model.__name__ not in IN_FILES_TOO)
LEAKS = re.compile(
    r"[Ii]nput should|[Ii]nput tag|valid (string|integer|number|boolean|dictionary|list|tuple|date)"
    r"|tuple\[|list\[|dict\[|\bstr\b|(?<!choices, )\bint\b(?! and)|\bdict\b|(?<!')\bNone\b|\bTrue\b|\bFalse\b|NoneType"
    r"|function-|union_tag|pydantic|type=|input_value|Value error|Field required|Extra inputs|datetime\."
    r"|another value|it cannot be used|(?<!\.)\bnan\b|\[key\]|errors\.|finite_number"
    rf"|\b({CLASSES})\b"
)
"""The validator's and Python's words; a record's class in a file is called as its model here."""


def leak(explanation: str) -> re.Match[str] | None:
    """Find a word of the validator's behind the paths."""
    return LEAKS.search(
        "\n".join(re.sub(r"^\S+: ", "", line).partition("choices: ")[0] for line in explanation.splitlines())
    )


def refusal(model: type[BaseModel], content: Any) -> str:
    """The message, empty where the content is taken."""
    try:
        model.model_validate(content)
    except ValidationError as error:
        return str(explain(error))
    return ""


def test_every_section_is_walked() -> None:
    assert {RunConfig, StudyConfig} < set(MODELS)
    assert all(issubclass(model, Section) for model in MODELS), "explain() reads the findings of sections"


@pytest.mark.parametrize(
    "model", [model for model in MODELS if model not in NOT_READ], ids=lambda model: model.__qualname__
)
def test_a_wrong_value_of_a_field_is_named_in_plain_words(model: type[BaseModel]) -> None:
    for value in PALETTE:
        assert not leak(explanation := refusal(model, value)), (value, explanation)
    for name, field in model.model_fields.items():
        key = field.alias or name
        for value in PALETTE:
            explanation = refusal(model, {key: value})
            assert not leak(explanation), (key, value, explanation)
            alone = [line for line in explanation.splitlines() if "missing" not in line]
            about = [line for line in alone if re.match(rf"{re.escape(key)}(\.\S*)?: ", line)]
            assert about or all(names_fields(line, model) for line in alone), (key, value, explanation)
            assert len(about) == len({line.partition(": ")[0] for line in about}), explanation


def names_fields(line: str, model: type[BaseModel]) -> bool:
    """Whether a check of the whole section, which compares several fields, names one of them."""
    return any(
        re.search(rf"\b{name}\b", line)
        for key, field in model.model_fields.items()
        for name in (key, field.alias)
    )


def places(content: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    entries = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in entries:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


def with_value(content: Any, path: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(content)
    inside = changed
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    return changed


FILES = [
    *((path, RunConfig) for path in sorted((ROOT / "configs").glob("*.yaml"))),
    *((path, StudyConfig) for path in sorted((ROOT / "studies").glob("*.yaml"))),
]


@pytest.mark.parametrize(("path", "model"), FILES, ids=lambda value: getattr(value, "stem", ""))
def test_a_wrong_value_anywhere_in_a_file_is_told_with_its_path(path: Path, model: type[Section]) -> None:
    content = {key: value for key, value in read_yaml(path).content.items() if key in model.model_fields}
    content = {"name": path.stem, **content} if model is StudyConfig else content
    assert refusal(model, content) == ""
    for place in places(content):
        for value in PALETTE:
            explanation = refusal(model, with_value(content, place, value))
            assert not leak(explanation), (place, value, explanation)
            dotted = ".".join(map(str, place))
            for line in explanation.splitlines():
                at = line.partition(": ")[0]
                assert related(at, dotted) or names_a_part(line, place), (place, value, explanation)


def related(at: str, dotted: str) -> bool:
    """Whether one path lies on the way to the other."""
    return f"{at}.".startswith(f"{dotted}.") or f"{dotted}.".startswith(f"{at}.")


def names_a_part(line: str, place: tuple[str | int, ...]) -> bool:
    """Whether a check that compares several values names the one that was changed."""
    return any(str(step) in line for step in place[-3:])


class Inner(Section):
    number: int = Field(1, ge=1, lt=10)


class Outer(Section):
    either: str | tuple[str, ...] | Inner | None = None
    share: float | None = Field(None, ge=0.0, le=1.0)
    choice: Literal["mean", "median"] = "mean"
    by_name: dict[str, int] = Field({})
    pair: tuple[float, float] | None = None
    inner: Inner = Inner()
    several: list[Inner] = Field([])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"either": 3}, "either: got 3 (a number), expected a text in quotes, a list of texts, a mapping or null"),
        ({"either": ["a", 3, True]}, "either.1: got 3 (a number), expected a text in quotes\n"
                                     "either.2: got true, expected a text in quotes"),
        ({"either": {"number": 10}}, "either.number: got 10, expected a whole number from 1 to 9"),
        ({"either": {"nmber": 10}}, "either: unknown key 'nmber'; did you mean 'number'? choices: number"),
        ({"share": 1.5}, "share: got 1.5, expected a number from 0 to 1 or null"),
        ({"share": math.nan}, "share: got .nan, expected a finite number from 0 to 1 or null"),
        ({"share": "half"}, "share: got 'half', expected a number from 0 to 1 or null"),
        ({"choice": "meen"}, "choice: got 'meen', expected 'mean' or 'median'; did you mean 'mean'?"),
        ({"choice": None}, "choice: got null, expected 'mean' or 'median'"),
        ({"by_name": {"a": "x"}}, "by_name.a: got 'x', expected a whole number"),
        ({"by_name": {"a": 1.5, 2: 1}}, "by_name.a: got 1.5, expected a whole number\n"
                                        "by_name.2: got the key 2 (a number), expected a text in quotes"),
        ({"pair": [1]}, "pair.1: missing, expected a number"),
        ({"pair": [1, 2, 3]}, "pair: got [1, 2, 3], expected a list of 2 numbers or null"),
        ({"inner": [1]}, "inner: got [1] (a list), expected a mapping"),
        ({"inner": {"number": None}}, "inner.number: got null, expected a whole number from 1 to 9"),
        ({"several": [{"number": 0}, 7]}, "several.0.number: got 0, expected a whole number from 1 to 9\n"
                                          "several.1: got 7 (a number), expected a mapping"),
        ({"share": -1, "choice": 1, "shares": 1}, "share: got -1, expected a number from 0 to 1 or null\n"
         "choice: got 1 (a number), expected 'mean' or 'median'\n"
         "unknown key 'shares'; did you mean 'share'? choices: by_name, choice, either, inner, pair, several, share"),
    ],
)  # fmt: skip
def test_a_message_has_the_path_what_came_and_what_was_expected(content: Any, message: str) -> None:
    assert refusal(Outer, content) == message


def test_a_long_value_is_cut_off() -> None:
    explanation = refusal(Outer, {"inner": list(range(10_000)), "choice": "x" * 10_000})
    assert all(len(line) < 200 for line in explanation.splitlines())
    assert "inner: got [0, 1, 2," in explanation


def test_the_first_twenty_mistakes_are_listed_and_the_others_counted() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"either": list(range(51))})
    lines = str(explain(caught.value)).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 31 more"


def test_where_a_value_is_written_stands_behind_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"number": 0}})
    error = explain(caught.value, "row", lambda path: f"line {len(path)}")
    assert isinstance(error, ConfigError)
    assert str(error) == "row.inner.number: got 0, expected a whole number from 1 to 9 (line 2)"
