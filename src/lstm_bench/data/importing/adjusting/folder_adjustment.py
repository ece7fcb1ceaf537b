"""What was done to the files that a folder was made of, kept in the folder: files to append are taken alike."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.adjustment import AdjustBy, Adjustment, State
from lstm_bench.data.layout import IMPORTED, read_lines

__all__ = ["read_settled", "settled_note"]


def settled_note(adjustment: Adjustment, is_settled: bool) -> dict[str, str]:
    """Give the note to keep: file name -> text; none where nothing is settled, and later files may show it."""
    return {IMPORTED: json.dumps(asdict(adjustment))} if is_settled else {}


def read_settled(folder: Path) -> Adjustment | None:
    """Read the note of a folder; None where it has none, as folders of other makers.

    Raises
    ------
    DataError
        Where the note cannot be understood.
    """
    path = folder / IMPORTED
    if not path.is_file():
        return None
    try:
        note = json.loads("\n".join(read_lines(path)))
        adjustment = Adjustment(note["by"], note["prices"], note["volume"])
    except (ValueError, KeyError, TypeError) as error:
        raise _strange(path) from error
    states = get_args(State)
    if (
        adjustment.by not in get_args(AdjustBy)
        or adjustment.prices not in states
        or adjustment.volume not in states
    ):
        raise _strange(path)
    return adjustment


def _strange(path: Path) -> DataError:
    return DataError(
        f"{path}: expected the note that `data import` writes (by, prices, volume); remove the file, and say with "
        "--adjust-by what is done to the files to append"
    )
