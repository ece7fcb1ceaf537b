"""The manifest of a bench: the runs that each row of an experiment must have, so that missing ones are noticed.

``results/<experiment>/bench.json`` is next to the records that it names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from filelock import FileLock
from pydantic import Field, ValidationError

from lstm_bench.config.section import Section
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.core.atomic import write_whole
from lstm_bench.core.errors import DataError
from lstm_bench.record.record import Record

if TYPE_CHECKING:
    from lstm_bench.config.workflow import RunConfig

__all__ = [
    "Bench",
    "BenchRow",
    "check_label",
    "records_of_rows",
    "rows_with",
    "studies_of",
    "workflow_of_row",
]

_NAME = "bench.json"
_LONGEST_LABEL = 60


Seed = Annotated[int, Field(ge=0, lt=2**32)]


class BenchRow(Section):
    """One configuration over its seeds."""

    label: str = Field(description="the row's name within its study, such as default or tuned")
    study: str = Field(description="the study, or the workflow file's name")
    features: str = Field(description="Alpha158, Alpha360, or the name of another feature set")
    trial: int | None = Field(
        None, ge=0, lt=2**63, description="the study's trial that proposed the configuration"
    )
    seeds: tuple[Seed, ...] = Field(description="the requested seeds")
    runs: dict[Seed, Annotated[str, Field(max_length=100)]] = Field(
        {}, description="seed -> run id, of the runs that have a record"
    )
    failures: dict[Seed, str] = Field({}, description="seed -> what went wrong")
    workflow: dict[str, Any] = Field(description="the resolved configuration, its seed left out")
    model: dict[str, Any] | None = Field(
        None,
        description="the model that scored, without settings of single seeds; null for the workflow's LSTM",
    )


class Bench(Section):
    """All rows of an experiment."""

    rows: dict[str, BenchRow] = Field({})

    @classmethod
    def load(cls, experiment: Path) -> Bench | None:
        """Read an experiment's manifest; None if there is no file. Raises ``DataError`` if it is not a manifest."""
        path = experiment / _NAME
        if not path.is_file():
            return None
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            raise DataError(f"{path}: {explain(error)}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: not JSON: {error}") from error

    @classmethod
    def change(cls, experiment: Path, label: str, change: Callable[[BenchRow | None], BenchRow]) -> BenchRow:
        """Replace a row by what ``change`` makes of it (of None if it is new), under a lock; return the new row."""
        experiment.mkdir(parents=True, exist_ok=True)
        with FileLock(experiment / f".{_NAME}.lock"):
            manifest = cls.load(experiment) or cls()
            row = change(manifest.rows.get(label))
            manifest.with_row(row).save(experiment)
        return row

    def with_row(self, row: BenchRow) -> Bench:
        """Return the manifest with a row added or replaced."""
        return Bench(rows={**self.rows, row.label: row})

    def save(self, experiment: Path) -> None:
        """Write the manifest in one rename."""
        write_whole(experiment / _NAME, json.dumps(self.model_dump(mode="json"), indent=2) + "\n")


def check_label(label: str) -> str:
    """Return a label if it can name a row, as in ``STUDY/ROW``.

    Raises ValueError if it cannot.
    """
    if not label or label != label.strip() or label.startswith("-") or not label.isprintable():
        raise ValueError("expected printable characters, the first no - and no blank at either end")
    if set(label) & set("/|"):
        raise ValueError("expected no / and no |")
    if len(label) > _LONGEST_LABEL:
        raise ValueError(f"expected at most {_LONGEST_LABEL} characters")
    return label


def workflow_of_row(config: RunConfig) -> dict[str, Any]:
    """Return a resolved configuration as a row has it: without a seed."""
    content = config.to_file()
    content["task"]["model"]["kwargs"].pop("seed", None)
    return content


def studies_of(results: Path) -> list[str]:
    """Return the studies, and workflow files, of the rows that manifests below a folder of results name."""
    manifests = (Bench.load(path.parent) for path in sorted(results.glob(f"*/{_NAME}")))
    return sorted({row.study for bench in manifests if bench is not None for row in bench.rows.values()})


def records_of_rows(experiment: Path) -> dict[str, list[Record]]:
    """Return the records of each row of an experiment, by the row's name; none without a manifest.

    Raises ``DataError`` if the manifest cannot be read.
    """
    bench = Bench.load(experiment)
    rows = {} if bench is None else bench.rows
    found = {}
    for name, row in rows.items():
        records = (Record.find(experiment / run) for run in row.runs.values())
        found[name] = [record for record in records if record is not None]
    return found


def rows_with(record: Path) -> list[str]:
    """Return the names of the rows, ``STUDY/ROW``, that count a record among their runs.

    Raises ``DataError`` if the manifest beside it cannot be read.
    """
    bench = Bench.load(record.parent)
    rows = () if bench is None else bench.rows.values()
    return [f"{row.study}/{row.label}" for row in rows if record.name in row.runs.values()]
