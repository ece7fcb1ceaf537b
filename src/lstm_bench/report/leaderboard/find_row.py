"""Find a row of the leaderboard by the name that a user types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.report.leaderboard.rows import Row

__all__ = ["RowMissingError", "find_row"]


class RowMissingError(InputError):
    """No row has the requested name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def find_row(rows: Iterable[Row], name: str) -> Row:
    """Find a row by ``STUDY/ROW``, or by one of the two if it is unique.

    Case is ignored, ``-`` may replace characters that a shell would need quoted (``s/trial-3`` for
    ``s/trial 3``), and a unique beginning of the name is enough.

    Raises
    ------
    RowMissingError
        If no row fits; the message names the nearest.
    InputError
        If several rows fit.
    """
    known = {row.name: row for row in rows}
    if name in known:
        return known[name]
    plain = _plain(name)
    same = [row for full, row in known.items() if _plain(full) == plain]
    if len(same) == 1:
        return same[0]
    of_study = [row for row in known.values() if row.study == name]
    if len(of_study) == 1:
        return of_study[0]
    if of_study:
        raise InputError(
            f"row: study {name!r} has {len(of_study)}; choices: {', '.join(row.name for row in of_study)}"
        )
    same = same or [row for row in known.values() if _plain(row.label) == plain]
    if len(same) == 1:
        return same[0]
    begun = [row for full, row in known.items() if plain and _plain(full).startswith(plain)]
    if len(begun) == 1:
        return begun[0]
    if several := same or begun:
        raise InputError(
            f"row: {name!r} fits {len(several)}; choices: {', '.join(row.name for row in several)}"
        )
    if not known:
        raise RowMissingError(
            name, f"row: there is no {name!r}, and no other row; `lstm-bench bench` makes rows"
        )
    # the study or the label may be close to the name when the whole is not
    names = {text: row.name for row in known.values() for text in (row.study, row.label, row.name)}
    near = get_close_matches(name, names, n=1)
    meant = names[near[0]] if near else name
    raise RowMissingError(name, f"row: there is no {name!r}; {choices_hint(meant, known)}")


def _plain(name: str) -> str:
    """Write a name in lower case, without characters that a shell interprets."""
    return "/".join(re.sub(r"(?:[^\w.]|_)+", "-", part).strip("-").lower() for part in name.split("/"))
