"""Finds runs below a folder of results by name, and lists them from their small files."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lstm_bench.core.atomic import Staging, stagings_in, stagings_of
from lstm_bench.core.errors import DataError
from lstm_bench.record.layout import CONFIG, SEAL
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel

__all__ = ["CatalogueEntry", "find_entry", "find_run", "is_run_id", "list_runs", "name_some", "run_folders"]

_ID = re.compile(r"[0-9a-f]{16}")
_SCORED = ("pred.parquet", "label.parquet", "ic.parquet")
"""Files of every run that has scores."""

_TRAINED = ("epochs.parquet", "model.safetensors")
"""Further files of every run of an LSTM that has scores."""

_SET_NAME = re.compile(r"^lstm_bench:\n(?: .*\n)*?  features:\n    name: (.+)$", re.MULTILINE)
_HANDLER = re.compile(r"^ +handler:\n +class: (.+)$", re.MULTILINE)
"""Match the feature set in a record's configuration. Parsing thousands of these as YAML takes minutes, and all of them
have the layout of this package's writer."""

_MOST_NAMED = 8


@dataclass(frozen=True)
class CatalogueEntry:
    """The small files of a run's record. Values that a damaged record lacks are None.

    Attributes
    ----------
    path : of the record, which does not exist while the run is only staged
    fault : what is wrong with the record; empty if nothing is
    features : Alpha158, Alpha360 or the name of another feature set
    model : that scored; None for the configuration's LSTM
    started : with its time zone
    status : how training ended
    seconds : in total
    metrics : name -> value; NaN if undefined
    stagings : of the record, being written or left by killed processes
    """

    path: Path
    fault: str = ""
    features: str | None = None
    model: ScoringModel | None = None
    seed: int | None = None
    started: datetime | None = None
    status: str | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    seconds: float | None = None
    data_fingerprint: str | None = None
    metrics: Mapping[str, float] | None = None
    stagings: tuple[Staging, ...] = ()

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def experiment(self) -> str:
        """Name of the folder that holds the record."""
        return self.path.parent.name

    @property
    def is_staged(self) -> bool:
        """Whether there is a staging and no record yet."""
        return bool(self.stagings) and not self.path.is_dir()

    @property
    def state(self) -> str:
        """The state of the run, in a word or two."""
        if any(staging.is_active for staging in self.stagings):
            return "being written"
        if self.fault:
            return "damaged"
        return "diverged" if not self.metrics else str(self.status).replace("_", " ")


def run_folders(results: Path) -> list[Path]:
    """Return the folders of records, complete or not, of all experiments, by path."""
    return sorted(path for experiment in _visible(results) for path in _visible(experiment) if _is_run(path))


def find_run(run: str, results: Path) -> Path:
    """Find the folder of a run's record, complete or not.

    ``run`` is the folder, or the id of a run in ``results/<experiment>/``, or the beginning of an id, with or without
    the experiment in front (``demo/01874``). Raises ``DataError`` if no run matches, or several do; these are listed.
    """
    if not run:
        raise DataError("run: got '', expected a record's folder, or the id of one")
    folder = Path(run).expanduser()
    if folder.is_dir():
        return folder
    existing = run_folders(results)
    found = [path for path in existing if _name_like(path, run) == run]
    found = found or [path for path in existing if _name_like(path, run).startswith(run)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"run: got {run!r}, which {len(found)} records begin with; give one of {name_some(found)}"
        )
    hint = f"it has {name_some(existing)}" if existing else "it has none; `lstm-bench run CONFIG` makes one"
    raise DataError(
        f"run: got {run!r}, expected a record's folder, or the id of one in {results}, and {hint}"
    )


def find_entry(run: str, results: Path) -> CatalogueEntry:
    """Find a run as :func:`find_run` does, and read its small files.

    Raises ``DataError`` if there is no such run, or the folder is not a run's.
    """
    folder = find_run(run, results)
    if not is_run_id(folder.name):
        raise DataError(
            f"run: {folder} is no run's record: its name is none of the ids that runs have, 16 digits of 0-9a-f"
        )
    return _entry(folder, tuple(stagings_of(folder)))


