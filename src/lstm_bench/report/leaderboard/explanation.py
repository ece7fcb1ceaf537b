"""The seeds of a row of the leaderboard, and how its cells are computed from them."""

from __future__ import annotations

import json
from typing import Any

from lstm_bench.core.counting import counted
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.leaderboard.formats import nullable
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row

__all__ = ["HEADER", "explanation_lines", "explanation_object", "explanation_text"]

HEADER = ("Seed", "Status", *COLUMNS.values(), "Epochs", "Run")

_FIELDS = (
    *("seed", "status", "message", "run_id", "data_fingerprint", "commit"),
    *("epochs", "best_epoch", "train_seconds", "device"),
)
"""Fields of a seed's result in the plain data."""


def explanation_lines(row: Row) -> list[tuple[str, ...]]:
    """Return a line per seed, then the mean and the standard deviation of each column."""
    lines = [
        (
            str(result.seed),
            result.status,
            *(f"{result.metrics[metric]:.6f}" if metric in result.metrics else "–" for metric in COLUMNS),
            "–" if result.epochs is None else str(result.epochs),
            result.run_id or result.message or "–",
        )
        for result in row.results
    ]
    cells = [row.cell(metric) for metric in COLUMNS]
    lines.append(("mean", "", *(f"{cell.mean:.6f}" for cell in cells), "", ""))
    lines.append(("std", "", *(f"{cell.std:.6f}" for cell in cells), "", ""))
    return lines


def explanation_text(row: Row) -> str:
    """Describe how the cells are computed, and how to compute a seed again."""
    commits = sorted(
        {f"{result.commit or 'no checkout'}{' (dirty)' if result.dirty else ''}" for result in row.complete}
    )
    n = counted(len(row.complete), "complete seed")
    return (
        f"mean = sum(x) / n, std = sqrt(sum((x - mean)^2) / (n - 1)) over the n = {n}\n"
        f"data {row.setting.data_fingerprint or 'unknown'}\n"
        f"code {', '.join(commits) or 'unknown'}\n"
        f"again: put `config` of --json into a file, then {_again(row)}"
    )


def _again(row: Row) -> str:
    """Return what computes a seed again."""
    text = (row.complete or row.results)[0].model
    if text is None:
        return "lstm-bench run FILE --seed SEED --provider-uri DIR"
    kind = ScoringModel.parse(text).kind
    commands = {
        "scores": f"lstm-bench evaluate SCORES --config FILE --name {row.label} --seed SEED --provider-uri DIR",
        "ensemble": "lstm-bench bench FILE --seeds SEEDS --ensemble --provider-uri DIR",
    }
    return commands.get(kind, "lstm-bench baselines FILE --provider-uri DIR")


def explanation_object(row: Row) -> dict[str, Any]:
    """Return the row's seeds, configuration and setting as plain data."""
    config = json.loads((row.complete or row.results)[0].config)
    config["task"]["model"]["kwargs"].pop("seed")
    cells = {metric: row.cell(metric) for metric in COLUMNS}
    return {
        "row": row.name,
        "reduced": list(row.reductions),
        "summary": {
            metric: {"mean": nullable(cell.mean), "std": nullable(cell.std), "n": cell.n}
            for metric, cell in cells.items()
        },
        "seeds": [
            {name: getattr(result, name) for name in _FIELDS} | {"metrics": dict(result.metrics)}
            for result in row.results
        ],
        "config": config,
    }
