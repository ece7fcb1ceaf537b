"""The leaderboard as Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from lstm_bench.report.leaderboard.published import COLUMNS, PublishedRow
from lstm_bench.report.leaderboard.rows import FEATURE_SETS, Group, Row, Setting, group_rows, published_rows
from lstm_bench.report.leaderboard.tables import Table

__all__ = ["EMPTY", "NOTE", "csv_text", "json_object", "latex", "markdown", "markdown_table", "nullable"]

EMPTY = (
    "There is no row yet: `lstm-bench bench` makes rows, and `lstm-bench leaderboard --out benchmarks.md` puts "
    "them here."
)

NOTE = (
    "A cell is mean±std (ddof 1) over the complete seeds; returns, information ratio and drawdown are of the "
    "excess over the benchmark, with cost, as fractions. Training time is the mean per seed. `lstm-bench "
    "leaderboard --explain STUDY/ROW` prints the seeds behind a row and how to compute one again."
)

_LATEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "±": r"$\pm$", "–": "--", "`": ""}


def markdown(tables: Sequence[Table]) -> str:
    """Format tables under a heading per feature set."""
    measured = any(table.evidence for table in tables)
    parts = [NOTE if measured else EMPTY]
    features = None
    for table in tables:
        if table.features != features:
            features = table.features
            parts.append(f"### {features}")
        parts.append(f"{table.title}:")
        parts.append(markdown_table(table.header, table.lines))
        if table.evidence:
            parts.append("Evidence: " + ", ".join(f"[`{path}`]({path})" for path in table.evidence))
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Format one table."""
    rule = ["---"] * len(header)
    rows = (header, rule, *([cell.replace("|", r"\|") for cell in line] for line in lines))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def latex(tables: Sequence[Table]) -> str:
    """Format each table with ``booktabs``."""
    return "\n".join("\n".join(_latex_table(table)) for table in tables) + "\n"


def _latex_table(table: Table) -> Iterator[str]:
    yield r"\begin{table}"
    yield rf"\caption{{{_escaped(f'{table.features}: {table.title}')}}}"
    yield rf"\begin{{tabular}}{{ll{'r' * (len(table.header) - 2)}}}"
    yield r"\toprule"
    yield " & ".join(map(_escaped, table.header)) + r" \\"
    yield r"\midrule"
    for line in table.lines:
        yield " & ".join(map(_escaped, line)) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def csv_text(rows: Sequence[Row]) -> str:
    """Format a line per row, with all digits; the rows that Qlib published come last."""
    groups = group_rows(rows)
    lines = [_flat(row) for group in groups for row in group.rows]
    lines += [_flat_published(row) for row in _published(groups)]
    keys = list(dict.fromkeys(key for line in lines for key in line))
    out = io.StringIO()
    writer = csv.DictWriter(out, keys, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def json_object(rows: Sequence[Row], evidence_file: Callable[[str], str]) -> dict[str, Any]:
    """Return the tables as plain data, with all digits; a missing figure is null."""
    tables, groups = [], group_rows(rows)
    for group in groups:
        setting = group.setting
        tables.append(
            {
                **_data(setting),
                "test": [str(day) for day in setting.test],
                "label": setting.label,
                "numerics": setting.numerics or None,
                "kind": setting.kind,
                "is_reduced": setting.is_reduced,
                "evidence": [evidence_file(study) for study in sorted({row.study for row in group.rows})],
                "rows": [
                    {**_identity(row), "metrics": {metric: _summary(row, metric) for metric in COLUMNS}}
                    for row in group.rows
                ],
            }
        )
    published = []
    for one in _published(groups):
        metrics = {metric: {"mean": mean, "std": std} for metric, (mean, std) in one.cells.items()}
        described = {"features": one.features, "dataset": one.dataset, "seeds": one.seeds}
        published.append({**described, "metrics": metrics})
    return {"tables": tables, "published": published}


def nullable(value: float) -> float | None:
    """Replace NaN by None, which JSON can represent."""
    return None if math.isnan(value) else value


def _published(groups: Sequence[Group]) -> list[PublishedRow]:
    return [row for features in FEATURE_SETS for row in published_rows(groups, features)]


def _data(setting: Setting) -> dict[str, str | None]:
    return {
        "features": setting.features,
        "market": setting.market,
        "region": setting.region,
        "data_fingerprint": setting.data_fingerprint or None,
    }


def _identity(row: Row) -> dict[str, Any]:
    seconds = row.known("train_seconds")
    return {
        "study": row.study,
        "row": row.label,
        "trial": row.results[0].trial,
        "dataset": row.dataset,
        "seeds": {
            "complete": len(row.complete),
            "failed": row.count("failed"),
            "diverged": row.diverged,  # of those that failed
            "missing": row.count("missing"),
        },
        "parameters": row.complete[0].parameters if row.complete else None,
        "train_seconds": math.fsum(seconds) / len(seconds) if seconds else None,
        "n_epochs": row.config.task.model.kwargs.n_epochs,
        "epochs": [result.epochs for result in row.complete],
        "reduced": list(row.reductions),
    }


def _summary(row: Row, metric: str) -> dict[str, float | int | None]:
    cell = row.cell(metric)
    figures = {"mean": cell.mean, "std": cell.std, "low": cell.interval.low, "high": cell.interval.high}
    return {**{key: nullable(value) for key, value in figures.items()}, "n": cell.n}


def _flat(row: Row) -> dict[str, Any]:
    setting, identity = row.setting, _identity(row)
    line = {
        "source": "measured",
        **_data(setting),
        "test_first": setting.test[0],
        "test_last": setting.test[1],
        "label": setting.label,
        "numerics": setting.numerics or None,
        **{key: value for key, value in identity.items() if key not in ("seeds", "epochs", "reduced")},
        **{f"seeds_{status}": n for status, n in identity["seeds"].items()},
        "kind": setting.kind,
        "reduced": "; ".join(row.reductions),
    }
    for metric, column in COLUMNS.items():
        line |= {f"{column} {key}": value for key, value in _summary(row, metric).items()}
    return line


def _flat_published(row: PublishedRow) -> dict[str, Any]:
    line: dict[str, Any] = {"source": "published", "features": row.features, "dataset": row.dataset}
    line["seeds_complete"] = row.seeds
    for metric, column in COLUMNS.items():
        line |= dict(zip((f"{column} mean", f"{column} std"), row.cells[metric], strict=True))
    return line
