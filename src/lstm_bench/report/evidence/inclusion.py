"""Rows from plain runs: the records of an experiment are added to its manifest.

They are rows like those of ``bench``: their evidence is collected and verified, and ``bench`` of the same file
continues them. All complete records of an experiment are included; a user cannot leave out a bad one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lstm_bench.bench.manifest import Bench, BenchRow, workflow_of_row
from lstm_bench.config.experiment import check_evidence_name
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import ConfigError, InputError, choices_hint
from lstm_bench.record.catalogue import CatalogueEntry, list_runs
from lstm_bench.record.record import Record
from lstm_bench.report.leaderboard.setting import parse_config
from lstm_bench.report.runs.difference import flatten

__all__ = ["Inclusion", "include"]

_LABEL_LENGTH = 40


@dataclass(frozen=True)
class Inclusion:
    """The outcome of including an experiment's records.

    Attributes
    ----------
    rows : name of a row -> seeds that were added
    left_out : record -> reason
    already : number of records that were in rows before
    """

    rows: Mapping[str, tuple[int, ...]]
    left_out: Mapping[Path, str]
    already: int

    def lines(self, experiment: str) -> list[str]:
        """Describe the outcome, a line per row or record."""
        lines = [
            f"{name}: {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
            for name, seeds in self.rows.items()
        ]
        if self.already:
            before = "1 run was" if self.already == 1 else f"{self.already} runs were"
            lines.append(f"{experiment}: {before} in rows before")
        return lines + [f"left out {path}: {reason}" for path, reason in self.left_out.items()]


@dataclass
class _Group:
    """Records of one configuration, data and version of the numerics."""

    config: ResolvedRun
    data: str
    numerics: int
    records: dict[int, Record] = field(default_factory=dict)

    @property
    def workflow(self) -> dict[str, Any]:
        """The configuration as a manifest stores it."""
        return workflow_of_row(self.config)


def include(results: Path, experiment: str) -> Inclusion:
    """Add all records of an experiment to its manifest: a row per configuration, over its seeds.

    If a configuration already has a row from a workflow file, its seeds join that row. A row from a study takes none,
    since its seeds must not have been used in tuning.

    Raises
    ------
    InputError
        If the experiment does not exist, has no complete record, or has a name that evidence cannot have.
    """
    entries = _entries(results, experiment)
    folder = results / experiment
    bench = Bench.load(folder) or Bench()
    named = {run for row in bench.rows.values() for run in row.runs.values()}
    new = [entry for entry in entries if entry.id not in named]
    groups, left_out = _grouped(new)
    if not groups and len(new) == len(entries):
        reasons = "; ".join(f"{path.name}: {reason}" for path, reason in left_out.items())
        raise InputError(f"--include: no run of {experiment!r} is complete: {reasons}")
    added = {}
    for group in groups:
        label = _row_of(group, bench, folder) or _new_label(group, bench, experiment)
        row = Bench.change(folder, label, partial(_joined, group=group, label=label, experiment=experiment))
        bench = bench.with_row(row)
        added[f"{experiment}/{label}"] = tuple(sorted(group.records))
    return Inclusion(added, left_out, len(entries) - len(new))


def _entries(results: Path, experiment: str) -> list[CatalogueEntry]:
    entries = [entry for entry in list_runs(results) if not entry.is_staged]
    found = [entry for entry in entries if entry.experiment == experiment]
    if not found:
        names = {entry.experiment for entry in entries}
        hint = choices_hint(experiment, names) if names else "`lstm-bench run CONFIG` makes one"
        raise InputError(f"--include: no experiment {experiment!r} in {results} has a run; {hint}")
    try:
        check_evidence_name(experiment)
    except ValueError as error:
        raise ConfigError(
            f"--include: got {experiment!r}, which names files of evidence too; {error}; rename its folder"
        ) from error
    return found


def _grouped(entries: Iterable[CatalogueEntry]) -> tuple[list[_Group], dict[Path, str]]:
    """Group records by configuration, data and numerics, the earliest first; return reasons for those left out."""
    groups: dict[tuple[str, str, int], _Group] = {}
    left_out: dict[Path, str] = {}
    for entry in sorted(entries, key=lambda one: (str(one.started), one.id)):
        if entry.fault:
            left_out[entry.path] = entry.fault
            continue
        if entry.model is not None:
            left_out[entry.path] = (
                f"its scores are not an LSTM's ({entry.model.name}); such rows are not made of runs"
            )
            continue
        record = Record(entry.path)
        try:
            config, (data, numerics) = record.config().resolved(), _origin(record)
        except InputError as error:
            left_out[entry.path] = str(error)
            continue
        key = (_canonical(config), data, numerics)
        groups.setdefault(key, _Group(config, data, numerics)).records[config.seed] = record
    return list(groups.values()), left_out


def _canonical(config: ResolvedRun) -> str:
    return json.dumps(config.identity(), sort_keys=True)


def _row_of(group: _Group, bench: Bench, folder: Path) -> str | None:
    """Return the label of the row that a group's seeds belong to, None if there is no such row."""
    canonical = _canonical(group.config)
    for row in bench.rows.values():
        if row.trial is not None or _canonical(parse_config(row.workflow).resolved()) != canonical:
            continue
        origins = {_origin(record) for name in row.runs.values() if (record := Record.find(folder / name))}
        if not origins or origins == {(group.data, group.numerics)}:
            return row.label
    return None


def _origin(record: Record) -> tuple[Any, Any]:
    provenance = record.provenance()
    return provenance["data_fingerprint"], provenance["numerics"]


def _joined(before: BenchRow | None, *, group: _Group, label: str, experiment: str) -> BenchRow:
    """Add a group's records to a row."""
    row = before or BenchRow(
        label=label,
        study=experiment,
        features=group.config.feature_set,
        seeds=(),
        workflow=group.workflow,
    )  # fmt: skip
    runs = {seed: record.path.name for seed, record in group.records.items()}
    failed = {seed: failure for seed, record in group.records.items() if (failure := record.failure())}
    failures = {seed: text for seed, text in row.failures.items() if seed not in runs} | failed
    seeds = tuple(sorted({*row.seeds, *runs}))
    return row.model_copy(update={"seeds": seeds, "runs": {**row.runs, **runs}, "failures": failures})


def _new_label(group: _Group, bench: Bench, experiment: str) -> str:
    """Name a row after the experiment, or by its difference from the row of that name."""
    if experiment not in bench.rows:
        return experiment
    first = bench.rows[experiment]
    differences = _differences(group, first)
    label = ",".join(differences)
    if not differences or len(label) > _LABEL_LENGTH:
        label = f"config-{hashlib.sha256(_canonical(group.config).encode()).hexdigest()[:6]}"
    if label in bench.rows or not differences:
        label += f",data-{group.data[:6]},numerics-{group.numerics}"
    return label


def _differences(group: _Group, first: BenchRow) -> list[str]:
    """Return the settings in which a group differs from the first row, as ``hidden_size=32``."""
    settings, reference = (dict(flatten(content)) for content in (group.workflow, first.workflow))
    for content in (settings, reference):
        content.pop("qlib_init.provider_uri", None)
    keys = [key for key in dict.fromkeys([*settings, *reference]) if settings.get(key) != reference.get(key)]
    return [f"{key.rpartition('.')[2]}={_plain(settings.get(key))}" for key in keys]


def _plain(value: Any) -> str:
    """Format a value without characters that a shell interprets."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text).strip("-")
