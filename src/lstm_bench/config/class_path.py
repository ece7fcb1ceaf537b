"""How a Qlib file names a class: ``class`` beside ``module_path``, or a dotted ``class``, or its name alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lstm_bench.core.errors import choices_hint

__all__ = ["named_class", "refuse_class"]


def named_class(data: Any, *, alone: bool = False) -> Any:
    """Put the ways to name a class into one: ``class`` and ``module_path``.

    Parameters
    ----------
    data
        A section as a file has it. What is no mapping with a text for a class is returned as it came.
    alone
        Whether a text alone names the class.
    """
    if alone and isinstance(data, str):
        data = {"class": data}
    if not isinstance(data, Mapping):
        return data
    found = dict(data)
    if "class" not in found and "func" in found:
        found["class"] = found.pop("func")
    if isinstance(found.get("class"), str) and "." in found["class"]:
        # beside a dotted class Qlib does not look at module_path
        found["module_path"], _, found["class"] = found["class"].rpartition(".")
    return found


def refuse_class(name: object, refused: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse a class of Qlib's that is not there, with the reason, and any other that is unknown.

    Raises
    ------
    ValueError
        Where ``name`` is a text and none of ``known``.
    """
    if not isinstance(name, str) or name in known:
        return
    if name in refused:
        raise ValueError(f"class: got {name!r}, which is not supported here: {refused[name]}")
    raise ValueError(f"class: got {name!r}; {choices_hint(name, known)}")
