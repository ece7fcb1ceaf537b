"""A line of the ledger."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from lstm_bench.config.section import Section
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.record.evaluated import Evaluated

__all__ = ["Entry", "Event", "check_follows", "check_hash", "parse_line"]

Event = Literal["evaluated", "adopted"]
"""A run that was evaluated now; or one whose process was killed before the entry, one from before the ledger, or from
another machine."""

_NONE = "0" * 64
"""Stands for the hash of the line before the first one."""


class Entry(Section):
    """A line of the ledger."""

    number: int = Field(ge=1, description="its line")
    time: AwareDatetime = Field(description="when it was written, UTC")
    event: Event = Field(description="evaluated, or adopted later")
    run: Evaluated = Field(description="the evaluation")
    previous: str = Field(description="hash of the line before it")
    hash: str = Field(description="SHA-256 of the other keys")

    @classmethod
    def after(cls, last: Entry | None, event: Event, run: Evaluated, time: datetime) -> Entry:
        """Make the entry that follows ``last``. If the clock was set back since, it has the time of ``last``."""
        number, previous = (1, _NONE) if last is None else (last.number + 1, last.hash)
        at = time if last is None else max(time, last.time)
        unsigned = cls(number=number, time=at, event=event, run=run, previous=previous, hash=_NONE)
        return unsigned.model_copy(update={"hash": unsigned.expected_hash})

    @property
    def expected_hash(self) -> str:
        """The hash of its content."""
        return hashlib.sha256(_canonical(self, {"hash"})).hexdigest()

    @property
    def line(self) -> bytes:
        """The line that stores it: canonical JSON."""
        return _canonical(self, set()) + b"\n"


def _canonical(entry: Entry, exclude: set[str]) -> bytes:
    content = entry.model_dump(mode="json", exclude=exclude)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def parse_line(line: bytes) -> Entry:
    """Read a line, without its end. Raises ``ValueError`` if it is not as :attr:`Entry.line` writes it."""
    try:
        entry = Entry.model_validate(json.loads(line))
    except ValidationError as error:
        raise ValueError(str(explain(error))) from error
    except RecursionError as error:
        raise ValueError("not JSON") from error
    except ValueError as error:  # of the decoder
        raise ValueError(f"not JSON: {error}") from error
    if entry.line != line + b"\n":
        raise ValueError("not in the form in which lines are written: sorted keys, no spaces, UTC times")
    return entry


def check_follows(last: Entry | None, entry: Entry) -> None:
    """Check that an entry follows ``last``. Raises ``ValueError`` if it does not."""
    number, previous = (1, _NONE) if last is None else (last.number + 1, last.hash)
    if entry.number != number:
        raise ValueError(
            f"number: got {entry.number}, expected {number}; a line is missing, moved or inserted"
        )
    if entry.previous != previous:
        raise ValueError("previous: it is not the hash of the line before")
    if last is not None and entry.time < last.time:
        raise ValueError(f"time: got {entry.time.isoformat()}, earlier than the line before")
    check_hash(entry)


def check_hash(entry: Entry) -> None:
    """Check an entry's hash. Raises ``ValueError`` if it is not that of its content."""
    if entry.hash != entry.expected_hash:
        raise ValueError("hash: it is not that of the line's content, which was changed")
