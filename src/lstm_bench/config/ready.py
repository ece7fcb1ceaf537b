"""The workflow files and studies that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lstm_bench.errors import ConfigError

__all__ = ["ready_folder"]

_PACKAGE = Path(__file__).parents[1]


def ready_folder(kind: Literal["configs", "studies"]) -> Path:
    """Return the folder of the ready files: the wheel's, or the checkout's where it runs from there.

    Raises
    ------
    ConfigError
        Where the installation has none.
    """
    places = (_PACKAGE / "ready" / kind, _PACKAGE.parents[1] / kind)
    for place in places:
        if place.is_dir():
            return place
    raise ConfigError(f"the ready {kind} are not installed; looked in {' and '.join(map(str, places))}")
