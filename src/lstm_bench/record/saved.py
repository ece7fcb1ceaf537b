"""A saved run: its model and its fitted processors, read from its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import DataError
from lstm_bench.features.fitted import FittedStatistics
from lstm_bench.record.catalogue import find_run, name_some
from lstm_bench.record.layout import AGAIN
from lstm_bench.record.record import Record, read_object

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SavedRun", "find_record", "read_statistics"]

_WEIGHTS = "model.safetensors"
_STATISTICS = "statistics.json"


def find_record(run: str, results: Path) -> Record:
    """Find a run's record, as :func:`lstm_bench.record.catalogue.find_run` finds its folder.

    Raises ``DataError`` if no run matches, or several do, or the record is not complete.
    """
    folder = find_run(run, results)
    record = Record.find(folder)
    if record is None:
        raise DataError(f"run: {folder} is no complete record: it has no provenance.json{_inside(folder)}")
    return record


def _inside(folder: Path) -> str:
    """Describe the records in a folder that is not a record itself."""
    records = sorted(
        seal.parent for depth in ("[!.]*", "[!.]*/[!.]*") for seal in folder.glob(f"{depth}/provenance.json")
    )
    return f"; it holds records: {name_some(records)}" if records else ""


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A trained model and its configuration.

    Attributes
    ----------
    record
    config : resolved
    weights : of the best epoch, parameter -> tensor on the CPU
    fitted : ``shared``, ``infer`` and ``learn`` -> the fitted processors, in order
    provenance
    """

    record: Record
    config: ResolvedRun
    weights: Mapping[str, Tensor]
    fitted: Mapping[str, tuple[FittedStatistics, ...]]
    provenance: Mapping[str, Any]

    @classmethod
    def load(cls, record: Record) -> SavedRun:
        """Read a record.

        Raises
        ------
        DataError
            If another model than an LSTM scored, the run diverged and left no weights, or a file is missing or
            damaged.
        ConfigError
            If this version cannot read its configuration.
        """
        failure = record.failure()
        if failure is not None:
            raise DataError(f"{record.path}: {failure}; there is nothing to predict with")
        model = record.model()
        if model is not None:
            raise DataError(
                f"{record.path}: its scores are those of another model ({model.name}), expected an LSTM: the record "
                "has no weights to predict with"
            )
        for name in ("pred.parquet", _STATISTICS, _WEIGHTS):
            if not (record.path / name).is_file():
                raise DataError(f"{record.path}: this record is not complete: it has no {name}; {AGAIN}")
        return cls(
            record=record,
            config=record.config().resolved(),
            weights=_read_weights(record.path / _WEIGHTS),
            fitted=read_statistics(record),
            provenance=record.provenance(),
        )


def _read_weights(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read: {error}; {AGAIN}") from error


def read_statistics(record: Record) -> dict[str, tuple[FittedStatistics, ...]]:
    """Read a run's fitted processors: ``shared``, ``infer`` and ``learn``, each in order.

    Raises ``DataError`` if the file is missing or damaged.
    """
    path = record.path / _STATISTICS
    fitted = {}
    for key, steps in read_object(path).items():
        if not isinstance(steps, list):
            raise DataError(f"{path}: {key}: got {value_with_kind(steps)}, expected a list; {AGAIN}")
        try:
            fitted[key] = tuple(map(FittedStatistics.from_json, steps))
        except DataError as error:
            raise DataError(f"{path}: {key}: {error}; {AGAIN}") from error
    return fitted
