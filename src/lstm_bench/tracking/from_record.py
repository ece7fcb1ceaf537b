"""How a run ended, by its record."""

from __future__ import annotations

from typing import Any

from lstm_bench.record.record import Record
from lstm_bench.tracking.tracker import State

__all__ = ["ending"]


def ending(record: Record) -> tuple[State, dict[str, Any], dict[str, str]]:
    """Read what a tracker is told of a run in the end.

    Returns
    -------
    state : ``failed`` where the run has no figures
    summary : the record's metrics, under their names, and what came of training
    tags : the training path
    """
    provenance, error = record.provenance(), record.failure()
    training = provenance["training"]
    summary = {key: training[key] for key in ("status", "epochs", "best_epoch", "best_score")}
    summary |= {"train_seconds": provenance["seconds"]["train"], **record.metrics()}
    tags = {"path": provenance["device"]["training_path"]}
    if error is not None:
        return "failed", {**summary, "error": error}, tags
    return "complete", summary, tags
