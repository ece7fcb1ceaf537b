"""``lstm-bench leaderboard``: from records to evidence, and from evidence to tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lstm_bench.cli.options import EvidenceFolder, check_evidence
from lstm_bench.cli.output import print_json, print_table, terminal_width
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lstm_bench.record.evidence import Evidence
    from lstm_bench.report.documents.blocks import LeaderboardOptions
    from lstm_bench.report.leaderboard.rows import Row
    from lstm_bench.report.leaderboard.tables import Table

__all__ = ["leaderboard"]

_DOCUMENT = Path("benchmarks.md")

Format = Literal["md", "csv", "json", "latex"]

_APART = {
    "--explain": ("--html", "--out", "--check", "--study", "--compat", "--intervals"),
    "--html": ("--out", "--check", "--compat", "--intervals"),
    "--check": ("--include", "--study", "--compat", "--intervals"),
}
"""Option -> those that would have no effect beside it."""


def leaderboard(
    results: EvidenceFolder = Path("results"),
    out: Annotated[
        Path | None,
        typer.Option(
            help="Rewrite the generated blocks of this document; it is made if it is not there.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page with sortable tables and figures of all seeds; it needs no other file.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit with 1 where the document (benchmarks.md) is stale."
        ),
    ] = False,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Print as md, csv, json or latex; a terminal gets tables that fit it, else md.",
            show_default=False,
        ),
    ] = None,
    study: Annotated[list[str] | None, typer.Option(help="Only this study's rows. Repeatable.")] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            help="Make rows of the records of this experiment, a folder of plain runs; they stay. Repeatable.",
            metavar="EXPERIMENT",
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(help="Print the seeds behind a row.", metavar="STUDY/ROW", show_default=False),
    ] = None,
    compat: Annotated[
        bool, typer.Option("--compat", help="Standard deviations with two decimals, as Qlib has.")
    ] = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Add 95 % bootstrap intervals over seeds.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Collect the records of rows into the evidence, and show them in Qlib's format.

    `bench` makes rows, and --include makes them of plain runs: a row of each configuration, over all its seeds.

    A document's leaderboard stands between the lines <!-- lstm-bench: leaderboard --> and <!-- lstm-bench: end -->;
    --compat, --intervals and --study are kept in the first of them.
    """
    from lstm_bench.cli.destination import check_file
    from lstm_bench.report.documents.blocks import LeaderboardOptions
    from lstm_bench.report.leaderboard.tables import Style

    style = {"--compat": compat, "--intervals": intervals}
    document = {"--out": out, "--check": check}
    _check_together(
        {"--explain": explain, "--html": html, **document, "--include": include, "--study": study, **style},
        form,
    )
    check_evidence(results)
    check_file("--out", None if check else out)
    check_file("--html", html)
    options = LeaderboardOptions(Style(compat, intervals), tuple(study or ()))
    form = "json" if as_json else form
    if out is not None and not check:
        _require_markdown(form, as_json)
    _include(results, include or ())
    if html is not None:
        _write_page(html, results, options, form)
        return
    if check:
        _check(out or _DOCUMENT, results, form)
    elif out is not None:
        _write(out, results, options)
    else:
        _print(results, options, form, explain)


def _include(results: Path, experiments: Sequence[str]) -> None:
    from lstm_bench.report.evidence.inclusion import include

    for experiment in experiments:
        for line in include(results, experiment).lines(experiment):
            typer.echo(line, err=True)


def _check_together(given: Mapping[str, object], form: Format | None) -> None:
    from lstm_bench.core.errors import InputError

    there = [option for option, value in given.items() if value not in (None, False, [])]
    for option, apart in _APART.items():
        if option not in there:
            continue
        if idle := [other for other in apart if other in there]:
            raise InputError(f"{option}: cannot go with {' and '.join(idle)}; call it twice")
        if form not in (None, "json"):
            raise InputError(f"--format: got {form!r} beside {option}, expected json, or none")


def _check(document: Path, results: Path, form: Format | None) -> None:
    """Check from the evidence alone, which is all that a fresh checkout has."""
    from lstm_bench.core.errors import CheckError
    from lstm_bench.record.evidence import read_evidence
    from lstm_bench.report.documents.document import check_document
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
    if form == "json":
        print_json({"document": str(document), "stale": False})
    else:
        typer.echo(f"{document}: its generated blocks follow from the evidence")


