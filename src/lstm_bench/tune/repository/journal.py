"""An Optuna journal file, written safely and read fast.

Optuna and its dashboard can open the file, too. Three things differ from Optuna's backend. The lock is the operating
system's, which frees it as soon as its holder dies, whereas Optuna's lock files then block all for 30 s. Operations
are checked. The history is folded, so that a study of 10,000 trials of 20 epochs opens in 1.5 s of CPU instead of 2.8.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages.journal import BaseJournalBackend

from lstm_bench.core.errors import ConfigError
from lstm_bench.tune.repository.journal_fold import fold_history
from lstm_bench.tune.repository.journal_operation import check_operation
from lstm_bench.tune.repository.lock import POLL_SECONDS

__all__ = ["JournalFile"]

logger = logging.getLogger("lstm_bench")

_BEGINNING = b'{"op_code":'
"""First bytes of each operation, and so of each journal."""


class JournalFile(BaseJournalBackend):
    """A file with one operation a line, created if it does not exist.

    A last line that a crash cut off is dropped: its write had not returned.

    Raises
    ------
    OSError
        If it cannot be written.
    ConfigError
        If it is a file of another kind, which is not changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), poll_interval=POLL_SECONDS)
        self._read = (0, 0)
        self._lines = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:  # before the lock, which waits forever if no file can be made
            file.seek(0)
            begun = file.read(len(_BEGINNING))
        if not _BEGINNING.startswith(begun):
            raise ConfigError(f"--storage: {path} is not an Optuna journal: it begins with {begun!r}")
        with self._lock:
            self._cut_torn_line()

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Read the operations from a number on; a line that is being written is left for the next time.

        Raises ``ConfigError`` if a line is not an operation.
        """
        number, offset = self._read if log_number_from else (0, 0)
        if number != log_number_from:
            raise ValueError(f"operations are read in order: expected {number}, got {log_number_from}")
        with self._path.open("rb") as file:
            file.seek(offset)
            lines = file.read().split(b"\n")
        torn = lines.pop()
        if torn:
            logger.debug("%s: its last line is being written", self._path)
        try:
            logs: list[dict[str, Any]] = json.loads(b"[" + b",".join(lines) + b"]")
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"--storage: {self._path} is not an Optuna journal: {error}") from error
        before = self._lines if number else 0
        for line, log in enumerate(logs, start=before + 1):
            try:
                check_operation(log)
            except ValueError as error:
                raise ConfigError(
                    f"--storage: {self._path}, line {line}: not an Optuna operation: {error}"
                ) from error
        self._lines = before + len(logs)
        if number == 0:
            logs = fold_history(logs)
        self._read = (number + len(logs), offset + sum(map(len, lines)) + len(lines))
        return logs

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write operations; they are on the disk when this returns."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._lock, self._path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def _cut_torn_line(self) -> None:
        with self._path.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            begin = max(0, end - (1 << 20))
            file.seek(begin)
            keep = begin + file.read().rfind(b"\n") + 1
            if keep < end:
                logger.warning("%s: its last line was cut off by a crash; it is dropped", self._path)
                file.truncate(keep)
