"""Names of experiments. Each names a folder of records; those of studies and benches also name files of evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lstm_bench.core.errors import ConfigError

__all__ = ["check_evidence_name", "records_folder"]

_EVIDENCE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LONGEST = 100
_DAILY = ".daily"
"""Ending of the names of files with daily series."""


def records_folder(results: Path, names: Mapping[str, str | None]) -> Path:
    """Return the folder of an experiment's records below ``results``.

    ``names`` has the name of each source, None if the source has none; the first name counts. Raises ConfigError if
    it is not that of one visible folder.
    """
    field, name = next((field, name) for field, name in names.items() if name is not None)
    if not name or name.startswith(".") or set(name) & set("/\\\0"):
        raise ConfigError(
            f"{field}: got {name!r}, expected the name of one folder, without / or \\ and with no dot in front"
        )
    return results / name


def check_evidence_name(name: str) -> str:
    """Return a name if it can also name files of evidence on every system.

    Raises ValueError if it cannot.
    """
    if not _EVIDENCE_NAME.fullmatch(name):
        raise ValueError("expected letters, digits and . _ - only, the first one no . or -")
    if len(name) > _LONGEST:
        raise ValueError(f"expected at most {_LONGEST} characters")
    if name.endswith(_DAILY):
        raise ValueError(f"files of daily series end in {_DAILY}; expected another ending")
    return name
