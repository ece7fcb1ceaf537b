"""True or false in a workflow file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from lstm_bench.config.wording.shown import shown

__all__ = ["Truth"]


def _no_text(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic's protocol
            f"got the text {shown(value)}, which is true to Qlib, whatever it says; expected true or false"
        )
    return value


Truth = Annotated[bool, BeforeValidator(_no_text)]
"""A bool that is no text: ``no`` is a text in YAML 1.2, and Python takes every text for true."""
