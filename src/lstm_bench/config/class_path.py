"""Forms in which Qlib files name a class: ``class`` with ``module_path``, a dotted ``class``, or the name alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import model_validator

from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.lenient import Lenient
from lstm_bench.config.section import Section
from lstm_bench.core.errors import choices_hint

__all__ = ["GIVEN_BY_CLASS", "Named", "SupportedClass", "named_class", "refuse_class"]

GIVEN_BY_CLASS = NotIdentity("the class next to it already names the module")
"""Marks a ``module_path``."""


def named_class(data: Any, *, alone: bool = False) -> Any:
    """Return a section that names its class by ``class`` and ``module_path``, whatever form the file uses.

    Anything but a mapping is returned unchanged; with ``alone``, a text is the class.
    """
    if alone and isinstance(data, str):
        data = {"class": data}
    if not isinstance(data, Mapping):
        return data
    section = dict(data)
    if "class" not in section and "func" in section:
        section["class"] = section.pop("func")
    if isinstance(section.get("class"), str) and "." in section["class"]:
        # with a dotted class Qlib ignores module_path
        section["module_path"], _, section["class"] = section["class"].rpartition(".")
    return section


def refuse_class(name: object, unsupported: Mapping[str, str], supported: tuple[str, ...]) -> None:
    """Refuse a class that is not supported; give the reason, if it is one of Qlib's.

    Raises ValueError if ``name`` is a text and not in ``supported``.
    """
    if not isinstance(name, str) or name in supported:
        return
    if name in unsupported:
        raise ValueError(f"class: got {name!r}, which is not supported here: {unsupported[name]}")
    raise ValueError(f"class: got {name!r}; {choices_hint(name, supported)}")


class Named(Lenient):
    """A class of Qlib's: ``{class, module_path, kwargs}`` in any form that Qlib takes.

    A dotted ``class`` contains the module and overrides ``module_path``. ``func`` is another name of ``class``. A text
    is the class alone.
    """

    @model_validator(mode="before")
    @classmethod
    def _split_dotted_class(cls, data: Any) -> Any:
        return named_class(data, alone=True)


class SupportedClass(Section):
    """A mapping that names the one class of its kind that is supported; unknown keys are refused."""

    supported: ClassVar[str]
    unsupported: ClassVar[Mapping[str, str]]
    """Qlib's other classes of the kind -> the reason why they are not supported."""

    @model_validator(mode="before")
    @classmethod
    def _split_dotted_class(cls, data: Any) -> Any:
        section = named_class(data)
        if isinstance(section, Mapping):
            refuse_class(section.get("class"), cls.unsupported, (cls.supported,))
        return section
