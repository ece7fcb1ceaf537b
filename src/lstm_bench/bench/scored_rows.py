"""Rows of models other than the LSTM: their records are entered into the manifest beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.bench.manifest import Bench, BenchRow, check_label, workflow_of_row
from lstm_bench.config.experiment import check_evidence_name
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import ConfigError
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel

if TYPE_CHECKING:
    from lstm_bench.run.publication import PackRun

__all__ = ["add_scored_row", "check_row", "recorded_models"]


def check_row(experiment: Path, label: str, model: ScoringModel, option: str = "--name") -> None:
    """Check that a row may have a label.

    Raises ``ConfigError`` if a row of another model has it, it cannot name a row, or evidence cannot have the
    experiment's name.
    """
    try:
        check_label(label)
    except ValueError as error:
        raise ConfigError(f"{option}: got {label!r}, {error}") from error
    bench = Bench.load(experiment)
    _check(experiment, None if bench is None else bench.rows.get(label), label, model, option)


def recorded_models(experiment: Path, label: str) -> dict[int, ScoringModel]:
    """Return the models of a row's records by seed, without seeds whose record was deleted or is an LSTM's."""
    bench = Bench.load(experiment)
    row = None if bench is None else bench.rows.get(label)
    records = {seed: Record.find(experiment / run) for seed, run in (row.runs if row else {}).items()}
    models = {seed: record.model() for seed, record in records.items() if record is not None}
    return {seed: model for seed, model in models.items() if model is not None}


def add_scored_row(
    experiment: Path,
    label: str,
    config: ResolvedRun,
    model: ScoringModel,
    runs: Iterable[PackRun],
) -> BenchRow:
    """Add runs to a row of the experiment's manifest, and return the row.

    A seed's run replaces an earlier one of that seed. A row of the same kind of model that was computed from another
    configuration, other settings or other data is begun anew.

    Parameters
    ----------
    experiment
        Folder of the records; its name is that of the study.
    config
        Closed segments, as :class:`lstm_bench.run.scored.Scoring` has them. Its seed is ignored.
    model
        The model of any of the runs.

    Raises
    ------
    ConfigError
        If the label belongs to a row of another model, or evidence cannot have the experiment's name.
    """
    recorded = {run.seed: run.record.path.name for run in runs}
    workflow, shared = workflow_of_row(config), model.of_row.to_json()

    def entered(before: BenchRow | None) -> BenchRow:
        _check(experiment, before, label, model, "--name")
        if before is not None and (
            before.workflow != workflow
            or before.model != shared
            or _origins(experiment, before.runs.values()) - _origins(experiment, recorded.values())
        ):
            before = None
        earlier = {} if before is None else before.runs
        merged = dict(sorted({**earlier, **recorded}.items()))
        return BenchRow(
            label=label, study=experiment.name, trial=None, seeds=tuple(merged), runs=merged,
            features=config.feature_set, workflow=workflow, model=shared,
        )  # fmt: skip

    return Bench.change(experiment, label, entered)


def _check(experiment: Path, row: BenchRow | None, label: str, model: ScoringModel, option: str) -> None:
    try:
        check_evidence_name(experiment.name)
    except ValueError as error:
        raise ConfigError(f"--out: the folder {experiment} names files of evidence too; {error}") from error
    if row is None:
        return
    other = None if row.model is None else ScoringModel.of(row.model)
    if other is None or other.kind != model.kind:
        name = "an LSTM" if other is None else other.name
        raise ConfigError(
            f"{option}: got {label!r}, but {experiment.name}/{label} is a row of {name}; give another"
        )


def _origins(experiment: Path, runs: Iterable[str]) -> set[tuple[str, int]]:
    """Return data and numerics of records; records that were deleted have none."""
    records = (Record.find(experiment / run) for run in runs)
    provenances = (record.provenance() for record in records if record is not None)
    return {(str(content["data_fingerprint"]), int(content["numerics"])) for content in provenances}
