"""The record: everything a run leaves behind, complete or absent.

``results/<experiment>/<run_id>/`` holds

======================  ====================================================================
``config.yaml``         the resolved configuration, a Qlib workflow file again
``metrics.json``        the figures under Qlib's names and some more, fractions
``analysis.json``       precision, groups, risk under two conventions, tails, holdings: sections of figures
``epochs.parquet``      losses per epoch
``pred.parquet``        ``score`` per (datetime, instrument) of the test segment
``label.parquet``       ``LABEL0``, the raw label of the same rows
``ic.parquet``          per day: IC, Rank IC, precision, group returns, autocorrelation and turnover of the scores
``ic_decay.parquet``    IC and Rank IC with the labels of later days, per lag
``ic_periods.parquet``  IC and Rank IC per year and per month
``report.parquet``      the backtest's daily report
``positions.parquet``   what it held, per day and instrument
``holdings.parquet``    per day: number and concentration of what it held, cash, days held
``drawdowns.parquet``   the worst five drawdowns of each series of returns
``model.safetensors``   weights of the best epoch
``statistics.json``     what the processors learned from the fit period
``provenance.json``     code, packages, device, data fingerprint, seconds, memory
======================  ====================================================================

The backtest's four tables are there if the configuration asks for a backtest. A run that diverged before any epoch
was usable has no scores: it leaves ``config.yaml``, an empty ``metrics.json``, ``epochs.parquet`` and
``provenance.json``.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock
from pydantic import ValidationError

from lstm_bench.config.mistakes import explain
from lstm_bench.core.errors import ConfigError, DataError, InputError
from lstm_bench.model.path_name import current_path_name
from lstm_bench.record.drafts import draft_folder, drafts_in
from lstm_bench.record.record_json import ProvenanceJson, check_analysis, check_figures

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.config.workflow import RunConfig

__all__ = [
    "SEAL",
    "Record",
    "TableName",
    "check_idle",
    "folder_size",
    "publish",
    "read_object",
    "recover",
    "remove",
]

TableName = Literal[
    "epochs", "pred", "label", "ic", "ic_decay", "ic_periods", "report", "positions", "holdings", "drawdowns"
]

SEAL = "provenance.json"
"""The file that is written last: a folder without it is no record."""

_AGAIN = "compute the run again with --force"

_ROW, _DAY, _SAMPLE = (None,), ("datetime",), ("datetime", "instrument")
_LAYOUT: Mapping[TableName, tuple[tuple[str | None, ...], tuple[str, ...]]] = {
    "epochs": (("epoch",), ("train_loss", "valid_loss", "valid_score")),
    "pred": (_SAMPLE, ("score",)),
    "label": (_SAMPLE, ("LABEL0",)),
    "ic": (_DAY, ("ic", "rank_ic")),
    "ic_decay": (_ROW, ("lag", "ic", "rank_ic")),
    "ic_periods": (_ROW, ("span", "period", "days", "ic", "icir", "rank_ic", "rank_icir")),
    "report": (_DAY, ("return", "bench", "cost", "turnover")),
    "positions": (_SAMPLE, ("weight",)),
    "holdings": (_DAY, ("holdings",)),
    "drawdowns": (_ROW, ("series", "accumulation", "rank", "depth", "start", "bottom", "recovery", "days")),
}
"""Table -> its index, and the columns that it has in a record of any version."""

_DAYS = ("datetime", "start", "bottom", "recovery")
_TEXTS = ("instrument", "span", "period", "series", "accumulation")
_MAY_BE_EMPTY: tuple[TableName, ...] = ("positions", "drawdowns")


class _Object(dict[str, Any]):
    """A JSON object of a record's file: a key that is asked for and not there is named, with its file."""

    def __init__(self, content: Mapping[str, Any], path: Path, where: str = "") -> None:
        super().__init__(
            {
                key: _Object(value, path, f"{where}{key}.") if isinstance(value, dict) else value
                for key, value in content.items()
            }
        )
        self._path = path
        self._where = where

    def __missing__(self, key: str) -> Any:
        raise DataError(f"{self._path}: it has no {self._where}{key}; {_AGAIN}")


