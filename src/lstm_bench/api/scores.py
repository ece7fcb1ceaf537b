"""Evaluate scores that a notebook computed as a row of the leaderboard."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from lstm_bench.api.arguments import PathLike
from lstm_bench.api.runs import RunResult, load_run
from lstm_bench.api.workflows import load_workflow
from lstm_bench.config.workflow import RunConfig

__all__ = ["evaluate_scores"]


def evaluate_scores(
    scores: pd.DataFrame | pd.Series | PathLike,
    config: RunConfig | PathLike,
    name: str,
    seed: int | None = None,
    *,
    out: PathLike = "results",
    experiment: str | None = None,
    force: bool = False,
) -> RunResult:
    """Evaluate scores of any model on a workflow's test segment, record them, and enter them into a row.

    Samples, label, metrics and backtest are those of a run of the workflow. Test samples without a score stay without
    one; how many there are is logged as a warning, and so are rows that are no test sample.

    Parameters
    ----------
    scores
        Scores by (datetime, instrument), as index or columns, with a column ``score``; or a Parquet or CSV file of
        them. NaN means missing. Codes are compared without regard to case.
    config
        From :func:`load_workflow`, or a workflow file.
    name
        The row's name in the leaderboard.
    seed
        As which the scores are entered; the configuration's by default. Other seeds join the row.
    out, experiment
        The record is written to ``<out>/<experiment>/<run_id>``. The experiment is the configuration's
        ``experiment_name`` by default, else the file's name, else ``workflow``.
    force
        Evaluate again even if the record exists.

    Returns
    -------
    RunResult
        Without ``epochs``.

    Raises
    ------
    InputError
        If the scores are not one finite number per day and instrument, no test sample has one, or the row has the same
        scores as another seed; or if the configuration, the data or the name cannot be used.
    """
    from lstm_bench.bench.outside_scores import evaluate_table
    from lstm_bench.config.experiment import records_folder
    from lstm_bench.run.score_table import ScoreTable
    from lstm_bench.run.scored import Scoring

    if isinstance(scores, str | os.PathLike):
        table = ScoreTable.read(Path(scores))
    else:
        table = ScoreTable.of_frame(scores)
    chosen, stem = (
        (config, "workflow") if isinstance(config, RunConfig) else (load_workflow(config), Path(config).stem)
    )
    resolved = chosen.resolved()
    named = {"experiment": experiment, "experiment_name": resolved.experiment_name, "config": stem}
    scoring = Scoring(resolved, records_folder(Path(out), named))
    done = evaluate_table(table, scoring, name, resolved.seed if seed is None else seed, force=force)
    return load_run(done.run.record.path)
