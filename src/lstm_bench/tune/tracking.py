"""Tracks a study's trials: one run per trial, with all its tuning seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lstm_bench.model.path_name import current_path_name
from lstm_bench.tracking.tracked import tags_of
from lstm_bench.tracking.tracker import State, TrackedRun, Tracker, tracked_id

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.tune.definition import Definition

__all__ = ["TrackedTrials"]


class TrackedTrials:
    """Reports a study's trials to a tracker.

    The driver tracks trials, not its workers: only the driver can see that a trial was pruned, is tried again, or has
    the result of another one. One process serves all its slots.
    """

    def __init__(self, tracker: Tracker, definition: Definition) -> None:
        self._tracker = tracker
        self._definition = definition
        self._ids: dict[int, str] = {}

    def began(self, number: int, key: str, config: ResolvedRun, params: Mapping[str, Any]) -> None:
        """Track the start or continuation of a trial. ``key`` is the hash of its configuration, seeds and data."""
        study = self._definition.config.name
        trial = {
            "trial": number,
            "params": dict(params),
            "seeds": list(self._definition.seeds(params)),
            "data_fingerprint": self._definition.data_fingerprint,
        }
        run = TrackedRun(
            id=tracked_id(f"{key}-{number}", study),
            name=f"trial {number}",
            study=study,
            job_type="search",
            config={**config.to_file(), **trial},
            tags=tags_of(config, study),
        )
        self._ids[number] = run.id
        self._tracker.begin(run)

    def epoch(self, number: int, epoch: int, value: float | None, values: Mapping[str, Any]) -> None:
        """Track an epoch, with its mean validation loss (None if a seed has diverged) and what its worker reported."""
        figures: Mapping[int, Mapping[str, float]] = values.get("figures", {})
        names = dict.fromkeys(name for one in figures.values() for name in one)
        tracked = {name: fmean(one[name] for one in figures.values() if name in one) for name in names}
        tracked["valid_loss"] = math.nan if value is None else value
        for seed, loss in values.get("losses", {}).items():
            tracked |= {f"seed/{seed}/{name}": figure for name, figure in figures.get(seed, {}).items()}
            tracked[f"seed/{seed}/valid_loss"] = loss
        self._tracker.epoch(self._ids[number], epoch, tracked)

    def ended(self, number: int, state: State, value: float | None, outcome: Mapping[str, Any]) -> None:
        """Track the end of a trial, with its outcome as the store has it. A trial that never began is ignored."""
        if number not in self._ids:
            return
        names = ("epochs", "seconds", "device", "duplicate_of", "diverged_seeds", "error")
        summary = {name: outcome[name] for name in names if outcome.get(name) not in (None, [])}
        if value is not None:
            summary["best_valid_loss"] = value
        path = outcome.get("training_path")
        tags = {} if path is None else {"path": current_path_name(path)}
        self._tracker.end(self._ids.pop(number), state, summary, tags)
