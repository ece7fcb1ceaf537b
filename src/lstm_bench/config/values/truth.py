"""Booleans in a workflow file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from lstm_bench.config.wording.value_text import value_text

__all__ = ["Truth"]


def _no_text(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic's protocol
            f"got the text {value_text(value)}, which Qlib treats as true; expected true or false"
        )
    return value


Truth = Annotated[bool, BeforeValidator(_no_text)]
"""A bool, not a text: ``no`` is a text in YAML 1.2, and Python treats every text as true."""
