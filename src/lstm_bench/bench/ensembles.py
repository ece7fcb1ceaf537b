"""Rows of seed ensembles: the averaged scores of a row's seeds."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.bench.scored_rows import add_scored_row, check_row
from lstm_bench.core.counting import counted
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel

if TYPE_CHECKING:
    from lstm_bench.bench.candidates import Candidate
    from lstm_bench.bench.manifest import BenchRow
    from lstm_bench.record.stamp import NamedData

__all__ = ["add_ensemble", "check_ensemble", "ensemble_label"]

logger = logging.getLogger("lstm_bench")

_SEED = 0
"""Of an ensemble: it is a single model, and the seed decides nothing but draws of a random strategy."""


def ensemble_label(label: str) -> str:
    """Return the label of the ensemble of a row's seeds."""
    return f"{label}-ensemble"


def check_ensemble(experiment: Path, label: str) -> None:
    """Check, before seeds are trained, that a row can have an ensemble. Raises ``ConfigError`` if it cannot."""
    check_row(experiment, ensemble_label(label), ScoringModel("ensemble"))


def add_ensemble(
    candidate: Candidate, data: NamedData, row: BenchRow, experiment: Path, *, force: bool = False
) -> BenchRow | None:
    """Record the ensemble of all of a row's seeds that have scores, and enter it as a row of one seed.

    Returns None, with a warning, if fewer than two seeds have scores.

    Parameters
    ----------
    candidate
        The row's configuration, its segments closed.
    data
        The row's data.
    force
        Also compute an ensemble that has a record, and replace it.

    Raises
    ------
    DataError
        If the records do not fit each other.
    """
    from lstm_bench.dataset.cache import DatasetCache
    from lstm_bench.run.ensemble_scores import ensemble_scores
    from lstm_bench.run.scored import Scoring

    found = (Record.find(experiment / run) for _, run in sorted(row.runs.items()))
    records = [record for record in found if record is not None and record.failure() is None]
    if len(records) < 2:
        logger.warning(
            "%s/%s: no ensemble, since it has %s with scores",
            row.study,
            row.label,
            counted(len(records), "seed"),
        )
        return None
    model = ScoringModel("ensemble", {"members": [record.path.name for record in records]})
    scoring = Scoring(candidate.config, experiment, data=data, cache=DatasetCache(), judged=True)
    logger.info("%s/%s: averaging the scores of %s", row.study, row.label, counted(len(records), "seed"))
    run = scoring.record(model, lambda prepared: ensemble_scores(records, prepared), seed=_SEED, force=force)
    return add_scored_row(experiment, ensemble_label(row.label), scoring.config, model, [run])
