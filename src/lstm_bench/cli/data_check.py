"""``lstm-bench data check``: find the defects of a data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lstm_bench.cli.options import Json, argument, option, takes_options, values_for
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import CheckError

if TYPE_CHECKING:
    from lstm_bench.data.health.check import HealthReport
    from lstm_bench.data.health.finding import Finding

__all__ = ["CheckOptions", "check"]


@dataclass(frozen=True)
class CheckOptions:
    """Options of ``data check``."""

    folder: Path = argument(..., "A Qlib data folder (provider_uri).", show_default=False)
    max_jump: float = option(0.3, "Largest return from one bar to the next, as a fraction.")
    max_gap: int = option(180, "Most trading days without a bar between two bars.")
    stale_days: int = option(5, "This many bars in a row with one volume are stale.")
    max_overhang: int = option(
        125, "Most days of a membership span before its first bar or after its last one."
    )
    max_calendar_gap: int = option(10, "Most weekdays without a trading day.")
    thin_share: float = option(0.5, "Least share of instruments that have a bar on a day.")
    change_tolerance: float = option(1e-4, "Largest difference between change and the return.")
    ignore: list[str] = option(
        list, "A kind of finding to leave out. Repeatable.", metavar="KIND", show_default=False
    )
    limit: int = option(10, "Findings of each kind to show; all are counted.")
    as_json: Json = False


@takes_options
def check(options: CheckOptions) -> None:
    """Find the defects of a data folder; exit with 1 if there are any.

    It finds gaps, jumps, impossible or stale values, spans without bars, files and calendars that disagree, and
    change, factor or volume that contradict the prices.
    """
    from lstm_bench.data.health.check import check_data
    from lstm_bench.data.health.thresholds import Thresholds

    thresholds = Thresholds(**values_for(Thresholds, options))
    report = check_data(options.folder, thresholds, ignore=options.ignore, limit=options.limit)
    if options.as_json:
        print_json(report.as_dict())
    else:
        _print(report)
    if not report.is_clean:
        found = sum(report.counts.values())
        raise CheckError(
            f"{report.folder}: {counted(found, 'finding')} of {counted(len(report.counts), 'kind')}"
        )


def _print(report: HealthReport) -> None:
    counts = {"day": report.days, "instrument": report.instruments, "bar": report.bars}
    checked = ", ".join(counted(number, what) for what, number in counts.items())
    if report.is_clean:
        typer.echo(f"{report.folder}: {checked}: nothing found")
        return
    typer.echo(f"{report.folder}: {checked}\n")
    by_kind: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    rows = []
    for kind, findings in by_kind.items():
        names = [f"{kind} ({report.counts[kind]:,})", *[""] * (len(findings) - 1)]
        for name, one in zip(names, findings, strict=True):
            rows.append([name, one.instrument, _days(one), one.value, one.expected])
    print_table("Findings", ["kind", "instrument", "days", "value", "expected"], rows)
    shortened = [kind for kind, findings in by_kind.items() if len(findings) < report.counts[kind]]
    if shortened:
        typer.echo(f"more than is shown: {', '.join(shortened)} (--limit)")


def _days(finding: Finding) -> str:
    if finding.first_day is None:
        return ""
    if finding.first_day == finding.last_day:
        return finding.first_day
    return f"{finding.first_day}..{finding.last_day}"
