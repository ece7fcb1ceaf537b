"""What is wrong with an option's value, in plain words: typer passes on those of its validator."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["PlainGroup"]

_PLAIN = (
    (r"Value error, ", ""),
    (r"Input should be a valid integer\b.*", "expected a whole number"),
    (r"Input should be a valid number\b.*", "expected a number"),
    (r"Input should be greater than or equal to (\S+)", r"expected \1 or more"),
    (r"Input should be less than or equal to (\S+)", r"expected \1 or less"),
    (r"Input should be (greater|less) than (\S+)", r"expected a value \1 than \2"),
    (r"Input should be ", "expected "),
)
"""The validator's words, as a pattern -> ours."""


class PlainGroup(TyperGroup):
    """Commands whose options refuse a value in plain words."""

    def invoke(self, ctx: Any) -> Any:
        """Parse and call the command that was asked for."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            for pattern, words in _PLAIN:
                error.message = re.sub(pattern, words, error.message, flags=re.DOTALL)
            raise
