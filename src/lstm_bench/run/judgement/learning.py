"""Judges what is learned: columns that look the wrong way, statistics of other days, and the learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.guards import leaks
from lstm_bench.run.judgement.finding import Finding

__all__ = ["judge_learning"]

_HIGHEST_LR = {"adam": 0.1, "adamw": 0.1, "gd": 10.0}
"""Learning rates that are beyond any use; Adam moves each weight by about the rate in every step."""


def judge_learning(config: ResolvedRun, provider: Provider) -> Iterator[Finding]:
    """Find leaks, labels of the past, and learning rates that diverge."""
    for field, text in leaks(config.task.dataset, provider):
        yield Finding(field, text)
    kwargs = config.task.model.kwargs
    highest = _HIGHEST_LR[kwargs.optimizer]
    if kwargs.lr > highest:
        yield Finding(
            "task.model.kwargs.lr",
            f"got {kwargs.lr:g}, expected at most {highest:g} with {kwargs.optimizer}: training will diverge or end in "
            "a constant",
        )
