"""Makes docs/configuration.md: every key that a file may have, from the models that read the files.

``python docs/tools/configuration.py`` writes the page; ``tests/docs/test_configuration.py`` holds that it is current.
"""

from __future__ import annotations

import datetime
import json
import re
import types
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import annotated_types as at
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from lstm_bench.config.feature_set import FeatureSet
from lstm_bench.config.section import Section
from lstm_bench.config.sections.handler import HANDLERS, HandlerConfig
from lstm_bench.config.sections.loader import FieldsInfo
from lstm_bench.config.sections.processor import PROCESSORS, ProcessorConfig
from lstm_bench.config.study import StudyConfig
from lstm_bench.config.values import duration, seeds
from lstm_bench.config.workflow import RunConfig

__all__ = ["PAGE", "configuration_page", "places"]

PAGE = Path(__file__).parents[1] / "configuration.md"

_HEAD = """\
# Configuration

<!-- Made by docs/tools/configuration.py from the models in src/lstm_bench/config. -->

Every key of the three kinds of file: [workflow files](#workflow-file), [study files](#study-file) and
[feature sets](#feature-set). Other keys are refused, and the message names the nearest key. In sections in which Qlib
ignores unknown keys, they are ignored with a warning, unless they resemble a key of the table. *required* means that a
file has to set the key.

`--set KEY=VALUE` overrides the file, and the file overrides the defaults. A KEY is the full path in the file, such as
`task.dataset.kwargs.handler.kwargs.label`. `lstm-bench run FILE --dry-run` prints the resolved configuration.
"""

_ROOTS: Mapping[str, tuple[type[Section], str]] = {
    "Workflow file": (
        RunConfig,
        "What `lstm-bench run` and `bench` take, and `qrun` too. Other keys at the top, such as those that "
        "define YAML anchors, are ignored.",
    ),
    "Study file": (
        StudyConfig,
        "What `lstm-bench study create --from FILE` takes; [Studies](studies.md) explains searches.",
    ),
    "Feature set": (
        FeatureSet,
        "A file of its own, which `lstm_bench.features` names and `lstm-bench features check` takes. Its keys are "
        "those of [`lstm_bench.features`](#lstm_benchfeatures).",
    ),
}

_BY_CLASS: Mapping[type[Section], tuple[str, Mapping[str, type[Section]]]] = {
    HandlerConfig: ("handler", {name: kwargs for name, (_, kwargs) in HANDLERS.items()}),
    ProcessorConfig: ("processor", PROCESSORS),
}
"""Models with ``kwargs`` that depend on a class -> their description, and the models of the kwargs by class."""

_VALIDATED: Mapping[str, str] = {
    duration.__name__: "time, such as `90s` or `1h30m`",
    seeds.__name__: "seeds: `5`, `0-4` or `[3, 7]`",
}
"""Module of a validator -> what it reads."""

_KINDS = ("name", "filter_type")
"""Fields that select one of several models of a section."""

_PLAIN: Mapping[Any, str] = {
    str: "text",
    int: "int",
    float: "float",
    bool: "bool",
    Any: "any",
    datetime.date: "day",
    type(None): "`null`",
    FieldsInfo: "expressions",
}


class Place(NamedTuple):
    """Where a model stands first: the heading of its table, and the path that its keys follow."""

    heading: str
    path: str
    model: type[Section]

    @property
    def anchor(self) -> str:
        """The heading's, as Markdown makes it."""
        return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", self.heading.lower()).strip())


def configuration_page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_blocks()])


def _blocks() -> Iterator[str]:
    for title, (model, text) in _ROOTS.items():
        yield f"## {title}\n\n{text}\n"
        for place in places()[title]:
            if place.model is not model:
                yield f"### {place.heading}\n"
            parts = [_prose(place) if place.model is not model else "", _table(place)]
            yield from (f"{part}\n" for part in parts if part)


@cache
def places() -> dict[str, list[Place]]:
    """Return each root's models in order, each where it stands first."""
    seen: set[type[Section]] = set()

    def walk(place: Place) -> Iterator[Place]:
        if place.model in seen:
            return
        seen.add(place.model)
        yield place
        for name, field in place.model.model_fields.items():
            for below in _below(place, name, field):
                yield from walk(below)

    return {title: list(walk(Place(title, "", model))) for title, (model, _) in _ROOTS.items()}


