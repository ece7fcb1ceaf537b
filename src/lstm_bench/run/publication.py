"""The end of a run: its record becomes visible, or is kept elsewhere if the disk is full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lstm_bench.core.errors import RunError
from lstm_bench.record.publish import enter_missing, publish_evaluated, recover
from lstm_bench.record.record import Record
from lstm_bench.record.rescue import expect_room, forget_rescued, is_full, rescue_record, take_rescued

__all__ = ["PackRun", "find_recorded", "publish_run"]


@dataclass(frozen=True)
class PackRun:
    """One seed of a pack.

    Attributes
    ----------
    computed : False if the record existed, or another process published it in the meantime
    error : why the record has no metrics; None if it has. Such a run is not computed again.
    """

    seed: int
    record: Record
    computed: bool
    error: str | None

    @classmethod
    def of(cls, seed: int, record: Record, *, computed: bool) -> PackRun:
        """Describe a seed by its record."""
        failure = record.failure()
        return cls(seed, record, computed, None if failure is None else f"seed {seed}: {failure}")


def find_recorded(folders: Mapping[int, Path], *, force: bool) -> dict[int, PackRun]:
    """Repair records of an experiment, and their ledger, after processes were killed; return the seeds with records."""
    done = {}
    for seed, folder in folders.items():
        recover(folder)
        record = None if force else take_rescued(folder) or Record.find(folder)
        if record is not None:
            done[seed] = PackRun.of(seed, record, computed=False)
    enter_missing([run.record for run in done.values()])
    return done


def publish_run(
    seed: int, folder: Path, write: Callable[[Path], None], needed: float, *, force: bool
) -> PackRun:
    """Publish the record of a seed, which ``write`` fills and which takes about ``needed`` bytes.

    Raises ``RunError`` if there is no room for it. The record is then kept elsewhere; the next start finds it.
    """
    try:
        expect_room(folder.parent, needed)
        record, computed = publish_evaluated(folder, write, replace=force)
    except OSError as error:
        if not is_full(error):
            raise
        raise RunError(rescue_record(seed, folder, write)) from error
    forget_rescued(folder)
    return PackRun.of(seed, record, computed=computed)
