"""Judges a configuration against its data, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_bench.config.workflow import RunConfig
from lstm_bench.data.provider import Provider
from lstm_bench.run.judgement.finding import Finding
from lstm_bench.run.judgement.learning import judge_learning
from lstm_bench.run.judgement.portfolio import judge_portfolio
from lstm_bench.run.judgement.samples import judge_samples
from lstm_bench.run.judgement.survey import Survey

__all__ = ["judge_setup"]


def judge_setup(config: RunConfig, provider: Provider, survey: Survey | None = None) -> Iterator[Finding]:
    """Find what makes a run's figures meaningless, or impossible.

    Every command that trains, or prepares to, says these findings in the same words.

    Parameters
    ----------
    config, provider
    survey
        Of this dataset's rows, where it was made before.

    Raises
    ------
    InputError
        Where the configuration names a market or an expression that cannot be used.
    """
    config = config.resolved()
    survey = survey or Survey.of(config.task.dataset, provider)
    yield from judge_learning(config, provider)
    yield from judge_samples(config, survey)
    yield from judge_portfolio(config, survey)
