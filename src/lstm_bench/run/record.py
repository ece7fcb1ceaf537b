"""The record: everything a run leaves behind, complete or absent.

``results/<experiment>/<run_id>/`` holds

=====================  ====================================================================
``config.yaml``        the resolved configuration, a Qlib workflow file again
``metrics.json``       the figures under Qlib's names, fractions
``epochs.parquet``     losses per epoch
``pred.parquet``       ``score`` per (datetime, instrument) of the test segment
``label.parquet``      ``LABEL0``, the raw label of the same rows
``ic.parquet``         IC and Rank IC per day
``report.parquet``     the backtest's daily report
``positions.parquet``  what it held, per day and instrument
``model.safetensors``  weights of the best epoch
``provenance.json``    code, packages, device, data fingerprint, seconds, memory
=====================  ====================================================================

The backtest's two tables are there if the configuration asks for a backtest.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_bench.errors import DataError

__all__ = ["Record", "publish"]

_SEAL = "provenance.json"


@dataclass(frozen=True)
class Record:
    """A complete record on disk."""

    path: Path

    @classmethod
    def find(cls, folder: Path) -> Record | None:
        """Return the record in ``folder``, None if there is none."""
        return cls(folder) if (folder / _SEAL).is_file() else None

    def metrics(self) -> dict[str, float]:
        """Read the figures; JSON has no NaN, a null stands for it."""
        return {
            name: math.nan if value is None else value for name, value in self._json("metrics.json").items()
        }

    def provenance(self) -> dict[str, Any]:
        """Read the provenance."""
        return self._json(_SEAL)

    def _json(self, name: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.path / name}: cannot be read: {error}; compute the run again with --force"
            ) from error
        return content


def publish(folder: Path, write: Callable[[Path], None]) -> Record:
    """Write a record beside its place and move it there in one rename.

    Parameters
    ----------
    folder
        Where the record belongs; what is there is replaced.
    write
        Fills the folder that it is given. Where it raises, nothing becomes visible.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    token = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    draft = folder.parent / f".{folder.name}.{token}.draft"
    draft.mkdir()
    try:
        write(draft)
        if folder.exists():
            replaced = folder.parent / f".{folder.name}.{token}.replaced"
            folder.rename(replaced)
            draft.rename(folder)
            shutil.rmtree(replaced)
        else:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Record(folder)