def _below(place: Place, name: str, field: FieldInfo) -> Iterator[Place]:
    """Name the models that a field holds."""
    if name == "kwargs" and place.model in _BY_CLASS:
        kind, table = _BY_CLASS[place.model]
        for kwargs in dict.fromkeys(table.values()):
            keys = ", ".join(f"`{key}`" for key, model in table.items() if model is kwargs)
            yield Place(f"{keys}: `kwargs` of a {kind}", f"{kind}.kwargs", kwargs)
        return
    own = ".".join(part for part in (place.path, field.alias or name) if part)
    held = list(_held(field.annotation))
    for model in held:
        word = next((word for word in _KINDS if word in model.model_fields), None)
        if len(held) > 1 and word is not None:
            (key,) = get_args(model.model_fields[word].annotation)
            yield Place(f"`{key}`: in `{own}`", key, model)
        else:
            yield Place(f"`{own}`", own, model)


def _held(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, Section):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _held(part)


def _table(place: Place) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    refused, ignored = [], []
    for name, field in place.model.model_fields.items():
        key = f"`{field.alias or name}`"
        if field.annotation is type(None):
            refused.append(key)
        elif field.annotation is Any and (field.description or "").startswith("ignored"):
            ignored.append(key)
        else:
            cells = key, _type(place, name, field), _default(field), _meaning(name, field)
            rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    lines = rows if len(rows) > 2 else []
    if ignored:
        lines += ["", f"Ignored, since they change no number: {', '.join(ignored)}."]
    if refused:
        lines += ["", f"Refused by name, unless null: {', '.join(refused)}."]
    return "\n".join(lines)


def _meaning(name: str, field: FieldInfo) -> str:
    if field.description:
        return field.description
    return {"name": "which class", "module_path": "where Qlib has the class"}[name]


def _type(place: Place, name: str, field: FieldInfo) -> str:
    text = ", ".join([_validated(field.metadata) or _name(field.annotation), *_bounds(field)])
    below = list(_below(place, name, field))
    if len(below) == 1:
        first = next(each for found in places().values() for each in found if each.model is below[0].model)
        for word in ("section", "expressions"):
            text = text.replace(word, f"[{word}](#{first.anchor})", 1)
    return text


def _validated(metadata: list[Any] | tuple[Any, ...]) -> str | None:
    read = [entry.func.__module__ for entry in metadata if isinstance(entry, BeforeValidator)]
    return next((_VALIDATED[module] for module in read if module in _VALIDATED), None)


def _name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _validated(arguments[1:]) or _name(arguments[0])
    if origin is Literal:
        return _either(
            [f"`{value if isinstance(value, str) and value else json.dumps(value)}`" for value in arguments]
        )
    if origin in (Union, types.UnionType):
        return _either([_name(part) for part in arguments])
    if origin is tuple and Ellipsis not in arguments:
        return f"[{', '.join(map(_name, arguments))}]"
    if origin in (list, tuple):
        return f"list of {_name(arguments[0])}"
    if origin is dict:
        return f"mapping of {_name(arguments[0])} to {_name(arguments[1])}"
    if annotation not in _PLAIN and issubclass(annotation, Section):
        return "section"
    return _PLAIN[annotation]


def _either(names: list[str]) -> str:
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} or {last}" if others else last


def _bounds(field: FieldInfo) -> Iterator[str]:
    for entry in field.metadata:
        for kind, sign in ((at.Ge, "≥"), (at.Gt, ">"), (at.Le, "≤"), (at.Lt, "<")):
            if isinstance(entry, kind):
                value = getattr(entry, kind.__name__.lower())
                yield f"{sign} {'2³²' if value == 2**32 else format(value, 'g')}"
        if isinstance(entry, at.MinLen):
            yield "not empty"
        if pattern := getattr(entry, "pattern", None):
            yield f"like `{pattern}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Section):
        return "its own"
    if isinstance(value, tuple | list) and value and isinstance(value[0], ProcessorConfig):
        return ", ".join(f"`{entry.name}`" for entry in value)
    if isinstance(value, str) and value:
        return f"`{value}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{json.dumps(value)}`"


def _prose(place: Place) -> str:
    """Return the model's docstring without its path and examples."""
    text = re.split(r"\n\s*Examples\n\s*-+\n", place.model.__doc__ or "")[0]
    text = "\n".join(line.strip() for line in text.strip().splitlines()).replace("``", "`")
    text = re.sub(r":\w+:`~?([^`]+)`", lambda match: f"`{match[1].rsplit('.', 1)[-1]}`", text)
    text = re.sub(r"^`[\w.]+`(?: takes it as [^.]*)?(?:[:.;]|$)\s*", "", text)
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    PAGE.write_text(configuration_page(), encoding="utf-8")
