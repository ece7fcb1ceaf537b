"""Sections of a workflow file in which Qlib ignores unknown keys."""

from __future__ import annotations

import difflib
import logging
from typing import Any

from pydantic import model_validator

from lstm_bench.config.section import Section

__all__ = ["Lenient"]

logger = logging.getLogger("lstm_bench")

_warned: set[tuple[str, str]] = set()


class Lenient(Section):
    """A section that ignores unknown keys, as Qlib does, and warns of each once.

    A key that resembles a known one is refused: it is more likely a typing error.
    """

    @model_validator(mode="before")
    @classmethod
    def _ignore_unknown_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {name for key, field in cls.model_fields.items() for name in (key, field.alias) if name}
        accepted = {}
        for key, value in data.items():
            if key in known or difflib.get_close_matches(str(key), known, n=1, cutoff=0.6):
                accepted[key] = value
            elif (warning := (cls.__name__, str(key))) not in _warned:
                _warned.add(warning)
                logger.warning("key %r is ignored, as Qlib ignores it", key)
        return accepted
