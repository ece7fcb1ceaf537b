"""The study used last, for commands without ``--study``."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from lstm_bench.core.atomic import write_whole
from lstm_bench.core.errors import ConfigError
from lstm_bench.tune.repository.store import DEFAULT_STORE, Store

__all__ = ["choose_study", "remember_study"]


def choose_study(store: Store, name: str | None) -> str:
    """Return ``name``, or else the study used last in this store, or the store's newest.

    Raises ``ConfigError`` if the store has no study, or none of that name.
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
    """Store the name of the study used last, if the folder can be written."""
    path = _path(store)
    with suppress(OSError):
        write_whole(path, json.dumps({**_read(path), store.description: name}, indent=2) + "\n")


def _path(store: Store) -> Path:
    """Path next to the journal; for a database, next to the default journal."""
    return (store.path or DEFAULT_STORE).with_name(".last.json")


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
