"""Rows from elsewhere: scores that another program computed become a record, and a seed of a row."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.bench.scored_rows import add_scored_row, check_row, recorded_models
from lstm_bench.core.errors import ConfigError
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.run.alignment import Coverage, align
from lstm_bench.run.publication import PackRun
from lstm_bench.run.score_table import ScoreTable
from lstm_bench.run.scored import Scores, Scoring

__all__ = ["EvaluatedScores", "evaluate_table"]

logger = logging.getLogger("lstm_bench")


@dataclass(frozen=True)
class EvaluatedScores:
    """The outcome of :func:`evaluate_table`."""

    run: PackRun
    row: BenchRow
    coverage: Coverage


def evaluate_table(
    table: ScoreTable, scoring: Scoring, label: str, seed: int, *, force: bool = False
) -> EvaluatedScores:
    """Evaluate scores on the test samples of a configuration, record them, and enter them into a row as a seed.

    What is missing, or is not a test sample, is logged as a warning.

    Parameters
    ----------
    scoring
        The configuration and its data.
    label
        The row's name within the experiment. Further seeds join the row.
    seed
        Under which the scores are entered; scores that the row already has under it are replaced.
    force
        Evaluate again even if the record exists.

    Raises
    ------
    ConfigError
        If the label cannot name a row, belongs to a row of another model, or the row has these scores as another
        seed.
    DataError
        If no test sample has a score.
    """
    check_row(scoring.experiment, label, ScoringModel("scores"))
    aligned = align(table, scoring.prepared)
    model = ScoringModel("scores", {"sha256": aligned.sha256})
    known = recorded_models(scoring.experiment, label)
    _check_distinct(known, model, seed, f"{scoring.experiment.name}/{label}")
    for sentence in aligned.coverage.shortfalls():
        logger.warning("%s: %s", table.source, sentence)
    if seed in known and known[seed] != model:
        logger.warning("%s/%s: the scores of seed %d are replaced", scoring.experiment.name, label, seed)
    scores = Scores(aligned.values, origin={**table.origin, "coverage": aligned.coverage.to_json()})
    run = scoring.record(model, lambda _: scores, seed=seed, force=force)
    row = add_scored_row(scoring.experiment, label, scoring.config, model, [run])
    return EvaluatedScores(run, row, aligned.coverage)


def _check_distinct(known: dict[int, ScoringModel], model: ScoringModel, seed: int, row: str) -> None:
    """Refuse scores that a row already has as another seed: they would make it look less uncertain than it is."""
    same = [other for other, found in known.items() if other != seed and found == model]
    if same:
        raise ConfigError(
            f"--seed: got {seed}, but {row} has the same scores as seed {same[0]}; expected scores of another seed"
        )