@dataclass(frozen=True)
class Record:
    """A complete record on disk."""

    path: Path

    @classmethod
    def find(cls, folder: Path) -> Record | None:
        """Return the record in ``folder``, None if there is none."""
        return cls(folder) if (folder / SEAL).is_file() else None

    def metrics(self) -> dict[str, float]:
        """Read the figures; JSON has no NaN, a null stands for it.

        Raises
        ------
        DataError
            Where the file cannot be read, or a figure is no number.
        """
        content = self._json("metrics.json", check_figures)
        return {name: math.nan if value is None else value for name, value in content.items()}

    def analysis(self) -> dict[str, Any]:
        """Read the sections of the analysis; a null stands for NaN.

        Raises
        ------
        DataError
            Where this record has none (its run diverged, or was computed by an earlier version), and where a key is
            asked for that is not there.
        """
        return self._json("analysis.json", check_analysis)

    def failure(self) -> str | None:
        """Say why the run has no figures; None where it has."""
        if self.metrics():
            return None
        return (
            "training diverged in its first epoch, so that there are no weights to evaluate; "
            f"its losses are in {self.path}"
        )

    def provenance(self) -> dict[str, Any]:
        """Read the provenance, with the training path under its current name.

        Raises
        ------
        DataError
            If the file cannot be read, and if a key is read that it does not have.
        """
        provenance = self.provenance_as_written()
        device = provenance.get("device", {})
        if "training_path" in device:
            device["training_path"] = current_path_name(device["training_path"])
        return provenance

    def provenance_as_written(self) -> dict[str, Any]:
        """Read the provenance, with the training path under the name of its time: evidence keeps that name."""
        return self._json(SEAL, ProvenanceJson.model_validate)

    def config(self) -> RunConfig:
        """Read the resolved configuration.

        Raises
        ------
        DataError
            Where this record has none.
        ConfigError
            Where this version cannot read it.
        """
        from lstm_bench.config.workflow import load_workflow

        path = self.path / "config.yaml"
        if not path.is_file():
            raise DataError(f"{self.path}: this record is not complete: it has no config.yaml; {_AGAIN}")
        try:
            return load_workflow(path)
        except ConfigError as error:
            raise ConfigError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error

    def has_table(self, name: TableName) -> bool:
        """Whether this record has a table."""
        return (self.path / f"{name}.parquet").is_file()

    def table(self, name: TableName) -> pd.DataFrame:
        """Read one of the tables.

        Raises
        ------
        DataError
            Where this record has no such table, or its file is torn or holds another one.
        """
        import pandas as pd

        if not self.has_table(name):
            there = ", ".join(sorted(found.stem for found in self.path.glob("*.parquet")))
            raise DataError(f"{self.path}: this record has no table {name!r}; it has {there}")
        path = self.path / f"{name}.parquet"
        try:
            table = pd.read_parquet(path)
        except Exception as error:  # a damaged file may fail anywhere in pyarrow and pandas
            raise DataError(f"{path}: cannot be read: {error}; {_AGAIN}") from error
        index, columns = _LAYOUT[name]
        if tuple(table.index.names) != index or not set(columns) <= set(table.columns):
            got = _names([*table.index.names, *table.columns])
            raise DataError(
                f"{path}: holds another table: got {got}, expected {_names([*index, *columns])}; {_AGAIN}"
            )
        for column in (*index, *table.columns):
            values = table.index.get_level_values(column) if column in index else table[column]
            if column is not None and (wrong := _wrong_kind(str(column), values)):
                raise DataError(f"{path}: {column}: {wrong}; {_AGAIN}")
        if index != _ROW and table.index.has_duplicates:
            raise DataError(f"{path}: holds a row twice; {_AGAIN}")
        if name not in _MAY_BE_EMPTY and table.empty:
            raise DataError(f"{path}: holds no row; {_AGAIN}")
        return table

    def _json(self, name: str, check: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        path = self.path / name
        content = read_object(path)
        try:
            check(content)
        except ValidationError as error:
            raise DataError(f"{path}: {explain(error)}; {_AGAIN}") from error
        except ValueError as error:
            raise DataError(f"{path}: {error}; {_AGAIN}") from error
        return _Object(content, path)


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object of a record.

    Raises
    ------
    DataError
        Where the file cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; {_AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: not JSON: {error}; {_AGAIN}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object; {_AGAIN}")
    return content


def _wrong_kind(column: str, values: pd.Series[Any] | pd.Index[Any]) -> str:
    """Say what kind of values a column of a table has, if it should have others; empty where it is right."""
    import pandas as pd

    kinds = pd.api.types
    if column in _DAYS:
        right, expected = kinds.is_datetime64_any_dtype(values.dtype), "days"
    elif column in _TEXTS:
        right, expected = kinds.is_string_dtype(values) and not kinds.is_numeric_dtype(values.dtype), "texts"
    else:
        right, expected = kinds.is_numeric_dtype(values.dtype), "numbers"
    return "" if right else f"got values of the type {values.dtype}, expected {expected}"


def _names(columns: Iterable[object]) -> str:
    """List the columns of a table, the index first, which may have no name."""
    return ", ".join(str(name) for name in columns if name is not None)


def publish(folder: Path, write: Callable[[Path], None], *, replace: bool = False) -> tuple[Record, bool]:
    """Write a record beside its place and move it there in one rename.

    Parameters
    ----------
    folder
        Where the record belongs.
    write
        Fills the folder that it is given. Where it raises, nothing becomes visible.
    replace
        Whether to replace a record that another process published in the meantime, or keep it.

    Returns
    -------
    record : Record
    published : bool
        False where another process was first and ``replace`` is off: its record stands.
    """
    made = [path for path in folder.parents if not path.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_folder(folder)
    draft.mkdir()
    try:
        write(draft)
        with _locked(folder):
            _recover(folder)
            there = None if replace else Record.find(folder)  # a folder without the seal is no record to keep
            if there is not None:
                return there, False
            if folder.exists():
                folder.rename(_aside(folder))
            draft.rename(folder)
            shutil.rmtree(_aside(folder), ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        for path in made:
            with suppress(OSError):  # what holds a record stays
                path.rmdir()
    return Record(folder), True


def recover(folder: Path) -> None:
    """Put right what a killed process left of a record: put back one that it had set aside, remove its drafts."""
    if folder.parent.is_dir():
        with _locked(folder):
            _recover(folder)


def remove(folder: Path) -> int:
    """Remove a record, complete or not, and what killed processes left of it.

    It is renamed to a draft first, so that whoever computes the run again completes an interrupted removal.

    Returns
    -------
    int
        Bytes that were freed.

    Raises
    ------
    InputError
        Where a process is writing the run's record at the moment, or the folder may not be changed.
    """
    try:
        with _locked(folder):
            _recover(folder)
            check_idle(folder)
            gone = draft_folder(folder)
            if folder.exists():
                folder.rename(gone)
            size = folder_size(gone)
            shutil.rmtree(gone, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be removed: {error.strerror}") from error
    return size


def check_idle(folder: Path) -> None:
    """Check that nobody is writing a run's record.

    Raises
    ------
    InputError
        Where somebody is; it names the process.
    """
    for draft in drafts_in(folder.parent):
        if draft.run == folder.name and draft.is_live:
            where = "" if draft.is_here else f" on {draft.host}"
            hint = "" if draft.is_here else f"; if that has ended, remove {draft.path}"
            raise InputError(
                f"{folder}: process {draft.process}{where} is writing this run's record; wait for it or stop it{hint}"
            )


def folder_size(folder: Path) -> int:
    """Return the bytes of a folder's files; 0 where it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _recover(folder: Path) -> None:
    aside = _aside(folder)
    if aside.exists():
        if folder.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(folder)
    for draft in drafts_in(folder.parent):
        if draft.run == folder.name and not draft.is_live:
            shutil.rmtree(draft.path, ignore_errors=True)


def _locked(folder: Path) -> FileLock:
    """Lock an experiment's folder against other processes; held for renames only."""
    return FileLock(folder.parent / ".lock")


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")
