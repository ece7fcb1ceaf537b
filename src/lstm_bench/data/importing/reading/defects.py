"""Collects defects of rows: counted by kind, and shown with file and line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Ints

if TYPE_CHECKING:
    from lstm_bench.data.importing.reading.source_file import SourceFile

__all__ = ["DefectKind", "DefectLog"]

DefectKind = Literal[
    "ragged row",
    "bad date",
    "bad symbol",
    "bad number",
    "missing value",
    "price not positive",
    "volume negative",
    "factor not positive",
    "split not positive",
    "duplicate row",
    "conflicting rows",
]

_SHOWN = 10


class DefectLog:
    """Collects defects, and looks up the lines of those that are shown."""

    def __init__(self) -> None:
        self._entries: list[tuple[DefectKind, SourceFile, Ints, Callable[[int], str]]] = []

    def add(self, kind: DefectKind, source: SourceFile, rows: Ints, describe: Callable[[int], str]) -> None:
        """Log ``rows`` of a file; ``describe(i)`` gives the text of ``rows[i]``."""
        if len(rows):
            self._entries.append((kind, source, rows, describe))

    @property
    def counts(self) -> dict[str, int]:
        """Kind -> number of rows."""
        counts: Counter[str] = Counter()
        for kind, _, rows, _ in self._entries:
            counts[kind] += len(rows)
        return dict(counts)

    def refuse(self) -> None:
        """Refuse the input if anything was logged.

        The DataError has the first few, and the number of each kind.
        """
        if not self._entries:
            return
        shown = self._first()
        total = sum(self.counts.values())
        counts = ", ".join(f"{kind}: {count}" for kind, count in self.counts.items())
        head = (
            f"{counted(total, 'defect')} in the rows ({counts}); fix them, or drop such rows with --drop-bad"
        )
        rest = [f"  and {total - len(shown)} more"] if total > len(shown) else []
        raise DataError("\n".join([head, *shown, *rest]))

    def _first(self) -> list[str]:
        """Describe the first defects, the same number of each kind, so that no kind hides the others."""
        left = Counter(dict.fromkeys(self.counts, max(1, _SHOWN // len(self.counts))))
        shown: list[str] = []
        for kind, source, rows, describe in self._entries:
            part = rows[: min(left[kind], _SHOWN - len(shown))]
            left[kind] -= len(part)
            lines = source.ragged_lines(len(part)) if kind == "ragged row" else source.lines(part)
            shown += [f"  {source.path}:{line}: {kind}: {describe(i)}" for i, line in enumerate(lines)]
        return shown
