"""Checks of a study before it is tuned: its workflow, and the ends of its space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lstm_bench.run.judgement.finding import Finding
from lstm_bench.run.judgement.setup import judge_setup
from lstm_bench.run.judgement.survey import Survey

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.data.provider import Provider
    from lstm_bench.tune.definition import Definition

__all__ = ["judge_study"]


def judge_study(definition: Definition, provider: Provider) -> Iterator[Finding]:
    """Find reasons why a study's figures are meaningless or impossible.

    If a run would be refused only at some values of the space, this is a warning: those trials fail, others may
    succeed.
    """
    surveys: dict[str, Survey] = {}

    def judged(config: ResolvedRun) -> list[Finding]:
        kwargs = config.task.dataset.kwargs
        key = repr((kwargs.handler, kwargs.segments))
        if key not in surveys:
            surveys[key] = Survey.of(config.task.dataset, provider)
        return list(judge_setup(config, provider, surveys[key]))

    common = judged(definition.workflow)
    yield from common
    for key, parameter in definition.config.space.items():
        for value in parameter.choices if parameter.choices is not None else parameter.span:
            for finding in judged(definition.run_config({key: value})):
                if finding not in common:
                    yield replace(finding, field=f"space.{key}, at {value}: {finding.field}", refusal=None)
