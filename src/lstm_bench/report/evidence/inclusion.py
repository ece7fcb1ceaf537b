"""Rows from plain runs: the records of an experiment are named in its manifest, as ``bench`` names its own.

From then on they are rows like others: their evidence is collected, verified and checked, and ``bench`` of the same
file goes on with them. All records of an experiment are taken, whatever their figures; none can be left out.
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

from lstm_bench.bench.manifest import Bench, BenchRow
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
    """What became of an experiment's records.

    Attributes
    ----------
    rows : name of a row -> the seeds that were added to it now
    left_out : record -> why it makes no row
    already : how many were in rows before
    """

    rows: Mapping[str, tuple[int, ...]]
    left_out: Mapping[Path, str]
    already: int

    def lines(self, experiment: str) -> list[str]:
        """Say it, a line each."""
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
    """Records of one configuration on the same data, by code of the same numerics."""

    config: ResolvedRun
    data: str
    numerics: int
    records: dict[int, Record] = field(default_factory=dict)

    @property
    def workflow(self) -> dict[str, Any]:
        """The configuration as a manifest has it."""
        content = self.config.to_file()
        content["task"]["model"]["kwargs"].pop("seed", None)
        return content


def include(results: Path, experiment: str) -> Inclusion:
    """Name all records of an experiment in its manifest: a row of each configuration, over the seeds that there are.

    A configuration that has a row of a workflow file gets its seeds there; a study's row takes none, since its seeds
    must not have served in tuning.

    Raises
    ------
    InputError
        Where there is no such experiment, it has no complete record, or its name cannot name evidence.
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
    there = [entry for entry in list_runs(results) if not entry.is_staged]
    found = [entry for entry in there if entry.experiment == experiment]
    if not found:
        names = {entry.experiment for entry in there}
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
    """Sort records by configuration, data and numerics, the earliest first; say why some make no row."""
    groups: dict[tuple[str, str, int], _Group] = {}
    left_out: dict[Path, str] = {}
    for entry in sorted(entries, key=lambda one: (str(one.started), one.id)):
        if entry.fault:
            left_out[entry.path] = entry.fault
            continue
        record = Record(entry.path)
        try:
            config, said = record.config().resolved(), record.provenance()
            data, numerics = said["data_fingerprint"], said["numerics"]
        except InputError as error:
            left_out[entry.path] = str(error)
            continue
        key = (_canonical(config), data, numerics)
        groups.setdefault(key, _Group(config, data, numerics)).records[config.seed] = record
    return list(groups.values()), left_out


def _canonical(config: ResolvedRun) -> str:
    return json.dumps(config.identity(), sort_keys=True)


def _row_of(group: _Group, bench: Bench, folder: Path) -> str | None:
    """Return the label of the row that a group's seeds belong to, None where there is none."""
    wanted = _canonical(group.config)
    for row in bench.rows.values():
        if row.trial is not None or _canonical(parse_config(row.workflow).resolved()) != wanted:
            continue
        origins = {_origin(record) for name in row.runs.values() if (record := Record.find(folder / name))}
        if not origins or origins == {(group.data, group.numerics)}:
            return row.label
    return None


def _origin(record: Record) -> tuple[Any, Any]:
    said = record.provenance()
    return said["data_fingerprint"], said["numerics"]


def _joined(before: BenchRow | None, *, group: _Group, label: str, experiment: str) -> BenchRow:
    """Put a group's records into a row."""
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
    """Name a row: as the experiment, or by what tells it from the row of that name."""
    if experiment not in bench.rows:
        return experiment
    first = bench.rows[experiment]
    told = _told_apart(group, first)
    label = ",".join(told)
    if not told or len(label) > _LABEL_LENGTH:
        label = f"config-{hashlib.sha256(_canonical(group.config).encode()).hexdigest()[:6]}"
    if label in bench.rows or not told:
        label += f",data-{group.data[:6]},numerics-{group.numerics}"
    return label


def _told_apart(group: _Group, first: BenchRow) -> list[str]:
    """Return what a group has and the first row has not, as ``hidden_size=32``."""
    ours, theirs = (dict(flatten(content)) for content in (group.workflow, first.workflow))
    for content in (ours, theirs):
        content.pop("qlib_init.provider_uri", None)
    keys = [key for key in dict.fromkeys([*ours, *theirs]) if ours.get(key) != theirs.get(key)]
    return [f"{key.rpartition('.')[2]}={_plain(ours.get(key))}" for key in keys]


def _plain(value: Any) -> str:
    """Write a value with nothing that a shell would not take as it is."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text).strip("-")
