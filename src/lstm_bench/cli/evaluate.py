"""``lstm-bench evaluate``: scores of any model become a record and a row."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lstm_bench.cli.options import RESULTS, Json, Out, Overrides, ProviderUri, argument, option, takes_options
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_folder
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import command_line

if TYPE_CHECKING:
    from lstm_bench.bench.outside_scores import EvaluatedScores

__all__ = ["EvaluateOptions", "evaluate"]


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of ``evaluate``."""

    scores: Path = argument(
        ..., "Parquet or CSV of datetime, instrument, score.", metavar="SCORES", show_default=False
    )
    config: Path = option(..., "The workflow file whose test segment the scores are of.", metavar="FILE")
    name: str = option(..., "The row's name in the leaderboard.", metavar="ROW")
    seed: int | None = option(
        None, "Seed that the scores are entered as; by default the file's, or 0. Others join the row.", min=0
    )
    overrides: Overrides = field(default_factory=list)
    provider_uri: ProviderUri = None
    out: Out = RESULTS
    force: bool = option(False, "Evaluate again even if a record exists.", "--force")
    as_json: Json = False


@takes_options
def evaluate(options: EvaluateOptions) -> None:
    """Get a leaderboard row for scores of any model, from Qlib's predictions, LightGBM or a notebook.

    The samples, the label, the days, the metrics and the backtest are those of a run of the workflow file. Samples
    without a score are reported and stay without one.
    """
    from lstm_bench.bench.candidates import candidates_of_file
    from lstm_bench.bench.outside_scores import evaluate_table
    from lstm_bench.cli.live import live_progress
    from lstm_bench.dataset.cache import DatasetCache
    from lstm_bench.run.judgement.finding import log_findings
    from lstm_bench.run.judgement.result import judge_result
    from lstm_bench.run.score_table import ScoreTable
    from lstm_bench.run.scored import Scoring

    check_folder("--out", options.out)
    (candidate,) = candidates_of_file(options.config, options.overrides, options.provider_uri)
    table = ScoreTable.read(options.scores)
    seed = candidate.config.seed if options.seed is None else options.seed
    with live_progress(sys.stderr) as progress:
        scoring = Scoring(
            candidate.config, options.out / candidate.study, cache=DatasetCache(), progress=progress
        )
        done = evaluate_table(table, scoring, options.name, seed, force=options.force)
    warnings = [str(finding) for finding in log_findings(judge_result(done.run.record))]
    if options.as_json:
        print_json(_described(done, warnings))
    else:
        _print(done, options)


def _described(done: EvaluatedScores, warnings: list[str]) -> dict[str, Any]:
    row, record = done.row, done.run.record
    return {
        "run_id": record.path.name,
        "record": str(record.path),
        "computed": done.run.computed,
        "row": f"{row.study}/{row.label}",
        "seed": done.run.seed,
        "seeds": list(row.seeds),
        "coverage": done.coverage.to_json(),
        "metrics": record.metrics(),
        "warnings": warnings,
    }


def _print(done: EvaluatedScores, options: EvaluateOptions) -> None:
    row, record = done.row, done.run.record
    figures = [[name, f"{value:.6f}"] for name, value in record.metrics().items()]
    print_table(f"{row.study}/{row.label}, seed {done.run.seed}", ["metric", "value"], figures)
    typer.echo(done.coverage.text())
    typer.echo(f"{'recorded in' if done.run.computed else 'recorded before:'} {record.path}")
    typer.echo(f"the row {row.study}/{row.label} has {counted(len(row.seeds), 'seed')}")
    where = () if options.out == RESULTS else ("--results", options.out)
    typer.echo(f"next: {command_line('leaderboard', *where)}")
