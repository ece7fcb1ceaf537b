"""Reads from a record what trackers need: the state of the run, and its figures."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lstm_bench.record.record import Record
from lstm_bench.tracking.tracker import State

__all__ = ["draw_figures", "outcome"]


def outcome(record: Record) -> tuple[State, dict[str, Any], dict[str, str]]:
    """Read how a run ended.

    Returns
    -------
    state : ``failed`` if the run has no figures, otherwise ``complete``
    summary : the record's metrics under their names, and the results of training
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


def draw_figures(record: Record, function: str | None) -> Iterable[tuple[str, Path]]:
    """Draw a record's figures with a function ``module:function``; None draws no figures.

    The function takes the record and yields (name, path of a PNG file).
    """
    if function is None:
        return ()
    module, _, name = function.partition(":")
    draw: Callable[[Record], Iterable[tuple[str, Path]]] = getattr(importlib.import_module(module), name)
    return draw(record)
