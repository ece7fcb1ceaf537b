"""Merge the records that manifests name into the committed evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_bench.bench.manifest import Bench, BenchRow
from lstm_bench.config.experiment import check_evidence_name
from lstm_bench.core.errors import DataError
from lstm_bench.evaluate.headlines import HEADLINES
from lstm_bench.record.evidence import Daily, Evidence, read_evidence, same_data, write_study
from lstm_bench.record.evidence_schema import DAILY, METRICS, SeedResult
from lstm_bench.record.ledger import adopt, read_ledger
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.coverage import evaluated_seeds, verify_coverage
from lstm_bench.report.evidence.verification import verify
from lstm_bench.report.leaderboard.setting import calendar_of, config_text, parse_config, reductions, segments

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["collect"]

Collected = tuple[list[SeedResult], dict[int, Daily]]


def collect(results: Path) -> dict[str, Evidence]:
    """Merge the records that manifests name into the evidence, write it, and return all of it.

    The result maps each study to its evidence. A row in a manifest replaces the row of that name in the evidence. A
    seed of the same configuration and data keeps its evidence if its record was deleted. Rows that no manifest names
    are kept. Complete seeds that have no entry in the ledger are adopted. ``results`` has ``<experiment>/bench.json``
    beside the records, and ``leaderboard/``.

    Raises
    ------
    DataError
        If a manifest, a record, the evidence or the ledger cannot be used.
    """
    evidence = read_evidence(results)
    source: dict[tuple[str, str], Path] = {}
    for manifest in sorted(results.glob("*/bench.json")):
        bench = Bench.load(manifest.parent)
        for row in bench.rows.values() if bench is not None else ():
            _claim(source, row, manifest)
            before = evidence.get(row.study, Evidence(row.study, (), {}))
            evidence[row.study] = _merge(before, row, manifest.parent)
    for study in sorted({study for study, _ in source}):
        write_study(results, verify(evidence[study]))
    evidence = dict(sorted(evidence.items()))
    adopt(results, evaluated_seeds(evidence))
    verify_coverage(evidence, read_ledger(results))
    return evidence


def _claim(source: dict[tuple[str, str], Path], row: BenchRow, manifest: Path) -> None:
    try:
        check_evidence_name(row.study)
    except ValueError as error:
        raise DataError(f"{manifest}: study: got {row.study!r}; {error}") from error
    other = source.setdefault((row.study, row.label), manifest)
    if other != manifest:
        raise DataError(
            f"{row.study}/{row.label} is in {other} and in {manifest}; move one of the two folders out of "
            "the results"
        )


def _merge(before: Evidence, row: BenchRow, experiment: Path) -> Evidence:
    """Replace the evidence of a row by that of its records."""
    results, daily = _from_records(row, experiment)
    recorded = {result.seed for result in results if result.status != "missing"}
    old = [result for result in before.results if result.row == row.label and result.seed not in recorded]
    retained = _still_valid(old, row, results)
    retained_seeds = {result.seed for result in retained}
    results = [result for result in results if result.seed not in retained_seeds] + retained
    series = {key: value for key, value in before.daily.items() if key[0] != row.label}
    series |= {(row.label, seed): value for seed, value in daily.items()}
    series |= {(row.label, seed): before.daily[row.label, seed] for seed in retained_seeds}
    others = [result for result in before.results if result.row != row.label]
    return Evidence.of(before.study, [*others, *results], series)


def _still_valid(old: list[SeedResult], row: BenchRow, new: list[SeedResult]) -> list[SeedResult]:
    """Return the complete results that share configuration, model, data and numerics with the row's records."""
    identity = parse_config(row.workflow).identity()
    complete = [result for result in new if result.status == "complete"]
    return [
        replace(result, features=row.features, trial=row.trial)
        for result in old
        if result.status == "complete"
        and (
            not complete
            or any(result.numerics == one.numerics and same_data(result, one) for one in complete)
        )
        and parse_config(json.loads(result.config)).identity() == identity
        and _model_of_row(result) == row.model
    ]


