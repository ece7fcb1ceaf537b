"""Sections of a workflow file in which Qlib ignores what it does not know."""

from __future__ import annotations

import difflib
import logging
from typing import Any

from pydantic import model_validator

from lstm_bench.config.class_path import named_class
from lstm_bench.config.section import Section

__all__ = ["Lenient", "Named"]

logger = logging.getLogger("lstm_bench")

_said: set[tuple[str, str]] = set()


class Lenient(Section):
    """A section that ignores unknown keys, as Qlib does, and says so once.

    A key that looks like a known one is refused all the same: it is more likely a typing error.
    """

    @model_validator(mode="before")
    @classmethod
    def _ignore_unknown_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {name for key, field in cls.model_fields.items() for name in (key, field.alias) if name}
        kept = {}
        for key, value in data.items():
            if key in known or difflib.get_close_matches(str(key), known, n=1, cutoff=0.6):
                kept[key] = value
            elif (said := (cls.__name__, str(key))) not in _said:
                _said.add(said)
                logger.warning("key %r is ignored, as Qlib ignores it", key)
        return kept


class Named(Lenient):
    """A class of Qlib's: ``{class, module_path, kwargs}`` in any form that Qlib takes.

    A dotted ``class`` holds the module, and wins over ``module_path``; ``func`` stands for ``class``; a bare text is
    the class alone.
    """

    @model_validator(mode="before")
    @classmethod
    def _split_dotted_class(cls, data: Any) -> Any:
        return named_class(data, alone=True)
