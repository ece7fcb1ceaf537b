"""Exports a study's trials to a file for other programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from lstm_bench.core.atomic import staged_file
from lstm_bench.core.errors import ConfigError, DataError, choices_hint
from lstm_bench.tune.trials import TrialRow

__all__ = ["export_trials"]

_IC = {"valid_ic": "IC", "valid_rank_ic": "Rank IC"}

_COLUMNS = [field.name for field in fields(TrialRow) if field.name not in ("params", "valid_ic")] + list(_IC)
"""Of a table without trials."""


def export_trials(trials: Sequence[TrialRow], out: Path) -> int:
    """Write a row per trial to a ``.csv``, ``.parquet`` or ``.json`` file; return the number of trials.

    Parameters become columns ``params.<key>``, the IC on valid ``valid_ic`` and ``valid_rank_ic``. JSON holds the
    trials as they are.

    Raises
    ------
    ConfigError
        If the file has another ending.
    DataError
        If it cannot be written.
    """
    import pandas as pd

    kind = out.suffix.lower()
    if kind not in (".csv", ".parquet", ".json"):
        raise ConfigError(f"export: got {out.name!r}; {choices_hint(kind, ['.csv', '.parquet', '.json'])}")
    table = pd.DataFrame([_flat(trial) for trial in trials], columns=None if trials else _COLUMNS)
    try:
        with staged_file(out) as staged:
            if kind == ".json":
                content = json.dumps([trial.to_json() for trial in trials], indent=2)
                staged.write_text(content + "\n", encoding="utf-8")
            elif kind == ".csv":
                table.to_csv(staged, index=False)
            else:
                table.to_parquet(staged, index=False)
    except OSError as error:
        raise DataError(f"export: cannot write {out}: {error.strerror}") from error
    return len(trials)


def _flat(trial: TrialRow) -> dict[str, Any]:
    row = trial.to_json()
    params = {f"params.{key}": value for key, value in row.pop("params").items()}
    curve, figures = row.pop("epoch_values"), row.pop("valid_ic")
    row |= {column: figures.get(name) for column, name in _IC.items()}
    row["diverged_seeds"] = ",".join(map(str, row["diverged_seeds"]))
    row["moved"] = json.dumps(row["moved"]) if row["moved"] else None
    return {**row, "epochs": len(curve), "epoch_values": json.dumps(curve), **params}
