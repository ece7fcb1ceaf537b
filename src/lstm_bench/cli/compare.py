"""``lstm-bench compare``: two rows of the leaderboard against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstm_bench.cli.options import EvidenceFolder, check_evidence
from lstm_bench.cli.output import print_json, print_table

__all__ = ["compare"]


def compare(
    a: Annotated[
        str, typer.Argument(help="STUDY/ROW, or STUDY where it has one row.", metavar="A", show_default=False)
    ],
    b: Annotated[str, typer.Argument(help="Likewise.", metavar="B", show_default=False)],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Qlib's name or the leaderboard's column, where higher is better; by default all columns. Repeatable."
        ),
    ] = None,
    results: EvidenceFolder = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare two rows on the same data: paired over seeds, over all pairs of seeds, and over days."""
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.leaderboard import comparison_tables as tables
    from lstm_bench.report.leaderboard.comparison import compare_rows

    check_evidence(results)
    comparison = compare_rows(collect(results), a, b, metric or ())
    if as_json:
        print_json(tables.comparison_object(comparison))
        return
    typer.echo(tables.heading(comparison))
    print_table("Over seeds", tables.SEED_HEADER, tables.seed_lines(comparison))
    print_table("Over days", tables.DAILY_HEADER, tables.daily_lines(comparison))
