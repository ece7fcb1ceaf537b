"""``lstm-bench leaderboard``: collect evidence from records, and print it as tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from lstm_bench.cli.options import RESULTS, EvidenceFolder, Json, option, takes_options
from lstm_bench.cli.output import print_json, print_table, terminal_width
from lstm_bench.cli.paths import check_file, check_results
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import CheckError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lstm_bench.record.evidence import Evidence
    from lstm_bench.report.documents.blocks import LeaderboardOptions
    from lstm_bench.report.leaderboard.rows import Row
    from lstm_bench.report.leaderboard.tables import Style, Table

__all__ = ["PrintOptions", "leaderboard"]

_DOCUMENT = Path("benchmarks.md")

Format = Literal["md", "csv", "json", "latex"]

_EXCLUDED = {
    "--explain": ("--html", "--out", "--check", "--study", "--compat", "--intervals"),
    "--html": ("--out", "--check", "--compat", "--intervals"),
    "--check": ("--include", "--study", "--compat", "--intervals"),
}
"""Option -> options that have no effect together with it."""


@dataclass(frozen=True)
class PrintOptions:
    """Options of ``leaderboard``."""

    results: EvidenceFolder = RESULTS
    out: Path | None = option(
        None, "Rewrite the generated blocks of this document, or make it.", show_default=False
    )
    html: Path | None = option(
        None,
        "Write a page with sortable tables and figures of all seeds; it needs no other file.",
        metavar="FILE",
        show_default=False,
    )
    check: bool = option(
        False, "Write nothing; exit with 1 if the document (benchmarks.md) is out of date.", "--check"
    )
    form: Format | None = option(
        None,
        "Print md, csv, json or latex; by default tables that fit the terminal, or md without one.",
        "--format",
        show_default=False,
    )
    study: list[str] = option(list, "Only this study's rows. Repeatable.")
    include: list[str] = option(
        list,
        "Make rows of the records of this experiment, a folder of plain runs; they remain. Repeatable.",
        metavar="EXPERIMENT",
    )
    explain: str | None = option(
        None, "Print the seeds behind a row.", metavar="STUDY/ROW", show_default=False
    )
    compat: bool = option(False, "Print standard deviations with two decimals, as Qlib does.", "--compat")
    intervals: bool = option(False, "Add 95 % intervals over seeds.", "--intervals")
    as_json: Json = False

    @property
    def output(self) -> Format | None:
        """The format to print; ``--json`` overrides ``--format``."""
        return "json" if self.as_json else self.form


@takes_options
def leaderboard(options: PrintOptions) -> None:
    """Show the rows of all studies in Qlib's format, from evidence that it collects from the records.

    `bench` makes rows; --include makes them of plain runs: one row per configuration, over all its seeds.

    A document's leaderboard is between the lines <!-- lstm-bench: leaderboard --> and <!-- lstm-bench: end -->;
    the first of them keeps --compat, --intervals and --study.
    """
    from lstm_bench.report.documents.blocks import LeaderboardOptions
    from lstm_bench.report.documents.document import write_document
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.evidence.inclusion import include
    from lstm_bench.report.leaderboard.find_row import find_row
    from lstm_bench.report.leaderboard.rows import rows_of
    from lstm_bench.report.leaderboard.tables import Style

    _check_combination(options)
    check_results(options.results)
    check_file("--out", None if options.check else options.out)
    check_file("--html", options.html)
    shown = LeaderboardOptions(Style(options.compat, options.intervals), tuple(options.study))
    if options.out is not None and not options.check and options.output not in (None, "md"):
        received = "--json: cannot go" if options.as_json else f"--format: got {options.form!r}"
        raise InputError(f"{received} with --out; only md has blocks; print it, into a file if need be")
    for experiment in options.include:
        for line in include(options.results, experiment).lines(experiment):
            typer.echo(line, err=True)
    if options.check:
        _check(options.out or _DOCUMENT, options.results, options.output)
        return
    evidence = collect(options.results)
    if options.html is not None:
        _write_page(options.html, options.results, evidence, shown, options.output)
    elif options.out is not None:
        changed = write_document(options.out, options.results, evidence, shown)
        typer.echo(f"{options.out}: {'rebuilt' if changed else 'up to date'}")
    elif options.explain is not None:
        _explain(find_row(rows_of(evidence), options.explain), options.results, options.output)
    else:
        _print_rows(rows_of(evidence, shown.studies), shown.style, options.results, options.output)


def _check_combination(options: PrintOptions) -> None:
    names = ("explain", "html", "out", "check", "include", "study", "compat", "intervals")
    present = [f"--{name}" for name in names if getattr(options, name) not in (None, False, [])]
    for name, excluded in _EXCLUDED.items():
        if name not in present:
            continue
        if idle := [other for other in excluded if other in present]:
            raise InputError(f"{name}: cannot go with {' and '.join(idle)}; call it twice")
        if options.form not in (None, "json"):
            raise InputError(f"--format: got {options.form!r} beside {name}, expected json, or none")


def _check(document: Path, results: Path, form: Format | None) -> None:
    """Check the document against the evidence alone; a fresh checkout has no records."""
    from lstm_bench.record.evidence import read_evidence
    from lstm_bench.record.ledger import read_ledger
    from lstm_bench.report.documents.document import check_document
    from lstm_bench.report.evidence.coverage import verify_coverage
    from lstm_bench.report.evidence.verification import verify

    evidence = read_evidence(results)
    for found in evidence.values():
        verify(found)
    try:
        check_document(document, results, evidence)
    except CheckError:
        if form == "json":
            print_json({"document": str(document), "stale": True})
        raise
    verify_coverage(evidence, read_ledger(results))
    if form == "json":
        print_json({"document": str(document), "stale": False})
    else:
        typer.echo(f"{document}: its generated blocks follow from the evidence")


def _write_page(
    html: Path,
    results: Path,
    evidence: Mapping[str, Evidence],
    options: LeaderboardOptions,
    form: Format | None,
) -> None:
    from lstm_bench.core.atomic import write_whole
    from lstm_bench.report.leaderboard.rows import rows_of
    from lstm_bench.report.pages.leaderboard_page import leaderboard_page, report_links
    from lstm_bench.report.pages.page import render

    rows = rows_of(evidence, options.studies)
    _warn_if_empty(rows, results)
    page = leaderboard_page(rows, evidence, report_links(results, html))
    write_whole(html, render(page))
    if form == "json":
        print_json({"page": str(html), "bytes": html.stat().st_size})
    else:
        typer.echo(f"{html}: {counted(len(page.figures), 'figure')}, {html.stat().st_size / 1e6:.1f} MB")


def _warn_if_empty(rows: Sequence[Row], results: Path) -> None:
    if not rows:
        typer.echo(
            f"{results}: no row yet; `lstm-bench bench` trains a configuration over seeds and makes one",
            err=True,
        )


def _print_rows(rows: Sequence[Row], style: Style, results: Path, form: Format | None) -> None:
    from lstm_bench.record.evidence import study_path
    from lstm_bench.report.leaderboard import formats
    from lstm_bench.report.leaderboard.tables import leaderboard_tables

    def evidence_file(study: str) -> str:
        return study_path(results, study).as_posix()

    _warn_if_empty(rows, results)
    if form == "json":
        print_json(formats.json_object(rows, evidence_file))
    elif form == "csv":
        typer.echo(formats.csv_text(rows), nl=False)
    else:
        tables = leaderboard_tables(rows, style, evidence_file)
        if form == "latex":
            typer.echo(formats.latex(tables), nl=False)
        elif form == "md" or (width := terminal_width()) is None:
            typer.echo(formats.markdown(tables), nl=False)
        else:
            _draw(tables, results, width)


def _draw(tables: Sequence[Table], results: Path, width: int) -> None:
    """Print the tables of feature sets with rows of these results; all tables if there are no such rows."""
    from lstm_bench.bench.manifest import studies_of
    from lstm_bench.cli.leaderboard_table import print_leaderboard

    studies, everything = set(studies_of(results)), {table.features for table in tables}
    sets = {table.features for table in tables if studies & set(table.studies)}
    sets = sets or {table.features for table in tables if table.studies} or everything
    print_leaderboard([table for table in tables if table.features in sets], width)
    if others := dict.fromkeys(table.features for table in tables if table.features not in sets):
        typer.echo(f"\nno row of {' and '.join(others)} was made here; --format md shows all")


def _explain(row: Row, results: Path, form: Format | None) -> None:
    from dataclasses import asdict

    from lstm_bench.record.ledger import read_ledger
    from lstm_bench.report.leaderboard import explanation
    from lstm_bench.report.leaderboard.evaluations import evaluations_of

    evaluations = evaluations_of(read_ledger(results), row)
    if form == "json":
        print_json({**explanation.explanation_object(row), "test_evaluations": asdict(evaluations)})
        return
    print_table(row.name, explanation.HEADER, explanation.explanation_lines(row))
    typer.echo(explanation.explanation_text(row))
    typer.echo(evaluations.text)
