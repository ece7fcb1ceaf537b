"""A row of the leaderboard explained: its seeds, what its intervals are made of, and how to compute a seed again."""

from __future__ import annotations

import json
from typing import Any

from lstm_bench.core.counting import counted
from lstm_bench.report.leaderboard.cell import Cell
from lstm_bench.report.leaderboard.formats import nullable
from lstm_bench.report.leaderboard.plain_data import uncertainty
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row

__all__ = [
    "SEED_HEADER",
    "VARIANCE_HEADER",
    "explanation_object",
    "explanation_text",
    "seed_lines",
    "variance_lines",
]

SEED_HEADER = ("Seed", "Status", *COLUMNS.values(), "Epochs", "Run")
VARIANCE_HEADER = (
    *("Metric", "Mean", "95 % interval", "From seeds", "From days", "From both", "Dominant"),
    *("Seeds to halve", "Days to halve"),
)

_NONE, _NEVER = "–", "never"
_FIELDS = (
    *("seed", "status", "message", "run_id", "data_fingerprint", "commit"),
    *("epochs", "best_epoch", "train_seconds", "device"),
)
"""Fields of a seed's result in the plain data."""


def seed_lines(row: Row) -> list[tuple[str, ...]]:
    """Return a line per seed, then the mean and the standard deviation of each column."""
    lines = [
        (
            str(result.seed),
            result.status,
            *(f"{result.metrics[metric]:.6f}" if metric in result.metrics else _NONE for metric in COLUMNS),
            _NONE if result.epochs is None else str(result.epochs),
            result.run_id or result.message or _NONE,
        )
        for result in row.results
    ]
    cells = [row.cell(metric) for metric in COLUMNS]
    lines.append(("mean", "", *(f"{cell.mean:.6f}" for cell in cells), "", ""))
    lines.append(("std", "", *(f"{cell.std:.6f}" for cell in cells), "", ""))
    return lines


def variance_lines(row: Row) -> list[tuple[str, ...]]:
    """Return a line per metric: its interval, the shares of its variance, and what would halve the interval."""
    return [
        (column, *_variance_line(row.cell(metric)))
        for metric, column in COLUMNS.items()
        if row.cell(metric).n
    ]


def _variance_line(cell: Cell) -> tuple[str, ...]:
    interval, nested = cell.interval, cell.nested
    ends = f"[{interval.low:.4f}, {interval.high:.4f}]" if interval.is_decided else "undecided"
    if nested is None:
        return (f"{cell.mean:.4f}", ends, *[_NONE] * 6)
    parts = (nested.seed, nested.day, nested.interaction)
    total = sum(parts)
    shares = [f"{part / total:.0%}" if total else _NONE for part in parts]
    more = [_NEVER if n is None else f"{n:,} more" for n in (nested.seeds_to_halve, nested.days_to_halve)]
    return (f"{cell.mean:.4f}", ends, *shares, nested.dominant, *more)


def explanation_text(row: Row) -> str:
    """Describe how the cells are computed, and how to compute a seed again."""
    commits = sorted(
        {f"{result.commit or 'no checkout'}{' (dirty)' if result.dirty else ''}" for result in row.complete}
    )
    n = counted(len(row.complete), "complete seed")
    again = (
        "put `config` of --json into a file, then lstm-bench run FILE --seed SEED --provider-uri DIR"
        if row.model is None
        else f"the record's provenance.json describes the model, {row.model_name}"
    )
    return (
        f"mean = sum(x) / n, std = sqrt(sum((x - mean)^2) / (n - 1)) over the n = {n}\n"
        f"data {row.setting.data_fingerprint or 'unknown'}\n"
        f"code {', '.join(commits) or 'unknown'}\n"
        f"again: {again}"
    )


def explanation_object(row: Row) -> dict[str, Any]:
    """Return the row's seeds, uncertainty, configuration and setting as plain data."""
    config = json.loads((row.complete or row.results)[0].config)
    config["task"]["model"]["kwargs"].pop("seed")
    cells = {metric: row.cell(metric) for metric in COLUMNS}
    return {
        "row": row.name,
        "model": row.model_name if row.model is None else row.model.to_json(),
        "reduced": list(row.reductions),
        "summary": {
            metric: {
                "mean": nullable(cell.mean),
                "std": nullable(cell.std),
                "n": cell.n,
                **uncertainty(cell),
            }
            for metric, cell in cells.items()
        },
        "seeds": [
            {name: getattr(result, name) for name in _FIELDS} | {"metrics": dict(result.metrics)}
            for result in row.results
        ],
        "config": config,
    }
