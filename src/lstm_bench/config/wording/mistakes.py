"""Explain mistakes in a configuration: the path as in the file, what came and what was expected.

Each :class:`~lstm_bench.config.section.Section` puts pydantic's errors about its fields into words; :func:`explain`
lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from lstm_bench.config.wording.expected import Type, classes_of, expected, field_type
from lstm_bench.config.wording.value_text import value_text, value_with_kind
from lstm_bench.core.errors import ConfigError, choices_hint

__all__ = ["KeyPath", "explain", "in_plain_words"]

KeyPath = tuple[str | int, ...]
"""Keys and positions from the top of a file to a value."""

_MOST = 20
"""How many mistakes a message lists."""

_PLAIN = "plain"
_RAISED = ("value_error", "assertion_error")
_BEGINS_WITH_KEY = re.compile(r"[A-Za-z_]\w*(\.\w+)*: ")


@dataclass(frozen=True)
class _Mistake:
    """Words about the value at a path, or about a key there. More precise words replace those made from a type."""

    path: KeyPath
    words: str
    of_type: bool = False
    key: str | int | None = None
    value: Any = field(default=None, compare=False)


def in_plain_words(model: type[BaseModel], data: Any, error: ValidationError) -> ValidationError:
    """Put pydantic's errors about a section into words.

    Errors of nested sections are in words already; their path is completed here.
    """
    found = [_mistake(model, data, finding) for finding in error.errors(include_url=False)]
    lines: list[InitErrorDetails] = []
    for mistake in _most_precise(found):
        context = {"words": mistake.words, "depth": len(mistake.path), "of_type": mistake.of_type}
        context["key"] = mistake.key
        kind = PydanticCustomError(_PLAIN, "{words}", context)
        lines.append({"type": kind, "loc": mistake.path, "input": mistake.value})
    return ValidationError.from_exception_data(model.__name__, lines)


def explain(
    error: ValidationError, where: str = "", place: Callable[[KeyPath], str] | None = None
) -> ConfigError:
    """List all mistakes, a line each.

    ``where`` is put before each path. ``place`` says where the value of a path is written, such as a file and line;
    empty if that is evident.
    """
    lines: dict[str, None] = {}
    for finding in error.errors(include_url=False):
        path = (*((where,) if where else ()), *finding["loc"])
        key = finding.get("ctx", {}).get("key")
        source = place((*finding["loc"], *(() if key is None else (key,)))) if place is not None else ""
        words = _words_of(finding)
        lines[_line(path, words) + (f" ({source})" if source else "")] = None
    listed = list(lines)[:_MOST]
    if len(lines) > _MOST:
        listed.append(f"and {len(lines) - _MOST} more")
    return ConfigError("\n".join(listed))


def _line(path: KeyPath, words: str) -> str:
    """Join a path and words, which may begin with the rest of the path."""
    dotted = ".".join(map(str, path))
    if not dotted:
        return words
    return f"{dotted}.{words}" if _BEGINS_WITH_KEY.match(words) else f"{dotted}: {words}"


def _words_of(finding: ErrorDetails) -> str:
    """Return the words of an error, if it has any."""
    context = finding.get("ctx", {})
    if finding["type"] == _PLAIN:
        return str(context["words"])
    if finding["type"] not in _RAISED:
        return "it cannot be used"
    words, value = str(context["error"]), finding["input"]
    is_plain = value is None or isinstance(value, bool | int | float | str)
    if words.startswith("got ") or not is_plain or value_text(value) in words:
        return words  # the message of a whole section names the key
    return f"got {value_with_kind(value)}; {words}"


def _mistake(model: type[BaseModel], data: Any, finding: ErrorDetails) -> _Mistake:
    loc, kind = finding["loc"], finding["type"]
    if kind == _PLAIN:
        depth, of_type = int(finding["ctx"]["depth"]), bool(finding["ctx"]["of_type"])
        if of_type and depth == 0 and loc and len(_type_at(model, _written(data, loc), loc).members) > 1:
            return _of_type(model, data, finding)  # these words are of one branch of a union
        above = loc[: len(loc) - depth]
        path = (*_written(data, above), *loc[len(above) :])
        return _Mistake(path, _words_of(finding), of_type, finding["ctx"]["key"])
    if kind in _RAISED:
        return _Mistake(_written(data, loc), _words_of(finding))
    if not loc:  # no mapping at all
        takes = str(getattr(model, "form", "a mapping"))
        value = finding["input"]
        return _Mistake(
            (), f"got {value_with_kind(value, takes)}, expected {takes}", of_type=True, value=value
        )
    if kind in ("extra_forbidden", "invalid_key"):
        known = [field.alias or name for name, field in model.model_fields.items()]
        words = f"unknown key {str(loc[-1])!r}; {choices_hint(str(loc[-1]), known)}"
        return _Mistake((), words, key=loc[-1])
    return _of_type(model, data, finding)


def _of_type(model: type[BaseModel], data: Any, finding: ErrorDetails) -> _Mistake:
    """Describe what a field, or an entry below it, takes."""
    loc, value = finding["loc"], finding["input"]
    is_missing = finding["type"] == "missing"
    path = _written(data, loc[:-1] if is_missing else loc) + (loc[-1:] if is_missing else ())
    takes = _type_at(model, path, loc)
    classes = classes_of(takes)
    if classes is not None:
        return _of_classes(path, value, *classes)
    words = expected(takes, "" if is_missing else value)
    if is_missing:
        return _Mistake(path, f"missing, expected {words}", of_type=True)
    what = "the key " if loc[-1] == "[key]" else ""
    return _Mistake(path, f"got {what}{value_with_kind(value, words)}, expected {words}", of_type=True)


def _type_at(model: type[BaseModel], path: KeyPath, loc: Sequence[str | int]) -> Type:
    """Return the type of a place below a model's field; ``Any`` if unknown."""
    takes: Type | None = next(
        field_type(field) for name, field in model.model_fields.items() if loc[0] in (name, field.alias)
    )
    for step in (*path[1:-1], "[key]") if loc[-1] == "[key]" else path[1:]:
        takes = takes.below(step) if takes is not None else None
    return Type(Any) if takes is None else takes