def _model_of_row(result: SeedResult) -> dict[str, Any] | None:
    """Return the model of a result as its row's manifest has it."""
    return None if result.model is None else ScoringModel.parse(result.model).of_row.to_json()


def _from_records(row: BenchRow, experiment: Path) -> Collected:
    results, daily = [], {}
    for seed in sorted({*row.seeds, *row.runs, *row.failures}):
        record = Record.find(experiment / row.runs[seed]) if seed in row.runs else None
        if record is None:
            results.append(_without_record(row, seed))
            continue
        result = _result(row, seed, record)
        results.append(result)
        if result.status == "complete":
            daily[seed] = _daily(record)
    return results, daily


def _without_record(row: BenchRow, seed: int) -> SeedResult:
    config = parse_config(row.workflow).with_seed(seed)
    failure = row.failures.get(seed)
    return SeedResult(
        study=row.study,
        row=row.label,
        features=row.features,
        trial=row.trial,
        seed=seed,
        status="missing" if failure is None else "failed",
        message=failure or "",
        config=config_text(config),
        reduced="; ".join(reductions(config, None, None, None)),
        n_epochs=config.task.model.kwargs.n_epochs,
        model=None if row.model is None else ScoringModel.of(row.model).text(),
    )


def _result(row: BenchRow, seed: int, record: Record) -> SeedResult:
    config = record.config()
    provenance, metrics = record.provenance_as_written(), record.metrics()
    calendar = calendar_of(provenance)
    spans = segments(config, calendar)
    training, device, git = provenance["training"], provenance["device"], provenance["git"] or {}
    synthetic, model = provenance.get("synthetic"), record.model()
    failure = row.failures.get(seed) or f"training {training['status']} before any epoch was usable"
    return replace(
        _without_record(row, seed),
        status="complete" if metrics else "failed",
        message="" if metrics else failure,
        config=config_text(config),
        reduced="; ".join(reductions(config, calendar, synthetic, training["status"], model)),
        run_id=provenance["run_id"],
        data_fingerprint=provenance["data_fingerprint"],
        data_used=provenance.get("data_used"),
        calendar_first=calendar[0] if calendar else None,
        calendar_last=calendar[1] if calendar else None,
        first_day=spans["train"][0],
        last_day=spans["test"][1],
        synthetic=synthetic,
        numerics=provenance["numerics"],
        commit=git.get("commit"),
        dirty=git.get("dirty"),
        versions=json.dumps(
            {"python": provenance["python"], "platform": provenance["platform"], **provenance["packages"]},
            sort_keys=True,
        ),
        device=device["name"],
        device_model=device["model"] or provenance["processor"],
        training_path=device["training_path"] if model is None else None,
        training_status=training["status"],
        train_seconds=provenance["seconds"].get("train"),
        total_seconds=float(sum(provenance["seconds"].values())),
        epochs=training["epochs"],
        best_epoch=training["best_epoch"],
        n_epochs=config.task.model.kwargs.n_epochs,
        parameters=training["parameters"],
        model=None if model is None else model.text(),
        valid_score=training.get("best_score"),
        metrics=_known(metrics, record),
    )


def _known(metrics: Mapping[str, float], record: Record) -> dict[str, float]:
    """Return the metrics that have a value; the evidence stores null for the others."""
    for name in metrics:
        if name not in METRICS and name not in HEADLINES:
            raise DataError(f"{record.path / 'metrics.json'}: the evidence has no column for {name!r}")
    return {name: float(value) for name, value in metrics.items() if not np.isnan(value)}


def _daily(record: Record) -> Daily:
    """Align the record's signal and portfolio series on the union of their days."""
    signal = record.table("ic")
    report = record.table("report") if (record.path / "report.parquet").is_file() else None
    days = _days(signal) if report is None else np.union1d(_days(signal), _days(report))
    series = {name: np.full(len(days), np.nan) for name in DAILY}
    for table in (signal, report):
        if table is not None:
            at = np.searchsorted(days, _days(table))
            for name in set(DAILY) & set(table.columns):
                series[name][at] = table[name].to_numpy(np.float64)
    return Daily(days, series)


def _days(table: pd.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]:
    return table.index.to_numpy().astype("datetime64[D]")
