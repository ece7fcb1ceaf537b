"""Describe in words what a field of a configuration takes, from its annotation."""

from __future__ import annotations

import datetime
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lstm_bench.core.errors import near_match

__all__ = ["Type", "Words", "classes_of", "expected", "field_type"]

_PLAIN: Mapping[Any, str] = {
    Any: "another value",
    type(None): "null",
    bool: "true or false",
    datetime.date: "a day such as 2008-01-31",
}


@dataclass(frozen=True)
class Words:
    """What messages call one value of a type, and several. A part of ``Annotated``."""

    one: str
    several: str


class Type(NamedTuple):
    """An annotation, and the metadata that ``Annotated`` adds to it."""

    bare: Any
    metadata: tuple[Any, ...] = ()

    @classmethod
    def of(cls, annotation: Any, metadata: Sequence[Any] = ()) -> Type:
        """Take ``Annotated`` apart."""
        found = list(metadata)
        while get_origin(annotation) is Annotated:
            annotation, *inner = get_args(annotation)
            found = [*inner, *found]
        bounds = [bound for part in found if isinstance(part, FieldInfo) for bound in part.metadata]
        return cls(annotation, (*found, *bounds))

    @property
    def members(self) -> tuple[Type, ...]:
        """The members of a union, each with the union's metadata; or the type itself."""
        if get_origin(self.bare) not in (Union, types.UnionType):
            return (self,)
        parts = (Type.of(member) for member in get_args(self.bare))
        return tuple(
            found for part in parts for found in Type(part.bare, (*self.metadata, *part.metadata)).members
        )

    def below(self, step: str | int) -> Type | None:
        """Return the type of an entry by its position in a list or key in a mapping, or None."""
        for member in self.members:
            origin, arguments = get_origin(member.bare), get_args(member.bare)
            if origin is dict and arguments:
                return Type.of(arguments[0 if step == "[key]" else 1])
            if origin is list and isinstance(step, int):
                return Type.of(arguments[0])
            if origin is tuple and isinstance(step, int):
                if arguments[-1] is Ellipsis:
                    return Type.of(arguments[0])
                if step < len(arguments):
                    return Type.of(arguments[step])
        return None


def field_type(field: FieldInfo) -> Type:
    """Return the type of a model's field."""
    return Type.of(field.annotation, (*field.metadata, *([field] if field.discriminator else [])))


def expected(kind: Type, value: Any) -> str:
    """Describe what a type takes, with the nearest choice to a wrong text.

    If the wrong ``value`` is a number and a text is expected, the description mentions quotes.
    """
    members = sorted(kind.members, key=lambda member: member.bare is type(None))
    texts = [text for member in members for text in _each(member, value)]
    choices = [choice for member in members for choice in _choices(member)]
    near = near_match(value, map(str, choices)) if isinstance(value, str) else None
    hint = f"; did you mean {near!r}?" if near else ""
    return _joined(list(dict.fromkeys(texts))) + hint


def classes_of(kind: Type) -> tuple[str, Type] | None:
    """Return the key that distinguishes the sections of a union, and its type; None if there is no such key."""
    if not any(getattr(part, "discriminator", None) for part in kind.metadata):
        return None
    field = next(part.discriminator for part in kind.metadata if getattr(part, "discriminator", None))
    models = [member.bare for member in kind.members]
    names = [choice for model in models for choice in get_args(model.model_fields[field].annotation)]
    return models[0].model_fields[field].alias or field, Type(Literal[tuple(names)])


def _each(kind: Type, value: Any) -> list[str]:
    return [_choice(choice) for choice in _choices(kind)] or [_one(kind, value)]


def _one(kind: Type, value: Any) -> str:
    named = next((part.one for part in kind.metadata if isinstance(part, Words)), None)
    origin, arguments = get_origin(kind.bare), get_args(kind.bare)
    in_quotes = value is not None and not isinstance(value, str | Mapping | list | tuple)
    if kind.bare is str:
        filled = " that is not empty" if _bound(kind, "min_length") else ""
        return (named or "a text") + (" in quotes" if in_quotes else filled)
    if named is not None:
        return named
    if kind.bare in _PLAIN:
        return _PLAIN[kind.bare]
    if kind.bare in (int, float):
        is_finite = not isinstance(value, float) or math.isfinite(value)
        return _number(
            "a whole number" if kind.bare is int else f"a {'' if is_finite else 'finite '}number", kind
        )
    if origin is Literal:
        return _joined(_each(kind, value))
    if origin in (list, tuple):
        return _list(kind, arguments)
    if isinstance(kind.bare, type) and issubclass(kind.bare, BaseModel):
        return str(getattr(kind.bare, "form", "a mapping"))
    return "a mapping"


def _list(kind: Type, arguments: tuple[Any, ...]) -> str:
    if get_origin(kind.bare) is tuple and arguments and arguments[-1] is not Ellipsis:
        entries = [Type.of(entry) for entry in arguments]
        names = {_several(entry) for entry in entries}
        if len(names) == 1 and (several := names.pop()):
            return f"a list of {len(entries)} {several}"
        return f"a list of {len(entries)}: {', '.join(_one(entry, '') for entry in entries)}"
    several = _several(Type.of(arguments[0]))
    least = " that is not empty" if _bound(kind, "min_length") else ""
    return f"a list of {several}{least}" if several else f"a list{least}"


def _several(kind: Type) -> str:
    named = next((part.several for part in kind.metadata if isinstance(part, Words)), None)
    plain = {str: "texts", int: "whole numbers", float: "numbers", datetime.date: "days"}
    of = {plain.get(member.bare, "") for member in kind.members if isinstance(member.bare, type)} - {""}
    return named or (of.pop() if len(of) == 1 else "")


def _number(what: str, kind: Type) -> str:
    least, most = _bound(kind, "ge"), _bound(kind, "le")
    above, below = _bound(kind, "gt"), _bound(kind, "lt")
    if kind.bare is int:  # whole numbers have inclusive ends
        least = above + 1 if above is not None else least
        most = below - 1 if below is not None else most
        above = below = None
    if least is not None and most is not None:
        return f"{what} from {_figure(least)} to {_figure(most)}"
    ends = {"of at least": least, "greater than": above, "of at most": most, "less than": below}
    bounds = [f"{words} {_figure(end)}" for words, end in ends.items() if end is not None]
    return " ".join(filter(None, [what, " and ".join(bounds)]))


def _figure(end: float) -> str:
    return str(int(end)) if end == int(end) else repr(end)


def _bound(kind: Type, name: str) -> Any:
    return next((found for part in kind.metadata if (found := getattr(part, name, None)) is not None), None)


def _choices(kind: Type) -> tuple[Any, ...]:
    return get_args(kind.bare) if get_origin(kind.bare) is Literal else ()


def _choice(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def _joined(texts: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else "a value"
