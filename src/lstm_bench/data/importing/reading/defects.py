"""What is wrong with rows of the files: counted per kind, and shown with file and line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError

if TYPE_CHECKING:
    from lstm_bench.data.importing.reading.source_file import SourceFile

__all__ = ["Defect", "DefectKind", "DefectLog"]

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


@dataclass(frozen=True)
class Defect:
    """One defect: its kind, the file, the line (of a Parquet file: the row, from 1 on), and what is there."""

    kind: DefectKind
    path: Path
    line: int
    text: str


class DefectLog:
    """Collects defects; lines are looked up for those alone that are shown."""

    def __init__(self) -> None:
        self._entries: list[tuple[DefectKind, SourceFile, npt.NDArray[np.int64], Callable[[int], str]]] = []

    def add(
        self, kind: DefectKind, source: SourceFile, rows: npt.NDArray[np.int64], say: Callable[[int], str]
    ) -> None:
        """Note ``rows`` of a file; ``say`` gives the text for the i-th of them."""
        if len(rows):
            self._entries.append((kind, source, rows, say))

    @property
    def counts(self) -> dict[str, int]:
        """Kind -> number of rows."""
        counts: Counter[str] = Counter()
        for kind, _, rows, _ in self._entries:
            counts[kind] += len(rows)
        return dict(counts)

    def first(self, limit: int = _SHOWN) -> list[Defect]:
        """Return the first defects, those of each kind in turn so that none hides the others."""
        share = max(1, limit // max(1, len(self.counts)))
        left = Counter(dict.fromkeys(self.counts, share))
        shown: list[Defect] = []
        for kind, source, rows, say in self._entries:
            part = rows[: min(left[kind], limit - len(shown))]
            left[kind] -= len(part)
            lines = source.ragged_lines(len(part)) if kind == "ragged row" else source.lines(part)
            shown += [Defect(kind, source.path, line, say(i)) for i, line in enumerate(lines)]
        return shown

    def refuse(self) -> None:
        """Refuse the input if anything was noted.

        Raises
        ------
        DataError
            It lists the first several, and the number of each kind.
        """
        if not self._entries:
            return
        shown = [f"  {defect.path}:{defect.line}: {defect.kind}: {defect.text}" for defect in self.first()]
        total = sum(self.counts.values())
        counts = ", ".join(f"{kind}: {count}" for kind, count in self.counts.items())
        raise DataError(
            "\n".join(
                [
                    f"{counted(total, 'defect')} in the rows ({counts}); mend them, or drop such rows with --drop-bad",
                    *shown,
                    *([f"  and {total - len(shown)} more"] if total > len(shown) else []),
                ]
            )
        )
