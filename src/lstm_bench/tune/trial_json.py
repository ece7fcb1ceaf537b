"""What this package notes on a trial in the store, by kind."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, Strict

from lstm_bench.config.section import Recorded

__all__ = ["TrialJson"]

Text = Annotated[str, Strict()]
Number = Annotated[float, Strict()]
Figures = dict[str, Number | None]


class FailureJson(Recorded):
    """What went wrong in an attempt."""

    error: Text = ""


class OutcomeJson(Recorded):
    """How a trial ended."""

    device: Text | None = None
    slot: Text | None = None
    seconds: Number | None = None
    duplicate_of: int | None = None
    diverged_seeds: list[int] = Field([])
    valid_ic: dict[str, Figures] = Field({})


class TrialJson(Recorded):
    """The user attributes of a trial."""

    driver: Text | None = None
    origin: Text = "sampler"
    moved: dict[str, Any] = Field({})
    outcome: OutcomeJson = OutcomeJson()
    failures: list[FailureJson] = Field([])
