"""``lstm-bench compare``: compare two rows of the leaderboard."""

from __future__ import annotations

from typing import Annotated

import typer

from lstm_bench.cli.options import RESULTS, EvidenceFolder, Json
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_results

__all__ = ["compare"]


def compare(
    a: Annotated[
        str, typer.Argument(help="STUDY/ROW, or STUDY if it has one row.", metavar="A", show_default=False)
    ],
    b: Annotated[str, typer.Argument(help="The other row, likewise.", metavar="B", show_default=False)],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="A metric of which higher is better, by Qlib's name or the leaderboard's; by default all. Repeatable."
        ),
    ] = None,
    results: EvidenceFolder = RESULTS,
    as_json: Json = False,
) -> None:
    """Show whether one row beats another on the same data: paired over seeds, over all pairs of seeds, over days."""
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.leaderboard import comparison_tables as tables
    from lstm_bench.report.leaderboard.comparison import compare_rows

    check_results(results)
    comparison = compare_rows(collect(results), a, b, metric or ())
    if as_json:
        print_json(tables.comparison_object(comparison))
        return
    typer.echo(tables.heading(comparison))
    print_table("Over seeds", tables.SEED_HEADER, tables.seed_lines(comparison))
    print_table("Over days", tables.DAILY_HEADER, tables.daily_lines(comparison))
