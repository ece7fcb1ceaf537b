"""A row in a race: the figures of its seeds, and what is needed to train more of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.driver import open_candidate
from lstm_bench.bench.manifest import Bench
from lstm_bench.bench.standing import Figures
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError, InputError
from lstm_bench.record.evidence_schema import SeedResult
from lstm_bench.record.identity import NUMERICS
from lstm_bench.record.scoring_model import ScoringModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.record.stamp import NamedData

__all__ = ["Racer", "configuration_of", "open_racer", "racer_of"]


@dataclass(frozen=True)
class Racer:
    """A row in a race.

    Attributes
    ----------
    study, label : its name
    results : of its seeds, from the evidence
    figures : the metric of the race, of the seeds that were run
    """

    study: str
    label: str
    results: tuple[SeedResult, ...]
    figures: Figures

    @property
    def name(self) -> str:
        """``STUDY/ROW``."""
        return f"{self.study}/{self.label}"


def racer_of(study: str, label: str, results: Sequence[SeedResult], metric: str) -> Racer:
    """Make a racer of a row's evidence.

    Raises
    ------
    InputError
        If the row is not an LSTM's, no seed is complete, or no seed has the metric.
    """
    name = f"{study}/{label}"
    for model in (one.model for one in results if one.model is not None):
        raise InputError(
            f"compare --until-decided: {name} is a row of the model {ScoringModel.parse(model).name}, and a race "
            "trains further seeds of LSTMs; leave --until-decided out"
        )
    complete = [one for one in results if one.status == "complete"]
    if not complete:
        raise InputError(f"compare: no seed of {name} is complete; `lstm-bench bench` computes them")
    if not any(metric in one.metrics for one in complete):
        raise InputError(f"--metric: no seed of {name} has {metric!r}; take another one")
    if old := {one.numerics for one in complete} - {NUMERICS}:
        raise InputError(
            f"compare --until-decided: {name} was computed with version {', '.join(map(str, old))} of the "
            f"numerics, and further seeds would be computed with version {NUMERICS}; bench it again"
        )
    # a run that failed and left a record diverged, and would diverge again
    run = [one for one in results if one.status == "complete" or one.run_id is not None]
    return Racer(study, label, tuple(results), {one.seed: one.metrics.get(metric) for one in run})


def configuration_of(racer: Racer, results: Path, provider_uri: str | None) -> ResolvedRun:
    """Return a row's configuration, with the data folder ``provider_uri``, or else its own.

    It is in the manifest beside the row's records. If there is none, it is in the evidence, which does not know the
    data folder.

    Raises
    ------
    ConfigError
        If the data folder is unknown, or the configuration is not valid.
    """
    manifest = Bench.load(results / racer.study)
    entry = None if manifest is None else manifest.rows.get(racer.label)
    workflow = json.loads(racer.results[0].config) if entry is None else entry.workflow
    known = workflow["qlib_init"].get("provider_uri")
    if provider_uri is None and known is None:
        raise ConfigError(
            f"--provider-uri: {racer.name} has evidence, but no manifest in {results / racer.study}, which would "
            "name its data folder; give the folder"
        )
    initial = {**workflow["qlib_init"], "provider_uri": provider_uri or known}
    try:
        return RunConfig.model_validate({**workflow, "qlib_init": initial}).resolved()
    except ValidationError as error:
        raise ConfigError(f"{racer.name}: {explain(error)}") from error


def open_racer(
    racer: Racer, seeds: Sequence[int], results: Path, provider_uri: str | None
) -> tuple[Candidate, NamedData]:
    """Open the data of a row, to train ``seeds`` of it.

    Raises
    ------
    InputError
        If its configuration or its data folder cannot be used, or has other days and stocks than the row.
    """
    config = configuration_of(racer, results, provider_uri)
    candidate = Candidate(racer.label, racer.study, racer.results[0].trial, config)
    candidate, data = open_candidate(candidate, seeds, results, force=False)
    return candidate, _data_of(racer, candidate, data)


def _data_of(racer: Racer, candidate: Candidate, data: NamedData) -> NamedData:
    """Return the data under the name that the row's runs give them."""
    from lstm_bench.record.stamp import Stamp

    complete = [one for one in racer.results if one.status == "complete"]
    if data.name in {one.data_fingerprint for one in complete}:
        return data
    stamp = Stamp.of(candidate.config, data.provider)
    for one in complete:
        if stamp is not None and one.data_used == stamp.used and one.data_fingerprint is not None:
            return replace(data, name=one.data_fingerprint)
    folder = candidate.config.qlib_init.provider_uri
    raise InputError(
        f"--provider-uri: {racer.name} was computed from data {(complete[0].data_fingerprint or '')[:12]}, but "
        f"{folder} has {data.folder[:12]}, with other days or stocks; give the folder of the row, or bench both "
        "rows again"
    )
