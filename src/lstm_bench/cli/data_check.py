"""``lstm-bench data check``: what is wrong with a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import CheckError

if TYPE_CHECKING:
    from lstm_bench.data.health.check import HealthReport
    from lstm_bench.data.health.finding import Finding

__all__ = ["check"]


def check(
    folder: Annotated[Path, typer.Argument(help="A Qlib data folder (provider_uri).", show_default=False)],
    max_jump: Annotated[float, typer.Option(help="Largest return from bar to bar, a fraction.")] = 0.3,
    max_gap: Annotated[int, typer.Option(help="Most trading days without a bar between two bars.")] = 180,
    stale_days: Annotated[int, typer.Option(help="So many bars in a row of one volume are stale.")] = 5,
    max_overhang: Annotated[
        int, typer.Option(help="Most days of a membership span before the first bar or after the last one.")
    ] = 125,
    max_calendar_gap: Annotated[int, typer.Option(help="Most weekdays without a trading day.")] = 10,
    thin_share: Annotated[
        float, typer.Option(help="Least share of instruments that have a bar on a day.")
    ] = 0.5,
    change_tolerance: Annotated[
        float, typer.Option(help="Largest difference of change from the return.")
    ] = 1e-4,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="A kind of finding to leave out. Repeatable.", metavar="KIND", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(help="Findings to show of each kind; all are counted.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look for defects in a data folder; exit with 1 where there are any.

    Gaps, jumps, impossible or stale values, spans without bars, files and calendars that do not fit each other, and
    change, factor and volume that contradict the prices.
    """
    from lstm_bench.data.health.check import check_data
    from lstm_bench.data.health.thresholds import Thresholds

    thresholds = Thresholds(
        max_jump=max_jump,
        max_gap=max_gap,
        stale_days=stale_days,
        max_overhang=max_overhang,
        max_calendar_gap=max_calendar_gap,
        thin_share=thin_share,
        change_tolerance=change_tolerance,
    )
    report = check_data(folder, thresholds, ignore=ignore or [], limit=limit)
    if as_json:
        print_json(report.as_dict())
    else:
        _print(report)
    if not report.is_clean:
        found = sum(report.counts.values())
        raise CheckError(
            f"{report.folder}: {counted(found, 'finding')} of {counted(len(report.counts), 'kind')}"
        )


def _print(report: HealthReport) -> None:
    looked_at = (
        f"{counted(report.days, 'day')}, {counted(report.instruments, 'instrument')}, "
        f"{counted(report.bars, 'bar')}"
    )
    if report.is_clean:
        typer.echo(f"{report.folder}: {looked_at}: nothing found")
        return
    typer.echo(f"{report.folder}: {looked_at}\n")
    by_kind: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    rows = [
        [
            f"{kind} ({report.counts[kind]:,})" if n == 0 else "",
            finding.instrument,
            _days(finding),
            finding.value,
            finding.expected,
        ]
        for kind, findings in by_kind.items()
        for n, finding in enumerate(findings)
    ]
    print_table("Findings", ["kind", "instrument", "days", "value", "expected"], rows)
    cut = [kind for kind, findings in by_kind.items() if len(findings) < report.counts[kind]]
    if cut:
        typer.echo(f"more than is shown: {', '.join(cut)} (--limit)")


def _days(finding: Finding) -> str:
    if finding.first_day is None:
        return ""
    if finding.first_day == finding.last_day:
        return finding.first_day
    return f"{finding.first_day}..{finding.last_day}"
