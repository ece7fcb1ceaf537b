"""Reading records."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lstm_bench.config.wording.mistakes import explain
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.model.path_name import current_path_name
from lstm_bench.record.layout import AGAIN, CONFIG, SEAL, TableName, check_table
from lstm_bench.record.record_json import ProvenanceJson, check_analysis, check_figures
from lstm_bench.record.scoring_model import ScoringModel

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.config.workflow import RunConfig

__all__ = ["Record", "read_object"]


class _Object(dict[str, Any]):
    """A JSON object of a record's file. The error for a missing key names the key and the file."""

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
        raise DataError(f"{self._path}: it has no {self._where}{key}; {AGAIN}")


@dataclass(frozen=True)
class Record:
    """A complete record on disk."""

    path: Path

    @classmethod
    def find(cls, folder: Path) -> Record | None:
        """Return the record in ``folder``, None if there is none."""
        return cls(folder) if (folder / SEAL).is_file() else None

    def metrics(self) -> dict[str, float]:
        """Read the figures. A null in the file becomes NaN.

        Raises ``DataError`` if the file cannot be read, or a figure is not a number.
        """
        content = self._json("metrics.json", check_figures)
        return {name: math.nan if value is None else value for name, value in content.items()}

    def analysis(self) -> dict[str, Any]:
        """Read the sections of the analysis. A null stands for NaN.

        Raises ``DataError`` if the record has none (the run diverged, or an earlier version computed it), and when a
        missing key is looked up.
        """
        return self._json("analysis.json", check_analysis)

    def failure(self) -> str | None:
        """Explain why the run has no figures; None if it has some."""
        if self.metrics():
            return None
        return (
            "training diverged in its first epoch, so that there are no weights to evaluate; "
            f"its losses are in {self.path}"
        )

    def provenance(self) -> dict[str, Any]:
        """Read the provenance, with the training path under its current name.

        Raises ``DataError`` if the file cannot be read, and when a missing key is looked up.
        """
        provenance = self.provenance_as_written()
        device = provenance.get("device", {})
        if "training_path" in device:
            device["training_path"] = current_path_name(device["training_path"])
        return provenance

    def provenance_as_written(self) -> dict[str, Any]:
        """Read the provenance, with the training path under its name in that version, which evidence keeps."""
        return self._json(SEAL, ProvenanceJson.model_validate)

    def model(self) -> ScoringModel | None:
        """Read which model scored; None if it is the configuration's LSTM.

        Raises ``DataError`` if the provenance cannot be read.
        """
        content = self.provenance_as_written().get("model")
        return None if content is None else ScoringModel.of(content)

    def config(self) -> RunConfig:
        """Read the resolved configuration.

        Raises
        ------
        DataError
            If the record has none.
        ConfigError
            If this version cannot read it.
        """
        from lstm_bench.config.workflow import load_workflow

        path = self.path / CONFIG
        if not path.is_file():
            raise DataError(f"{self.path}: this record is not complete: it has no {CONFIG}; {AGAIN}")
        try:
            return load_workflow(path)
        except ConfigError as error:
            raise ConfigError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error

    def has_table(self, name: TableName) -> bool:
        """Whether this record has a table."""
        return (self.path / f"{name}.parquet").is_file()

    def table(self, name: TableName) -> pd.DataFrame:
        """Read one of the tables.

        Raises ``DataError`` if the record has no such table, or its file is torn or holds another one.
        """
        import pandas as pd

        if not self.has_table(name):
            existing = ", ".join(sorted(found.stem for found in self.path.glob("*.parquet")))
            raise DataError(f"{self.path}: this record has no table {name!r}; it has {existing}")
        path = self.path / f"{name}.parquet"
        try:
            table = pd.read_parquet(path)
        except Exception as error:  # a damaged file may fail anywhere in pyarrow and pandas
            raise DataError(f"{path}: cannot be read: {error}; {AGAIN}") from error
        check_table(name, table, path)
        return table

    def _json(self, name: str, check: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        path = self.path / name
        content = read_object(path)
        try:
            check(content)
        except ValidationError as error:
            raise DataError(f"{path}: {explain(error)}; {AGAIN}") from error
        except ValueError as error:
            raise DataError(f"{path}: {error}; {AGAIN}") from error
        return _Object(content, path)


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object of a record. Raises ``DataError`` if the file cannot be read, or holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; {AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: not JSON: {error}; {AGAIN}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object; {AGAIN}")
    return content
