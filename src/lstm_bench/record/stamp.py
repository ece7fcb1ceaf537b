"""Data that days have been added to since: the stamp that a study keeps, and the name that a run's data goes by.

Results are named after the fingerprint of the data folder that they were first computed from. A folder to which days
were added since has another fingerprint, and what was computed from it is still of the same name if the days and
stocks that it uses are the same (:mod:`lstm_bench.record.used_data`).
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
from lstm_bench.record.record import Record
from lstm_bench.record.used_data import Outline, UsedData

__all__ = ["NamedData", "Stamp", "data_of_run"]


@dataclass(frozen=True)
class NamedData:
    """A data folder, and the name of what is used of it.

    Attributes
    ----------
    provider : shows the folder, or as much of it as was there when the name was given
    name : fingerprint of the folder that the data were first used from; run ids are hashed from it
    folder : fingerprint of the folder as it is now
    """

    provider: Provider
    name: str
    folder: str

    @property
    def cached_as(self) -> str:
        """The name by which a cache of datasets knows these data: the folder's, and the last day that is shown.

        A trial may read fields that no stamp covers: the name of the data does not tell their bars apart.
        """
        return self.folder if self.provider.until is None else f"{self.folder} until {self.provider.until}"

    def to_json(self) -> dict[str, Any]:
        """Give plain data, for a worker on the same folder."""
        until = self.provider.until
        return {"name": self.name, "folder": self.folder, "until": None if until is None else str(until)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], provider_uri: str) -> NamedData:
        """Open what :meth:`to_json` gave.

        Raises
        ------
        DataError
            Where the folder has changed since.
        """
        until = content["until"]
        provider = Provider(provider_uri, None if until is None else np.datetime64(until, "D"))
        found = fingerprint.fingerprint(provider)
        if found != content["folder"]:
            raise DataError(f"{provider_uri}: the data changed while the command was at work; start it again")
        return cls(provider, content["name"], found)


@dataclass(frozen=True)
class Stamp:
    """What a study's data were when it was made.

    Attributes
    ----------
    until : last day of the calendar; later days are none of the study's
    used : digest of what a run of its workflow uses
    outline : to say what changed
    """

    until: str
    used: str
    outline: Outline

    @classmethod
    def of(cls, config: ResolvedRun, provider: Provider) -> Stamp | None:
        """Take the stamp of what a resolved configuration uses; None where the data lack what a run of it needs."""
        try:
            used = UsedData.of(config, provider)
        except (ConfigError, DataError):  # a run is refused for it, with more to say
            return None
        return cls(str(provider.calendar[-1]), used.digest, used.outline)

    def open(self, config: ResolvedRun, provider: Provider) -> Provider:
        """Show the days that were there when the stamp was taken, if what is used of them is the same.

        Raises
        ------
        InputError
            Where it is not; it says which days and stocks differ.
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
        """Give plain data."""
        return {"until": self.until, "used": self.used, "outline": self.outline.to_text()}

    @classmethod
    def from_json(cls, content: Mapping[str, str]) -> Stamp:
        """Read what :meth:`to_json` gave.

        Raises
        ------
        ConfigError
            Where it is of another form, such as one that a later version wrote.
        """
        try:
            return cls(content["until"], content["used"], Outline.from_text(content["outline"]))
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            raise ConfigError(f"stamp: cannot be read: {type(error).__name__}: {error}") from error


def data_of_run(
    config: ResolvedRun, provider: Provider, experiment: Path, seeds: Iterable[int], *, force: bool = False
) -> NamedData:
    """Find the name of a run's data: the folder's fingerprint, or an earlier one that records of the experiment have.

    An earlier one holds where a record was computed from the same days and stocks, so that runs meet their records,
    and a row's seeds each other, whichever days were added to the folder between them.

    Parameters
    ----------
    config
        Resolved.
    experiment
        Folder of the records.
    seeds
        Of the runs; a record of one of them under the folder's own fingerprint settles it.
    force
        Take the folder's own fingerprint.
    """
    own = fingerprint.fingerprint(provider)
    if not force and not any(
        Record.find(experiment / run_id(config.with_seed(seed), own)) is not None for seed in seeds
    ):
        known = {used: name for _, name, used in sorted(_known(experiment, own), reverse=True)}
        if known and (stamp := Stamp.of(config, provider)) is not None and stamp.used in known:
            return NamedData(provider, known[stamp.used], own)
    return NamedData(provider, own, own)


def _known(experiment: Path, own: str) -> Iterator[tuple[str, str, str]]:
    """Last day, fingerprint and digest of the used data, of the records that were computed from another folder."""
    for seal in experiment.glob("[!.]*/provenance.json"):
        try:
            provenance = Record(seal.parent).provenance()
        except DataError:  # a damaged record is refused where it is read
            continue
        name, used = provenance.get("data_fingerprint"), provenance.get("data_used")
        calendar = provenance.get("calendar")
        if isinstance(name, str) and isinstance(used, str) and name != own and isinstance(calendar, list):
            yield str(calendar[-1]), name, used
