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
    from lstm_bench.report.leaderboard.groups import Group
    from lstm_bench.report.leaderboard.rows import Row
    from lstm_bench.report.leaderboard.tables import Style, Table

__all__ = ["PrintOptions", "leaderboard"]

_DOCUMENT = Path("benchmarks.md")

Format = Literal["md", "csv", "json", "latex"]

_EXCLUDED = {
    "--explain": ("--html", "--out", "--check", "--kind", "--study", "--compat"),
    "--html": ("--out", "--check", "--compat"),
    "--check": ("--include", "--kind", "--study", "--compat"),
}
"""Option -> options that have no effect together with it."""


@dataclass(frozen=True)
class PrintOptions:
    """Options of ``leaderboard``."""

    results: EvidenceFolder = RESULTS
    out: list[Path] = option(
        list, "Rewrite the generated blocks of this document, or make it. Repeatable.", metavar="FILE"
    )
    html: Path | None = option(
        None,
        "Write a page with sortable tables and figures of all seeds; it needs no other file.",
        metavar="FILE",
        show_default=False,
    )
    check: bool = option(
        False,
        "Write nothing; exit with 1 if a document of --out (by default benchmarks.md) is out of date.",
        "--check",
    )
    form: Format | None = option(
        None,
        "Print md, csv, json or latex; by default tables that fit the terminal, or md without one.",
        "--format",
        show_default=False,
    )
    kind: list[str] = option(
        list,
        "Only tables of this kind: full (Qlib's benchmark), reduced, own (other stocks) or synthetic. Repeatable.",
    )
    study: list[str] = option(list, "Only this study's rows. Repeatable.")
    include: list[str] = option(
        list,
        "Make rows of the records of this experiment, a folder of plain runs; they remain. Repeatable.",
        metavar="EXPERIMENT",
    )
    explain: str | None = option(
        None,
        "Print the seeds behind a row, what its intervals are made of, and its metrics by regime.",
        metavar="STUDY/ROW",
        show_default=False,
    )
    compat: bool = option(False, "Print standard deviations with two decimals, as Qlib does.", "--compat")
    as_json: Json = False

    @property
    def output(self) -> Format | None:
        """The format to print; ``--json`` overrides ``--format``."""
        return "json" if self.as_json else self.form


@takes_options
def leaderboard(options: PrintOptions) -> None:
    """Show the rows of all studies in Qlib's format, from evidence that it collects from the records.

    A cell is mean±std over seeds, with the interval of the mean over days and seeds, and the skill above the best
    baseline. Rows that cannot be told from the best are marked.

    `bench` makes rows; --include makes them of plain runs: one row per configuration, over all its seeds.

    A document's leaderboard is between the lines <!-- lstm-bench: leaderboard --> and <!-- lstm-bench: end -->;
    the first of them keeps --compat, --kind and --study.
    """
    from lstm_bench.report.documents.blocks import LeaderboardOptions
    from lstm_bench.report.documents.document import write_document
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.evidence.inclusion import include
    from lstm_bench.report.leaderboard.find_row import find_row
    from lstm_bench.report.leaderboard.rows import rows_of
    from lstm_bench.report.leaderboard.setting import parse_kind
    from lstm_bench.report.leaderboard.tables import Style

    _check_combination(options)
    check_results(options.results)
    for document in () if options.check else options.out:
        check_file("--out", document)
    check_file("--html", options.html)
    shown = LeaderboardOptions(
        Style(options.compat), tuple(map(parse_kind, options.kind)), tuple(options.study)
    )
    if options.out and not options.check and options.output not in (None, "md"):
        received = "--json: cannot go" if options.as_json else f"--format: got {options.form!r}"
        raise InputError(f"{received} with --out; only md has blocks; print it, into a file if need be")
    for experiment in options.include:
        for line in include(options.results, experiment).lines(experiment):
            typer.echo(line, err=True)
    if options.check:
        _check(options.out or [_DOCUMENT], options.results, options.output)
        return
    evidence = collect(options.results)
    if options.html is not None:
        _write_page(options.html, options.results, evidence, shown, options.output)
    elif options.explain is not None:
        _explain(find_row(rows_of(evidence), options.explain), options.results, options.output)
    elif options.out:
        for document in options.out:
            changed = write_document(document, options.results, evidence, shown)
            typer.echo(f"{document}: {'rebuilt' if changed else 'up to date'}")
    else:
        groups = _groups(evidence, shown, options.results)
        _print_groups(groups, shown.style, options.results, options.output)