def _of_classes(path: KeyPath, value: Any, key: str, takes: Type) -> _Mistake:
    """Describe a class that a place does not take."""
    if not isinstance(value, Mapping):
        return _Mistake(
            path, f"got {value_with_kind(value)}, expected a mapping whose {key} is {expected(takes, '')}"
        )
    if key not in value:
        return _Mistake((*path, key), f"missing, expected {expected(takes, '')}")
    return _Mistake(
        (*path, key), f"got {value_with_kind(value[key])}, expected {expected(takes, value[key])}"
    )


def _written(data: Any, loc: Sequence[str | int]) -> KeyPath:
    """Return pydantic's location without the steps that are not in the data, such as names of a union's branches."""
    path: list[str | int] = []
    for position, step in enumerate(loc):
        if isinstance(data, Mapping):
            if step in data:
                path.append(step)
                data = data[step]
            elif position == 0 and step != "[key]":  # a default, or a field that goes by its alias
                path.append(step)
                data = None
        elif isinstance(data, list | tuple) and isinstance(step, int) and 0 <= step < len(data):
            path.append(step)
            data = data[step]
    return tuple(path)


def _most_precise(candidates: Iterable[_Mistake]) -> list[_Mistake]:
    """Return one mistake per value. For a union, keep the branch whose mistake is nested deepest."""
    mistakes = list(dict.fromkeys(candidates))
    deep = {mistake.path[:end] for mistake in mistakes for end in range(len(mistake.path))}
    precise = {mistake.path for mistake in mistakes if not mistake.of_type}
    found: dict[KeyPath, _Mistake] = {}
    for mistake in mistakes:
        if mistake.of_type and mistake.path and (mistake.path in deep or mistake.path in precise):
            continue
        found.setdefault(mistake.path if mistake.of_type else (*mistake.path, mistake.words), mistake)
    return list(found.values())
