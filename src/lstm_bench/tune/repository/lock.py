"""Locks among the drivers of one store. The holder may count trials and create one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from lstm_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

__all__ = ["POLL_SECONDS", "database_lock", "file_lock"]

POLL_SECONDS = 0.002
"""Seconds between two attempts at a file lock. Long intervals would starve a process if another one locks often."""

# dialect -> statements that take and release a session lock; the server frees it when the session ends
_STATEMENTS = {
    "postgresql": ("SELECT pg_advisory_lock(:key)", "SELECT pg_advisory_unlock(:key)"),
    "mysql": ("SELECT GET_LOCK(:key, -1)", "SELECT RELEASE_LOCK(:key)"),
    "mariadb": ("SELECT GET_LOCK(:key, -1)", "SELECT RELEASE_LOCK(:key)"),
}


def file_lock(store: Path) -> AbstractContextManager[object]:
    """Lock a store that is a file, by a file next to it. The operating system frees it when its holder dies."""
    return FileLock(store.with_name(f".{store.name}.drivers"), poll_interval=POLL_SECONDS)


@contextmanager
def database_lock(engine: Engine, name: str) -> Iterator[None]:
    """Lock a study on a database server, for drivers on any machine. Locks of different names are independent.

    Raises ``ConfigError`` if this kind of database has no such lock.
    """
    from sqlalchemy import text

    dialect = engine.dialect.name
    if dialect not in _STATEMENTS:
        choices = ", ".join(["sqlite", *_STATEMENTS, "a journal file"])
        raise ConfigError(
            f"--storage: got a {dialect} database, which drivers cannot share; choices: {choices}"
        )
    take, release = (text(statement) for statement in _STATEMENTS[dialect])
    key: int | str = f"lstm-bench:{name}"[:64]
    if dialect == "postgresql":
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with engine.connect() as connection:
        connection.execute(take, {"key": key})
        try:
            yield
        finally:
            connection.execute(release, {"key": key})
