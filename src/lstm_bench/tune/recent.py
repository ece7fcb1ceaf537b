"""The study that was used last, for commands that are given none."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from lstm_bench.core.atomic import write_whole
from lstm_bench.core.errors import ConfigError
from lstm_bench.tune.repository.store import DEFAULT_STORE, Store

__all__ = ["choose_study", "remember_study"]


def choose_study(store: Store, name: str | None) -> str:
    """Return the study that is named, or else the one used last from this folder, or the store's newest.

    Raises
    ------
    ConfigError
        Where the store has none, or none of that name.
    """
    names = store.names()
    if name is None:
        if not names:
            raise ConfigError(
                f"{store.description} has no study yet; make one: {store.command('study', 'create')}"
            )
        last = _read(_path(store)).get(store.description)
        name = last if last in names else names[-1]
    store.definition(name)
    return name


def remember_study(store: Store, name: str) -> None:
    """Note which study was used last, where the folder can be written: it only saves typing."""
    path = _path(store)
    with suppress(OSError):
        write_whole(path, json.dumps({**_read(path), store.description: name}, indent=2) + "\n")


def _path(store: Store) -> Path:
    """Beside a journal; for a database, where the journal would be."""
    return (store.path or DEFAULT_STORE).with_name(".last.json")


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