def _check_combination(options: PrintOptions) -> None:
    names = ("explain", "html", "out", "check", "include", "kind", "study", "compat")
    present = [f"--{name}" for name in names if getattr(options, name) not in (None, False, [])]
    for name, excluded in _EXCLUDED.items():
        if name not in present:
            continue
        if idle := [other for other in excluded if other in present]:
            raise InputError(f"{name}: cannot go with {' and '.join(idle)}; call it twice")
        if options.form not in (None, "json"):
            raise InputError(f"--format: got {options.form!r} beside {name}, expected json, or none")


def _check(documents: Sequence[Path], results: Path, form: Format | None) -> None:
    """Check documents against the evidence alone; a fresh checkout has no records."""
    from lstm_bench.record.evidence import read_evidence
    from lstm_bench.record.ledger import read_ledger
    from lstm_bench.report.documents.document import check_document
    from lstm_bench.report.evidence.coverage import verify_coverage
    from lstm_bench.report.evidence.verification import verify

    evidence = read_evidence(results)
    for found in evidence.values():
        verify(found)
    stale: dict[Path, CheckError] = {}
    for document in documents:
        try:
            check_document(document, results, evidence)
        except CheckError as error:
            stale[document] = error
    if not stale:
        verify_coverage(evidence, read_ledger(results))
    if form == "json":
        checked = [{"document": str(document), "stale": document in stale} for document in documents]
        print_json({"stale": bool(stale), "documents": checked})
    else:
        for document in (one for one in documents if one not in stale):
            typer.echo(f"{document}: its generated blocks follow from the evidence")
    if stale:
        raise CheckError("\n".join(map(str, stale.values())))


def _groups(evidence: Mapping[str, Evidence], shown: LeaderboardOptions, results: Path) -> list[Group]:
    from lstm_bench.record.ledger import read_ledger
    from lstm_bench.report.leaderboard.groups import group_rows
    from lstm_bench.report.leaderboard.rows import rows_of
    from lstm_bench.report.leaderboard.setting import KINDS

    groups = group_rows(rows_of(evidence, shown.studies), shown.kinds or KINDS, read_ledger(results))
    if not groups:
        of_kind = f" of kind {' or '.join(shown.kinds)}" if shown.kinds else ""
        typer.echo(
            f"{results}: no row{of_kind} yet; `lstm-bench bench` trains a configuration over seeds and makes one",
            err=True,
        )
    return groups


def _write_page(
    html: Path,
    results: Path,
    evidence: Mapping[str, Evidence],
    options: LeaderboardOptions,
    form: Format | None,
) -> None:
    from lstm_bench.core.atomic import write_whole
    from lstm_bench.report.pages.leaderboard_page import leaderboard_page, report_links
    from lstm_bench.report.pages.page import render

    page = leaderboard_page(_groups(evidence, options, results), report_links(results, html))
    write_whole(html, render(page))
    if form == "json":
        print_json({"page": str(html), "bytes": html.stat().st_size})
    else:
        typer.echo(f"{html}: {counted(len(page.figures), 'figure')}, {html.stat().st_size / 1e6:.1f} MB")


def _print_groups(groups: Sequence[Group], style: Style, results: Path, form: Format | None) -> None:
    from lstm_bench.record.evidence import study_path
    from lstm_bench.report.leaderboard import formats, plain_data
    from lstm_bench.report.leaderboard.tables import leaderboard_tables

    def evidence_file(study: str) -> str:
        return study_path(results, study).as_posix()

    if form == "json":
        print_json(plain_data.json_object(groups, evidence_file))
    elif form == "csv":
        typer.echo(plain_data.csv_text(groups), nl=False)
    else:
        tables = leaderboard_tables(groups, style, evidence_file)
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
    sets = sets or everything
    print_leaderboard([table for table in tables if table.features in sets], width)
    if others := dict.fromkeys(table.features for table in tables if table.features not in sets):
        typer.echo(f"\nno row of {' and '.join(others)} was made here; --format md shows all")


def _explain(row: Row, results: Path, form: Format | None) -> None:
    from dataclasses import asdict

    from lstm_bench.record.ledger import read_ledger
    from lstm_bench.report.leaderboard import explanation
    from lstm_bench.report.leaderboard.evaluations import evaluations_of
    from lstm_bench.report.leaderboard.row_regimes import REGIME_HEADER, regime_lines, regime_object

    evaluations = evaluations_of(read_ledger(results), row)
    if form == "json":
        explained = explanation.explanation_object(row) | {"regimes": regime_object(row)}
        print_json(explained | {"test_evaluations": asdict(evaluations)})
        return
    print_table(f"{row.model_name}, {row.name}", explanation.SEED_HEADER, explanation.seed_lines(row))
    print_table("Variance of the means", explanation.VARIANCE_HEADER, explanation.variance_lines(row))
    if lines := regime_lines(row):
        print_table("Regimes, over seeds and days", REGIME_HEADER, lines)
    typer.echo(explanation.explanation_text(row))
    typer.echo(evaluations.text)
