"""The workflow files and studies that are part of the package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lstm_bench.core.errors import ConfigError, choices_hint

__all__ = ["missing_workflow", "ready_folder"]

_PACKAGE = Path(__file__).parents[1]


def ready_folder(kind: Literal["configs", "studies"]) -> Path:
    """Return the folder of the ready files: the wheel's, or the checkout's if it runs from one.

    Raises ConfigError if they are not installed.
    """
    places = (_PACKAGE / "ready" / kind, _PACKAGE.parents[1] / kind)
    for place in places:
        if place.is_dir():
            return place
    raise ConfigError(f"the ready {kind} are not installed; looked in {' and '.join(map(str, places))}")


def missing_workflow(path: Path) -> str:
    """Propose workflow files in place of a missing one: those in its folder, and the ready ones."""
    folder = path if path.is_dir() else path.parent
    existing = sorted(found.name for found in folder.glob("*") if found.suffix in (".yaml", ".yml"))
    hint = f"; {choices_hint(path.name, existing)}" if existing else ""
    try:
        ready = ready_folder("configs")
    except ConfigError:
        return hint
    names = ", ".join(sorted(found.name for found in ready.glob("*.yaml")))
    return f"{hint}; ready ones are in {ready}: {names}"