def list_runs(results: Path) -> list[CatalogueEntry]:
    """Read the small files of all runs. Damaged records are listed with their faults, and staged runs too."""
    entries = []
    for experiment in _visible(results):
        stagings: dict[str, list[Staging]] = {}
        for staging in stagings_in(experiment):
            if is_run_id(staging.place):
                stagings.setdefault(staging.place, []).append(staging)
        folders = {path.name: path for path in _visible(experiment) if _is_run(path)}
        for name in sorted({*folders, *stagings}):
            entries.append(_entry(experiment / name, tuple(stagings.get(name, ()))))
    return entries


def _entry(path: Path, stagings: tuple[Staging, ...]) -> CatalogueEntry:
    if not path.is_dir():
        is_written = any(staging.is_active for staging in stagings)
        fault = "" if is_written else "a killed process left it unfinished; run it again to make its record"
        return CatalogueEntry(path, fault, stagings=stagings)
    record, faults = Record(path), []
    values: dict[str, Any] = {}
    metrics: dict[str, float] | None = None
    try:
        values = _provenance(record)
        metrics = record.metrics()
        needed = _SCORED if values["model"] is not None else (*_SCORED, *_TRAINED)
        faults += _absent(path, needed if metrics else ())
    except DataError as error:
        faults.append(str(error).removeprefix(f"{path}{os.sep}"))
    return CatalogueEntry(path, "; ".join(faults), **values, metrics=metrics, stagings=stagings)


def _provenance(record: Record) -> dict[str, Any]:
    """Read the fields of an entry.

    Raises ``DataError`` if a file is absent, cannot be read, or holds something else.
    """
    if missing := _absent(record.path, (SEAL, CONFIG)):
        raise DataError(missing[0])
    content = record.provenance()
    training = content["training"]
    return {
        "features": _features(record.path / CONFIG),
        "model": record.model(),
        "seed": content["seed"],
        "started": _moment(content.get("started")),
        "status": training["status"],
        "epochs": training["epochs"],
        "best_epoch": training["best_epoch"],
        "seconds": math.fsum(content["seconds"].values()),
        "data_fingerprint": content["data_fingerprint"],
    }


def _moment(text: Any) -> datetime | None:
    """Read when a run began. Records of early versions lack it."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise DataError(f"{SEAL}: started: got {text!r}, expected a date and a time") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _features(config: Path) -> str | None:
    try:
        text = config.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{config.name}: cannot be read: {error}") from error
    found = _SET_NAME.search(text) or _HANDLER.search(text)
    return None if found is None else found[1].strip("'\"")


def _absent(path: Path, names: Iterable[str]) -> list[str]:
    missing = [name for name in names if not (path / name).is_file()]
    return [f"it has no {', '.join(missing)}"] if missing else []


def _visible(folder: Path) -> Iterator[Path]:
    """Return the visible folders in a folder by name; none if it cannot be listed."""
    try:
        with os.scandir(folder) as found:
            names = sorted(one.name for one in found if not one.name.startswith(".") and one.is_dir())
    except OSError:
        return iter(())
    return (folder / name for name in names)


def _is_run(path: Path) -> bool:
    return is_run_id(path.name) or (path / SEAL).is_file()


def is_run_id(name: str) -> bool:
    """Whether a name has the form of a run id."""
    return bool(_ID.fullmatch(name))


def _name_like(path: Path, text: str) -> str:
    """Return the name of a run, with its experiment if the requested name has one."""
    return f"{path.parent.name}/{path.name}" if "/" in text else path.name


def name_some(paths: Iterable[Path]) -> str:
    """Join the first paths of many, with the number of the others."""
    texts = [str(path) for path in paths]
    more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return ", ".join(texts[:_MOST_NAMED]) + more
