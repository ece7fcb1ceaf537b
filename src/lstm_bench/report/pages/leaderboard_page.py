"""The leaderboard as a page: sortable tables, every seed, and comparisons of rows."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import InputError
from lstm_bench.report.figures.seeds import curve_figures, seed_figures, win_figure
from lstm_bench.report.leaderboard.comparison import MetricComparison, compare_pair
from lstm_bench.report.leaderboard.comparison_tables import UNDECIDED
from lstm_bench.report.leaderboard.groups import Group
from lstm_bench.report.leaderboard.note import (
    BEST_SENTENCE,
    DAYS_SENTENCE,
    EVALUATIONS_SENTENCE,
    SEEDLESS_SENTENCE,
    SKILL_SENTENCE,
)
from lstm_bench.report.leaderboard.published import COLUMNS, IN_PERCENT, Reference
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.report.leaderboard.tables import TITLES
from lstm_bench.report.pages.page import Cell, Note, Page, PageTable, Part, Section, cell, percent
from lstm_bench.statistics.estimate import Estimate

__all__ = ["leaderboard_page", "report_links"]


_BEST_TONE = 0.4
"""Tint of a mean that cannot be told from the best."""


def report_links(results: Path, page: Path) -> dict[str, str]:
    """Find the reports of runs in ``results``: run id -> link, relative to the folder of ``page``."""
    found = sorted(results.glob("*/*/report.html"))
    start = page.resolve().parent
    return {path.parent.name: Path(os.path.relpath(path.resolve(), start)).as_posix() for path in found}


def leaderboard_page(groups: Sequence[Group], links: Mapping[str, str] | None = None) -> Page:
    """Make the page of some tables; ``links`` are from :func:`report_links`."""
    rows = sorted((row for group in groups for row in group.rows), key=lambda row: row.name)
    sections = [
        Section(f"table-{k}", _title(group), list(_table_parts(group, links or {}, f"t{k}")))
        for k, group in enumerate(groups)
    ]
    pairs = list(_pair_parts(rows))
    if pairs:
        sections.append(Section("pairs", "Row against row", pairs))
    if not rows:
        text = "There is no row yet: `lstm-bench bench` trains a configuration over seeds and makes one."
        sections.append(Section("empty", "Rows", [Note(text, is_absence=True)]))
    seeds, studies = sum(len(row.complete) for row in rows), sorted({row.study for row in rows})
    return Page(
        title="Leaderboard",
        subtitle="Models on test: means over seeds, with intervals over days and seeds",
        facts=[
            ("Rows", str(len(rows))),
            ("Complete seeds", str(seeds)),
            ("Studies", ", ".join(studies) or "–"),
        ],
        tiles=(),
        sections=sections,
    )


def _title(group: Group) -> str:
    kind = {"reduced": ", reduced", "synthetic": ", synthetic"}.get(group.setting.kind, "")
    return f"{group.setting.features}{kind}, {group.setting.market}"


def _table_parts(group: Group, links: Mapping[str, str], prefix: str) -> Iterator[Part]:
    setting = group.setting
    start, end = setting.test
    text = (
        f"Test {start} to {end}, data {setting.data_fingerprint[:12] or 'unknown'}, label {setting.label}, numerics "
        f"{setting.numerics or 'unknown'}."
    )
    if setting.kind in TITLES:
        text += f" {TITLES[setting.kind]}."
    text += "".join(f" {rows}: {reason}." for reason, rows in _reductions(group).items())
    yield Note(text)
    yield _row_table(group, prefix)
    if any(row.complete for row in group.rows):
        yield from curve_figures(group.rows, prefix)
        yield from seed_figures(group, f"{prefix}_seeds")
    yield _seed_table(group, links, prefix)


def _reductions(group: Group) -> dict[str, str]:
    """Map each reason for a reduction to its rows."""
    found: dict[str, list[str]] = {}
    for row in group.rows:
        if row.reductions:
            found.setdefault("; ".join(row.reductions), []).append(row.name)
    everywhere = len(group.rows)
    return {why: "All rows" if len(names) == everywhere else ", ".join(names) for why, names in found.items()}


def _row_table(group: Group, prefix: str) -> PageTable:
    header = ["Row", *COLUMNS.values(), "Seeds", "Parameters", "Seconds", "Epochs", "Evaluations"]
    lines = [_row_line(row, group) for row in group.rows]
    lines += [_reference_line(reference) for reference in group.references]
    return PageTable(
        f"{prefix}_rows",
        "Rows",
        header,
        lines,
        f"{_row_reading(group)} A click on a header sorts.",
        is_sortable=True,
    )


def _row_reading(group: Group) -> str:
    text = (
        "Mean over the complete seeds, with the standard deviation (ddof 1) and, for three seeds or more, the 95 % "
        "interval of the mean over other days and other seeds (of the drawdown: over other seeds). "
        f"{SEEDLESS_SENTENCE}"
    )
    if any(group.standing.lack(row) for row in group.rows):
        text += f" {DAYS_SENTENCE}"
    if any(group.standing.best.values()):
        text += f" Tinted means {BEST_SENTENCE}."
    text += f" {SKILL_SENTENCE}" if group.standing.baselines else ""
    text += f" {EVALUATIONS_SENTENCE}" if group.evaluations else ""
    return (
        f"{text} Returns, information ratio and drawdown are of the excess over the benchmark, with cost; seconds and "
        "epochs are means."
    )


def _row_line(row: Row, group: Group) -> list[Cell]:
    name = Cell(row.name, detail="\n".join(text for text in (row.model_name, row.dataset) if text))
    seeds = cell(len(row.complete), ".0f", detail=group.standing.remarks(row))
    parameters = cell(next(iter(row.parameters), None), ",.0f")
    known = [[value for value in row.known(field) if value > 0] for field in ("train_seconds", "epochs")]
    means = [cell(float(np.mean(values)) if values else None, ".1f") for values in known]
    figures = (_metric_cell(row, metric, group) for metric in COLUMNS)
    return [name, *figures, seeds, parameters, *means, _evaluations_cell(row, group)]


def _evaluations_cell(row: Row, group: Group) -> Cell:
    found = group.evaluations.get(row.name)
    return Cell("–") if found is None else cell(found.of_row, ",.0f", detail=f"of {found.total:,}")


def _metric_cell(row: Row, metric: str, group: Group) -> Cell:
    found, skill = row.cell(metric), group.standing.skill(row, metric)
    details = []
    if found.n > 1:
        details.append(f"± {_text(metric, found.std)}")
    if found.interval.is_decided:
        details.append(_ends(found.interval, metric))
    if skill is not None:
        details.append(f"skill {_text(metric, skill.value, sign='+')}")
        if skill.interval.is_decided and skill.baseline is not None:
            details.append(_ends(skill.interval, metric))
    if row.diverged and found.n:
        details.append(f"{found.n} of {len(row.complete) + row.diverged} seeds")
    tone = _BEST_TONE if row.name in group.standing.best[metric] else None
    return _figure(metric, found.mean, detail="\n".join(details), tone=tone)


def _reference_line(reference: Reference) -> list[Cell]:
    name = Cell(
        reference.name, detail="\n".join(text for text in (reference.dataset, reference.remark) if text)
    )
    cells = []
    for metric, (mean, std) in reference.cells.items():  # Qlib publishes deviations with two decimals
        detail = "" if np.isnan(std) else f"± {std:.0%}" if metric in IN_PERCENT else f"± {std:.2f}"
        cells.append(_figure(metric, mean, detail=detail))
    return [name, *cells, cell(reference.seeds, ".0f"), *[Cell("–")] * 4]


def _seed_table(group: Group, links: Mapping[str, str], prefix: str) -> PageTable:
    lines = []
    for row in group.rows:
        for result in row.results:
            lines.append(
                [
                    Cell(row.name),
                    cell(result.seed, ".0f"),
                    Cell(result.run_id or "–", href=links.get(result.run_id or "")),
                    *(_figure(metric, result.metrics.get(metric)) for metric in COLUMNS),
                    cell(result.epochs, ".0f"),
                    cell(result.best_epoch, ".0f"),
                    cell(result.train_seconds, ".1f"),
                    Cell(result.device or "–"),
                    Cell(result.status, detail=result.message),
                ]
            )
    reported = any(result.run_id in links for row in group.rows for result in row.results)
    return PageTable(
        f"{prefix}_results",
        "Seeds",
        ["Row", "Seed", "Run", *COLUMNS.values(), "Epochs", "Best epoch", "Seconds", "Device", "Status"],
        lines,
        "A run's id links to its report, if there is one."
        if reported
        else "`lstm-bench report RUN` writes the report of a run; its id then links to it.",
        is_sortable=True,
    )


def _pair_parts(rows: Sequence[Row]) -> Iterator[Part]:
    """Compare all rows of the same data, market, label, numerics and test, whatever their features."""
    tables: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        if row.complete:
            tables.setdefault(tuple(row.setting.comparable.values()), []).append(row)
    for k, alike in enumerate(group for group in tables.values() if len(group) > 1):
        found = _comparisons(alike)
        reduced = [row.name for row in alike if row.reductions]
        text = f"{counted(len(alike), 'row')} on the same data, label and test segment."
        yield Note(f"{text} Reduced runs: {', '.join(reduced)}." if reduced else text)
        for metric, column in COLUMNS.items():
            wins = np.full((len(alike), len(alike)), np.nan)
            for (a, b), compared in found.items():
                if metric in compared and compared[metric].difference.estimate.is_decided:
                    chance = compared[metric].difference.improvement
                    wins[a, b], wins[b, a] = chance, 1 - chance
            if np.isfinite(wins).any():
                yield win_figure([row.name for row in alike], wins, column, f"wins{k}")
        yield _pair_table(alike, found, f"pairs{k}")


Compared = Mapping[tuple[int, int], Mapping[str, MetricComparison]]


def _comparisons(rows: Sequence[Row]) -> Compared:
    """Compare each pair."""
    found: dict[tuple[int, int], dict[str, MetricComparison]] = {}
    for a, b in itertools.combinations(range(len(rows)), 2):
        try:
            compared = compare_pair(rows[a], rows[b])
        except InputError:  # a row lacks the metric of the verdict: the pair has no line
            continue
        found[a, b] = {one.metric: one for one in compared.metrics}
    return found


def _pair_table(rows: Sequence[Row], found: Compared, name: str) -> PageTable:
    lines = [
        [
            Cell(rows[a].name),
            Cell(rows[b].name),
            Cell(COLUMNS[metric]),
            _figure(metric, one.difference.mean_a),
            _figure(metric, one.difference.mean_b),
            _estimate(one.difference.estimate, metric),
            Cell(UNDECIDED) if np.isnan(one.p_value) else cell(one.p_value),
            cell(one.difference.improvement, ".3f"),
            Cell(one.verdict.text),
        ]
        for (a, b), compared in found.items()
        for metric, one in compared.items()
    ]
    return PageTable(
        name,
        "Pairs",
        ["A", "B", "Metric", "Mean of A", "Mean of B", "A − B", "p", "P(A > B)", "Verdict"],
        lines,
        "A − B with its 95 % interval over seeds and days (of the maximum drawdown over seeds alone), the p-value of "
        "no difference by Holm over the metrics of the pair, and the probability that a seed of A beats a seed of B. "
        "The pairs of rows are not corrected for each other. `lstm-bench compare A B` explains the verdict.",
        is_sortable=True,
    )


def _estimate(estimate: Estimate, metric: str) -> Cell:
    detail = _ends(estimate, metric) if estimate.is_decided else UNDECIDED
    return _figure(metric, estimate.value, detail=detail)


def _ends(estimate: Estimate, metric: str) -> str:
    return f"[{_text(metric, estimate.low)}, {_text(metric, estimate.high)}]"


def _figure(metric: str, value: float | None, **more: Any) -> Cell:
    return percent(value, **more) if metric in IN_PERCENT else cell(value, **more)


def _text(metric: str, value: float, sign: str = "") -> str:
    return (sign if value >= 0 else "") + _figure(metric, value).text
