"""Records in a folder how its files were adjusted, so that appended files are adjusted in the same way."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.adjustment import AdjustBy, Adjustment, State
from lstm_bench.data.layout import IMPORTED, read_lines

__all__ = ["adjustment_note", "read_folder_adjustment"]


def adjustment_note(adjustment: Adjustment, is_conclusive: bool) -> dict[str, str]:
    """Write the note of a folder: file name -> text; empty unless the adjustment is conclusive."""
    return {IMPORTED: json.dumps(asdict(adjustment))} if is_conclusive else {}


def read_folder_adjustment(folder: Path) -> Adjustment | None:
    """Read the note of a folder; None without a note, as in folders made by other tools.

    Raises DataError if the note cannot be understood.
    """
    path = folder / IMPORTED
    if not path.is_file():
        return None
    try:
        note = json.loads("\n".join(read_lines(path)))
        adjustment = Adjustment(note["by"], note["prices"], note["volume"])
    except (ValueError, KeyError, TypeError) as error:
        raise _malformed(path) from error
    states = get_args(State)
    if (
        adjustment.by not in get_args(AdjustBy)
        or adjustment.prices not in states
        or adjustment.volume not in states
    ):
        raise _malformed(path)
    return adjustment


def _malformed(path: Path) -> DataError:
    return DataError(
        f"{path}: expected the note that `data import` writes (by, prices, volume); remove the file, and set "
        "--adjust-by for the files to append"
    )
