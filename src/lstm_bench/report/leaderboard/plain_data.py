"""The leaderboard as CSV and JSON, with all digits."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from lstm_bench.report.leaderboard.cell import Cell
from lstm_bench.report.leaderboard.evaluations import Evaluations
from lstm_bench.report.leaderboard.formats import nullable
from lstm_bench.report.leaderboard.groups import Group
from lstm_bench.report.leaderboard.published import COLUMNS, Reference
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.report.leaderboard.setting import Setting

__all__ = ["csv_text", "json_object", "uncertainty"]

_NOT_FLAT = ("seeds", "epochs", "test_evaluations", "reduced")
"""Keys of a row that hold several values."""


def csv_text(groups: Sequence[Group]) -> str:
    """Format a line per row, and below the rows of a table its reference lines."""
    lines = []
    for group in groups:
        lines += [_flat(row, group) for row in group.rows]
        lines += [_flat_reference(reference, group.setting) for reference in group.references]
    keys = list(dict.fromkeys(key for line in lines for key in line))
    out = io.StringIO()
    writer = csv.DictWriter(out, keys, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def json_object(groups: Sequence[Group], evidence_file: Callable[[str], str]) -> dict[str, Any]:
    """Return the tables as plain data; a missing figure is null."""
    return {"tables": [_table(group, evidence_file) for group in groups]}


def uncertainty(cell: Cell) -> dict[str, Any]:
    """Return a cell's interval and what it is made of.

    ``basis`` says what the interval generalises to. ``variance`` has the parts of the mean's variance that come from
    seeds, from days and from their interaction, ``dominant`` the largest; ``seeds_to_halve`` and ``days_to_halve`` are
    how many more would halve the interval. These are null without an interval over days, or if more do not suffice.
    """
    nested = cell.nested
    parts = nested and {"seeds": nested.seed, "days": nested.day, "interaction": nested.interaction}
    return {
        "low": nullable(cell.interval.low),
        "high": nullable(cell.interval.high),
        "basis": cell.basis,
        "variance": parts and {name: nullable(value) for name, value in parts.items()},
        "dominant": nested and nested.dominant,
        "seeds_to_halve": nested and nested.seeds_to_halve,
        "days_to_halve": nested and nested.days_to_halve,
    }


def _table(group: Group, evidence_file: Callable[[str], str]) -> dict[str, Any]:
    setting = group.setting
    return {
        **_data(setting),
        "test": [str(day) for day in setting.test],
        "label": setting.label,
        "numerics": setting.numerics or None,
        "kind": setting.kind,
        "evidence": [evidence_file(study) for study in sorted({row.study for row in group.rows})],
        "baselines": [row.name for row in group.standing.baselines],
        "rows": [
            {**_identity(row, group), "metrics": {metric: _metric(row, metric, group) for metric in COLUMNS}}
            for row in group.rows
        ],
        "references": [
            {
                "name": reference.name,
                "remark": reference.remark,
                "dataset": reference.dataset or None,
                "seeds": reference.seeds,
                "metrics": {
                    metric: {"mean": mean, "std": nullable(std)}
                    for metric, (mean, std) in reference.cells.items()
                },
            }
            for reference in group.references
        ],
    }


def _data(setting: Setting) -> dict[str, str | None]:
    return {
        "features": setting.features,
        "market": setting.market,
        "region": setting.region,
        "data_fingerprint": setting.data_fingerprint or None,
    }


def _identity(row: Row, group: Group) -> dict[str, Any]:
    seconds = row.known("train_seconds")
    return {
        "study": row.study,
        "row": row.label,
        "model": row.model_name,
        "trial": row.results[0].trial,
        "dataset": row.dataset or None,
        "seeds": {
            "complete": len(row.complete),
            "failed": row.count("failed"),
            "diverged": row.diverged,  # of those that failed
            "missing": row.count("missing"),
        },
        "share_of_days": group.standing.shares.get(row.name),
        "parameters": next(iter(row.parameters), None),
        "train_seconds": math.fsum(seconds) / len(seconds) if seconds else None,
        "n_epochs": row.config.task.model.kwargs.n_epochs if row.model is None else None,
        "epochs": [result.epochs for result in row.complete],
        "test_evaluations": asdict(group.evaluations.get(row.name, Evaluations(0, 0))),
        "reduced": list(row.reductions),
    }


def _metric(row: Row, metric: str, group: Group) -> dict[str, Any]:
    cell, skill = row.cell(metric), group.standing.skill(row, metric)
    return {
        "mean": nullable(cell.mean),
        "std": nullable(cell.std),
        "n": cell.n,
        **uncertainty(cell),
        "is_best": row.name in group.standing.best[metric] if group.standing.best[metric] else None,
        "skill": skill
        and {
            "baseline": skill.baseline.name if skill.baseline else "market",
            "value": nullable(skill.value),
            "low": nullable(skill.interval.low),
            "high": nullable(skill.interval.high),
        },
    }


def _flat(row: Row, group: Group) -> dict[str, Any]:
    setting, identity = group.setting, _identity(row, group)
    line = {
        "source": "measured",
        **_data(setting),
        "test_first": setting.test[0],
        "test_last": setting.test[1],
        "label": setting.label,
        "numerics": setting.numerics or None,
        **{key: value for key, value in identity.items() if key not in _NOT_FLAT},
        **{f"{name}_{key}": n for name in ("seeds", "test_evaluations") for key, n in identity[name].items()},
        "kind": setting.kind,
        "reduced": "; ".join(row.reductions),
    }
    for metric, column in COLUMNS.items():
        figures = _metric(row, metric, group)
        skill, variance = figures.pop("skill") or {}, figures.pop("variance") or {}
        line |= {f"{column} {key}": value for key, value in figures.items()}
        line |= {f"{column} variance {part}": variance.get(part) for part in ("seeds", "days", "interaction")}
        line |= {f"{column} skill": skill.get("value"), f"{column} baseline": skill.get("baseline")}
        line |= {f"{column} skill {end}": skill.get(end) for end in ("low", "high")}
    return line


def _flat_reference(reference: Reference, setting: Setting) -> dict[str, Any]:
    line: dict[str, Any] = {
        "source": "reference",
        "features": setting.features,
        "model": reference.name,
        "row": reference.remark,
        "dataset": reference.dataset,
        "seeds_complete": reference.seeds,
        "kind": setting.kind,
    }
    for metric, column in COLUMNS.items():
        mean, std = reference.cells[metric]
        line |= {f"{column} mean": mean, f"{column} std": nullable(std)}
    return line
