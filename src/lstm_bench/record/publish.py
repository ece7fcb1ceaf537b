"""Writing and removing records: each is complete or absent at every moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from lstm_bench.core import atomic
from lstm_bench.core.atomic import remove_folder, staging, stagings_of, swap
from lstm_bench.core.errors import InputError
from lstm_bench.record import ledger
from lstm_bench.record.evaluated import Evaluated
from lstm_bench.record.record import Record

__all__ = ["check_idle", "enter_missing", "folder_size", "publish", "publish_evaluated", "recover", "remove"]


def publish(
    folder: Path,
    write: Callable[[Path], None],
    *,
    replace: bool = False,
    then: Callable[[Record], None] = lambda _: None,
) -> tuple[Record, bool]:
    """Write a record and make it visible in one rename.

    ``write`` fills the folder that it is given. If it raises, nothing becomes visible. ``then`` is called with the
    published record, while the experiment's folder is still locked.

    Returns
    -------
    record : Record
    published : bool
        False if another process was first and ``replace`` is off: its record stays.
    """
    created = [path for path in folder.parents if not path.exists()]
    try:
        with staging(folder) as staged:
            staged.mkdir()
            write(staged)
            with _locked(folder):
                atomic.recover(folder)
                existing = None if replace else Record.find(folder)
                if existing is not None:
                    return existing, False
                if folder.exists():  # a record to replace, or a folder that is not a record
                    swap(staged, folder)
                else:
                    atomic.publish(staged, folder)
                then(Record(folder))
    finally:
        for path in created:
            with suppress(OSError):  # not empty: it holds the record
                path.rmdir()
    return Record(folder), True


def publish_evaluated(
    folder: Path, write: Callable[[Path], None], *, replace: bool = False
) -> tuple[Record, bool]:
    """Publish the record of a run, ``<results>/<experiment>/<run_id>``, and enter its evaluation into the ledger.

    The ledger is that of the folder of results. A run that diverged was not evaluated and gets no entry. Arguments and
    result are those of :func:`publish`. If the process is killed between the two steps, :func:`enter_missing` enters
    it later.

    Raises
    ------
    OSError
        If there is no room for the record or the entry.
    DataError
        If the ledger is damaged. The record is published.
    """

    def enter(record: Record) -> None:
        evaluated = Evaluated.of_record(record)
        if evaluated is not None:
            ledger.enter(folder.parent.parent, evaluated)

    return publish(folder, write, replace=replace, then=enter)


def enter_missing(records: Sequence[Record]) -> None:
    """Enter the evaluations of complete records that have no entry, since their process was killed before it.

    The records are of one experiment. Its folder is locked, so that a process that has published a record, and is about
    to enter it, is waited for.

    Raises
    ------
    OSError
        If there is no room for the entries.
    DataError
        If the ledger is damaged.
    InputError
        If a record without an entry cannot be read.
    """
    if not records:
        return
    experiment = records[0].path.parent
    with _locked(records[0].path):
        missing = ledger.without_entry(experiment, [record.path.name for record in records])
        found = [Evaluated.of_record(record) for record in records if record.path.name in missing]
        if evaluated := [one for one in found if one is not None]:
            ledger.adopt(experiment.parent, evaluated)


def recover(folder: Path) -> None:
    """Repair a record after processes were killed."""
    if folder.parent.is_dir():
        with _locked(folder):
            atomic.recover(folder)


def remove(folder: Path) -> int:
    """Remove a record, complete or not, and what killed processes left of it; return the freed bytes.

    The record vanishes in one rename. If the process is killed after it, the next run of the same id removes the rest.
    Raises ``InputError`` if a process is writing the run's record, or the folder cannot be changed.
    """
    try:
        with _locked(folder):
            atomic.recover(folder)
            check_idle(folder)
            size = folder_size(folder)
            remove_folder(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be removed: {error.strerror}") from error
    return size


def check_idle(folder: Path) -> None:
    """Check that no process is writing a run's record.

    Raises ``InputError`` if one is; the message names the process.
    """
    for staged in stagings_of(folder):
        if staged.is_active:
            owner = staged.owner
            where = "" if owner.is_here else f" on {owner.host}"
            hint = "" if owner.is_here else f"; if that has ended, remove {staged.path}"
            raise InputError(
                f"{folder}: process {owner.pid}{where} is writing this run's record; wait for it or stop it{hint}"
            )


def folder_size(folder: Path) -> int:
    """Return the bytes of a folder's files; 0 if it does not exist."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _locked(folder: Path) -> FileLock:
    """Lock an experiment's folder against other processes. The lock is held while records are renamed."""
    return FileLock(folder.parent / ".lock")