def _write_page(html: Path, results: Path, options: LeaderboardOptions, form: Format | None) -> None:
    from lstm_bench.core.atomic import write_whole
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.leaderboard.rows import rows_of
    from lstm_bench.report.pages.leaderboard_page import leaderboard_page, report_links
    from lstm_bench.report.pages.page import render

    evidence = collect(results)
    rows = rows_of(evidence, options.studies)
    _say_if_empty(rows, results)
    page = leaderboard_page(rows, evidence, report_links(results, html))
    write_whole(html, render(page))
    if form == "json":
        print_json({"page": str(html), "bytes": html.stat().st_size})
    else:
        typer.echo(f"{html}: {counted(len(page.figures), 'figure')}, {html.stat().st_size / 1e6:.1f} MB")


def _require_markdown(form: Format | None, as_json: bool) -> None:
    from lstm_bench.core.errors import InputError

    if as_json or form not in (None, "md"):
        given = "--json: cannot go" if as_json else f"--format: got {form!r}"
        raise InputError(f"{given} with --out; only md has blocks; print it, into a file if need be")


def _write(document: Path, results: Path, options: LeaderboardOptions) -> None:
    from lstm_bench.report.documents.document import write_document
    from lstm_bench.report.evidence.collect import collect

    changed = write_document(document, results, collect(results), options)
    typer.echo(f"{document}: {'rebuilt' if changed else 'up to date'}")


def _print(results: Path, options: LeaderboardOptions, form: Format | None, explain: str | None) -> None:
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.leaderboard.find_row import find_row
    from lstm_bench.report.leaderboard.rows import rows_of

    evidence = collect(results)
    if explain is not None:
        _explain(find_row(rows_of(evidence), explain), form)
        return
    _print_rows(evidence, options, form, results)


def _say_if_empty(rows: Sequence[Row], results: Path) -> None:
    if not rows:
        typer.echo(
            f"{results}: no row yet; `lstm-bench bench` trains a configuration over seeds and makes one",
            err=True,
        )


def _print_rows(
    evidence: Mapping[str, Evidence], options: LeaderboardOptions, form: Format | None, results: Path
) -> None:
    from lstm_bench.record.evidence import study_path
    from lstm_bench.report.leaderboard import formats
    from lstm_bench.report.leaderboard.rows import rows_of
    from lstm_bench.report.leaderboard.tables import leaderboard_tables

    def evidence_file(study: str) -> str:
        return study_path(results, study).as_posix()

    rows = rows_of(evidence, options.studies)
    _say_if_empty(rows, results)
    if form == "json":
        print_json(formats.json_object(rows, evidence_file))
    elif form == "csv":
        typer.echo(formats.csv_text(rows), nl=False)
    else:
        tables = leaderboard_tables(rows, options.style, evidence_file)
        if form == "latex":
            typer.echo(formats.latex(tables), nl=False)
        elif form == "md" or (width := terminal_width()) is None:
            typer.echo(formats.markdown(tables), nl=False)
        else:
            _draw(tables, results, width)


def _draw(tables: Sequence[Table], results: Path, width: int) -> None:
    """Draw tables, but for feature sets of which nothing was made here, where something was."""
    from lstm_bench.bench.manifest import studies_of
    from lstm_bench.cli.leaderboard_table import print_leaderboard

    own = set(studies_of(results))
    sets = {table.features for table in tables if own & set(table.studies)}
    sets = (
        sets or {table.features for table in tables if table.studies} or {table.features for table in tables}
    )
    print_leaderboard([table for table in tables if table.features in sets], width)
    if others := dict.fromkeys(table.features for table in tables if table.features not in sets):
        typer.echo(f"\nnothing of {' and '.join(others)} was made here; --format md shows all")


def _explain(row: Row, form: Format | None) -> None:
    from lstm_bench.report.leaderboard.explanation import (
        HEADER,
        explanation_lines,
        explanation_object,
        explanation_text,
    )

    if form == "json":
        print_json(explanation_object(row))
        return
    print_table(row.name, HEADER, explanation_lines(row))
    typer.echo(explanation_text(row))
