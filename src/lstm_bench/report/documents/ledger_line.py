"""The head of the ledger in a document: the line that shows if the ledger was changed later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lstm_bench.core.errors import InputError
from lstm_bench.record.ledger import Head, Ledger, ledger_path
from lstm_bench.report.documents.blocks import find_blocks

__all__ = ["check_heads", "ledger_line", "new_entries"]

_DIGITS = 12

_LINE = re.compile(r"^Test evaluations: ([0-9]{1,18}), ledger `([0-9a-f]+)`$", re.MULTILINE)


def ledger_line(ledger: Ledger) -> str:
    """Return the line that states a ledger's head; an empty string if the ledger is empty."""
    head = ledger.head
    return "" if head is None else f"Test evaluations: {head.entries}, ledger `{head.hash[:_DIGITS]}`\n"


def check_heads(text: str, results: Path, ledger: Ledger) -> None:
    """Check that the ledger has the heads that a document's leaderboards state, or went on from there.

    Raises
    ------
    InputError
        If it does not: lines were changed, removed or inserted since the document was made.
    """
    for head in _heads(text):
        if len(head.hash) != _DIGITS or not ledger.contains(head):
            n = len(ledger.entries)
            raise InputError(
                f"it states that line {head.entries} of the ledger has the hash {head.hash}, but "
                f"{ledger_path(results)} has {'no such line' if head.entries > n else 'another one'}; restore the "
                "ledger, such as from version control"
            )


def new_entries(text: str, ledger: Ledger) -> int:
    """Return how many entries were added since a document was made; 0 if it states no head."""
    return max((len(ledger.entries) - head.entries for head in _heads(text)), default=0)


def _heads(text: str) -> Iterator[Head]:
    """Yield the heads that a document's leaderboards state."""
    for block in find_blocks(text):
        if block.kind == "leaderboard":
            for entries, digits in _LINE.findall(text[block.begin : block.end]):
                yield Head(int(entries), digits)
