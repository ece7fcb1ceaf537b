"""Names of the training paths, and the names that earlier versions recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["PathName", "current_path_name"]

PathName = Literal["reference", "cpu", "cuda"]

_FORMER: Mapping[str, PathName] = {"sharded": "cpu", "fused": "cuda"}


def current_path_name(recorded: str) -> str:
    """Translate a recorded name of an earlier version; return any other name unchanged."""
    return _FORMER.get(recorded, recorded)
