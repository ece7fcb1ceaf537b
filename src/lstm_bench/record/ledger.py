"""The ledger: an append-only file with a line for each evaluation on a test segment.

``results/leaderboard/ledger.jsonl`` has one JSON object per line. Each line holds the hash of the line before it and
its own hash, so a line cannot be changed, removed or inserted without changing all lines after it. Whoever computes
all hashes anew is found by the head (number of lines and last hash), which documents state.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from lstm_bench.core.append import append_whole
from lstm_bench.core.errors import DataError
from lstm_bench.core.writable import check_can_be_made, may_write, nearest_existing
from lstm_bench.record.evaluated import Evaluated
from lstm_bench.record.evidence import FOLDER
from lstm_bench.record.ledger_entry import Entry, Event, check_follows, check_hash, parse_line

__all__ = [
    "Head", "Ledger", "adopt", "check_can_append", "enter", "ledger_path", "read_ledger", "without_entry",
]  # fmt: skip

_RESTORE = "restore the file as it was, such as from version control"


@dataclass(frozen=True)
class Head:
    """The end of a ledger.

    Attributes
    ----------
    entries : number of its lines
    hash : of the last one, or the first digits of it
    """

    entries: int
    hash: str


@dataclass(frozen=True)
class Ledger:
    """The entries of an intact ledger, in order."""

    entries: tuple[Entry, ...] = ()

    @property
    def head(self) -> Head | None:
        """Its end; None if it is empty."""
        return Head(len(self.entries), self.entries[-1].hash) if self.entries else None

    def contains(self, head: Head) -> bool:
        """Whether it ends with a head, or went on from there."""
        n = head.entries
        return 1 <= n <= len(self.entries) and self.entries[n - 1].hash.startswith(head.hash)

    @cached_property
    def by_run(self) -> dict[str, list[Entry]]:
        """Run id -> its entries."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.run.run_id, []).append(entry)
        return found

    def evaluations(self, data: str, universe: str, first: date, last: date) -> tuple[Entry, ...]:
        """Return the evaluations on test data: on the same data and universe, with a day of the test segment in common.

        Labels, features and models may differ, because whoever has seen results of one on these days knows something
        about the others.

        Parameters
        ----------
        data
            Fingerprint of the data. A folder to which days were added counts as the same data, if some run used the
            same days and stocks of both.
        universe
            As :func:`~lstm_bench.config.sections.universe.universe_text` names it.
        first, last
            Test segment, clipped to the calendar.
        """
        names = self._names_of(data)
        return tuple(
            entry
            for entry in self.entries
            if entry.run.data in names
            and entry.run.universe == universe
            and entry.run.first <= last
            and entry.run.last >= first
        )

    def _names_of(self, data: str) -> set[str]:
        """Return the fingerprints that are linked to one by runs that used the same days and stocks."""
        links = {(entry.run.data, entry.run.data_used) for entry in self.entries if entry.run.data_used}
        names, size = {data}, 0
        while len(names) > size:
            size = len(names)
            used = {digest for name, digest in links if name in names}
            names |= {name for name, digest in links if digest in used}
        return names


def ledger_path(results: Path) -> Path:
    """Return the file of the ledger."""
    return results / FOLDER / "ledger.jsonl"


def read_ledger(results: Path) -> Ledger:
    """Read the ledger of a folder of results and verify its chain; empty if there is no file.

    Raises
    ------
    DataError
        If a line is not an entry, does not follow from the line before it, or is not as it was written.
    """
    path = ledger_path(results)
    entries: list[Entry] = []
    *lines, rest = _content(path).split(b"\n")
    if rest:
        raise DataError(
            f"{path}: its last line has no end, because the process that wrote it was killed, or because the file was "
            "changed; `lstm-bench leaderboard` repairs it"
        )
    for number, line in enumerate(lines, start=1):
        try:
            entry = parse_line(line)
            check_follows(entries[-1] if entries else None, entry)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}; {_RESTORE}") from error
        entries.append(entry)
    return Ledger(tuple(entries))


def check_can_append(results: Path) -> None:
    """Check, before work begins, that an entry can be appended.

    Raises
    ------
    DataError
        If the folder or the file cannot be written, or the ledger's last line is damaged.
    """
    path = ledger_path(results)
    check_can_be_made("ledger of test evaluations", path.parent)
    if not may_write(nearest_existing(path.parent)):
        raise DataError(f"ledger of test evaluations: cannot write to {path.parent}")
    _last(path)


def enter(results: Path, run: Evaluated) -> Entry:
    """Append an evaluation that took place now.

    Raises
    ------
    OSError
        If it cannot be written; the ledger is as before.
    DataError
        If the ledger's last line is damaged.
    """
    path = ledger_path(results)
    with _locked(path):
        return _append(path, _last(path), "evaluated", [run])[0]


def adopt(results: Path, runs: Iterable[Evaluated]) -> list[Entry]:
    """Repair what a killed process left, and append in their order the evaluations that the ledger does not know.

    Returns the new entries.

    It knows an evaluation if it has an entry of this run with the same metrics, or of this run in the same experiment.
    The second condition keeps metrics that were changed later out of the ledger.

    Raises
    ------
    OSError
        If they cannot be written; the ledger is as before.
    DataError
        If the ledger is damaged.
    """
    path, wanted = ledger_path(results), list(runs)
    if not wanted and not path.exists():
        return []
    with _locked(path):
        ledger = read_ledger(results)
        known = {name: [entry.run for entry in entries] for name, entries in ledger.by_run.items()}
        new = []
        for run in wanted:
            same = known.setdefault(run.run_id, [])
            if not any(run.metrics == one.metrics or run.experiment == one.experiment for one in same):
                same.append(run)
                new.append(run)
        return _append(path, ledger.entries[-1] if ledger.entries else None, "adopted", new)


def without_entry(experiment: Path, runs: Iterable[str]) -> set[str]:
    """Return those run ids of an experiment that have no entry in the ledger of its results.

    Raises
    ------
    DataError
        If the ledger is damaged.
    """
    results = experiment.parent
    path, known = ledger_path(results), set()
    if path.exists():
        with _locked(path):
            entries = read_ledger(results).entries
        known = {entry.run.run_id for entry in entries if entry.run.experiment == experiment.name}
    return set(runs) - known


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock the ledger against other writers, and repair what a killed one left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        _repair(path)
        yield


def _append(path: Path, last: Entry | None, event: Event, runs: Iterable[Evaluated]) -> list[Entry]:
    """Append entries after the last one; the caller holds the lock."""
    now, entries = datetime.now(UTC).replace(microsecond=0), []
    for run in runs:
        last = Entry.after(last, event, run, now)
        entries.append(last)
    if entries:
        append_whole(path, b"".join(entry.line for entry in entries))
    return entries


def _repair(path: Path) -> None:
    """Complete or remove a last line without an end, which a killed process leaves."""
    content = _content(path)
    if not content or content.endswith(b"\n"):
        return
    *_, torn = content.split(b"\n")
    try:
        parse_line(torn)
    except ValueError:
        os.truncate(path, len(content) - len(torn))
    else:
        append_whole(path, b"\n")


def _last(path: Path) -> Entry | None:
    """Read the last whole line; None if there is none."""
    lines = _content(path).split(b"\n")[:-1]
    if not lines:
        return None
    try:
        entry = parse_line(lines[-1])
        check_hash(entry)
    except ValueError as error:
        raise DataError(f"{path}, line {len(lines)}: {error}; {_RESTORE}") from error
    return entry


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
