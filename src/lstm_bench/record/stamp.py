"""The name of a run's data, and the stamp of a study's data. Both stay the same when days are added to the folder.

Results are named after the fingerprint of the data folder from which they were first computed. When days are added, the
folder's fingerprint changes. Its data keep their name if the days and stocks that a run uses are the same
(:mod:`lstm_bench.record.used_data`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import ConfigError, DataError, InputError
from lstm_bench.data import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.record.identity import run_id
from lstm_bench.record.outline import Outline
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.record.used_data import UsedData

__all__ = ["NamedData", "Stamp", "data_of_run"]


@dataclass(frozen=True)
class NamedData:
    """A data folder, and the name of the data that runs use from it.

    Attributes
    ----------
    provider : of the folder, or of the days that it had when the name was given
    name : fingerprint of the folder from which the data were first used; part of run ids
    folder : fingerprint of the folder today
    """

    provider: Provider
    name: str
    folder: str

    @property
    def cached_as(self) -> str:
        """The name of these data in a cache of datasets: the folder's fingerprint and the provider's last day.

        ``name`` is not suitable, since trials may read fields that no stamp covers.
        """
        return self.folder if self.provider.until is None else f"{self.folder} until {self.provider.until}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for a worker on the same folder."""
        until = self.provider.until
        return {"name": self.name, "folder": self.folder, "until": None if until is None else str(until)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], provider_uri: str) -> NamedData:
        """Open the data of :meth:`to_json`. Raises ``DataError`` if the folder has changed since."""
        until = content["until"]
        provider = Provider(provider_uri, None if until is None else np.datetime64(until, "D"))
        found = fingerprint.fingerprint(provider)
        if found != content["folder"]:
            raise DataError(f"{provider_uri}: the data changed while the command was at work; start it again")
        return cls(provider, content["name"], found)


@dataclass(frozen=True)
class Stamp:
    """The data of a study when it was created.

    Attributes
    ----------
    until : last day of the calendar; the study does not use later days
    used : digest of the data that a run of its workflow uses
    outline : shows what changed
    """

    until: str
    used: str
    outline: Outline

    @classmethod
    def of(cls, config: ResolvedRun, provider: Provider) -> Stamp | None:
        """Stamp the data that a configuration uses; None if the data lack something that a run needs."""
        try:
            used = UsedData.of(config, provider)
        except (ConfigError, DataError):  # a run is refused with the reason
            return None
        return cls(str(provider.calendar[-1]), used.digest, used.outline)

    def open(self, config: ResolvedRun, provider: Provider) -> Provider:
        """Return a provider that ends with the stamp's last day, if the used data are the same.

        Raises ``InputError`` if they are not; the message says which days and stocks differ.
        """
        until, days = np.datetime64(self.until, "D"), provider.calendar
        if until not in days:
            raise InputError(
                f"the calendar does not have {self.until}, their last day, and ends on {days[-1]}"
            )
        before = provider.as_of(until)
        try:
            found = UsedData.of(config, before)
        except DataError as error:
            raise InputError(f"what it needs is no longer there: {error}") from error
        if found.digest != self.used:
            raise InputError("; ".join(self.outline.differences(found.outline)) or "some of its bars changed")
        return before

    def to_json(self) -> dict[str, str]:
        """Return plain data."""
        return {"until": self.until, "used": self.used, "outline": self.outline.to_text()}

    @classmethod
    def from_json(cls, content: Mapping[str, str]) -> Stamp:
        """Read the data of :meth:`to_json`.

        Raises ``ConfigError`` if it has another form, such as that of a later version.
        """
        try:
            return cls(content["until"], content["used"], Outline.from_text(content["outline"]))
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            raise ConfigError(f"stamp: cannot be read: {type(error).__name__}: {error}") from error


def data_of_run(
    config: ResolvedRun,
    provider: Provider,
    experiment: Path,
    seeds: Iterable[int],
    *,
    force: bool = False,
    model: ScoringModel | None = None,
) -> NamedData:
    """Find the name of a run's data: the folder's fingerprint, or an earlier one of the experiment's records.

    An earlier one is taken if a record was computed from the same days and stocks, unless ``force`` is on or one of
    the seeds has a record under the folder's fingerprint. Days that were added to the folder thus separate neither
    runs from their records nor the seeds of a row. ``model`` scores in place of the configuration's LSTM.
    """
    current = fingerprint.fingerprint(provider)
    if not force and not any(
        Record.find(experiment / run_id(config.with_seed(seed), current, model)) is not None for seed in seeds
    ):
        known = {used: name for _, name, used in sorted(_known(experiment, current), reverse=True)}
        if known and (stamp := Stamp.of(config, provider)) is not None and stamp.used in known:
            return NamedData(provider, known[stamp.used], current)
    return NamedData(provider, current, current)


def _known(experiment: Path, current: str) -> Iterator[tuple[str, str, str]]:
    """Yield last day, fingerprint and digest of the used data of records from another state of the folder."""
    for seal in experiment.glob("[!.]*/provenance.json"):
        try:
            provenance = Record(seal.parent).provenance()
        except DataError:  # a damaged record is refused where it is read
            continue
        name, used = provenance.get("data_fingerprint"), provenance.get("data_used")
        calendar = provenance.get("calendar")
        if isinstance(name, str) and isinstance(used, str) and name != current and isinstance(calendar, list):
            yield str(calendar[-1]), name, used
