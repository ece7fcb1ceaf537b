"""Checks a configuration against its data before training."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.guards import leaks
from lstm_bench.run.judgement.finding import Finding
from lstm_bench.run.judgement.portfolio import judge_portfolio
from lstm_bench.run.judgement.samples import judge_samples
from lstm_bench.run.judgement.survey import Survey

__all__ = ["judge_setup"]


_HIGHEST_LR = {"adam": 0.1, "adamw": 0.1, "gd": 10.0}
"""Highest useful learning rates. Adam moves each weight by about the rate in every step."""


def judge_setup(config: RunConfig, provider: Provider, survey: Survey | None = None) -> Iterator[Finding]:
    """Find reasons why a run's figures are meaningless or impossible.

    All commands that train, or prepare training, report these findings. ``survey`` is of this dataset's rows, if it
    exists. Raises ``InputError`` if the configuration names a market or an expression that cannot be used.
    """
    config = config.resolved()
    survey = survey or Survey.of(config.task.dataset, provider)
    yield from _judge_learning(config, provider)
    yield from judge_samples(config, survey)
    yield from judge_portfolio(config, survey)


def _judge_learning(config: ResolvedRun, provider: Provider) -> Iterator[Finding]:
    """Find leaks, labels of the past, permuted labels, and learning rates that diverge."""
    for field, text in leaks(config.task.dataset, provider):
        yield Finding(field, text)
    if config.lstm_bench.training.permute_labels:
        yield Finding(
            "lstm_bench.training.permute_labels",
            "got true: train and valid have permuted labels, so this is a control, whose figures show what chance "
            "gives",
        )
    kwargs = config.task.model.kwargs
    highest = _HIGHEST_LR[kwargs.optimizer]
    if kwargs.lr > highest:
        yield Finding(
            "task.model.kwargs.lr",
            f"got {kwargs.lr:g}, expected at most {highest:g} with {kwargs.optimizer}: training will diverge or end in "
            "a constant",
        )
