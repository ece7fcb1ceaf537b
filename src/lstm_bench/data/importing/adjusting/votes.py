"""Counts the votes of a factor's steps: prices are raw, or adjusted already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, get_args

import numpy as np

from lstm_bench.data.importing.adjusting.adjustment import State
from lstm_bench.data.importing.adjusting.factor_steps import FactorSteps

__all__ = ["DECISIVE", "Side", "Votes", "count_votes"]

Side = Literal["raw", "adjusted", "inverse", "displaced"]
"""What a step votes for. ``inverse``: the closes move with the factor, not against it. ``displaced``: the closes step,
but on another day."""

DECISIVE = float(np.log(1000))
"""Least lean of a vote: one side is 1000 times more likely than the other."""

_DECISIVE_TOGETHER = float(np.log(20))
"""Least lean of all steps together, if none of them votes."""

_STRAY = 0.01
"""Tolerated share of wrong votes: vendors date a step a day late, or a stock moves as much on its own."""

_SHOWN = 3

_NAMES: dict[Side, str] = {
    "raw": "raw",
    "adjusted": "adjusted",
    "inverse": "the inverse",
    "displaced": "on another day",
}


@dataclass
class Votes:
    """Votes of steps, cast by each step alone, or by the small steps of a symbol together."""

    counts: Counter[Side] = field(default_factory=Counter)  # side -> number of steps that vote for it
    small: int = 0  # number of steps that are too small to vote
    total: float = 0.0  # sum of the leans of all steps
    # side -> its first steps, as texts
    examples: dict[Side, list[str]] = field(
        default_factory=lambda: {side: list[str]() for side in get_args(Side)}
    )

    @property
    def cast(self) -> int:
        """Number of steps that vote."""
        return self.counts.total()

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.cast + self.small

    @property
    def most(self) -> int:
        """Number of votes for raw or for adjusted prices, whichever has more."""
        return max(self.counts["raw"], self.counts["adjusted"])

    @property
    def winner(self) -> State | None:
        """The majority; without votes, the lean of all steps together; None if that is not decisive."""
        if self.cast:
            return "raw" if self.counts["raw"] >= self.counts["adjusted"] else "adjusted"
        if abs(self.total) >= _DECISIVE_TOGETHER:
            return "raw" if self.total > 0 else "adjusted"
        return None

    @property
    def is_divided(self) -> bool:
        """Whether votes contradict each other, or the factor."""
        return self.cast - self.most > _STRAY * self.cast

    def add(self, side: Side, count: int, examples: Iterable[str]) -> None:
        """Count votes, and keep the first few as examples."""
        self.counts[side] += count
        texts = self.examples[side]
        texts.extend(islice(examples, _SHOWN - len(texts)))

    def shown(self) -> str:
        """Name the first steps of each side."""
        return "; ".join(
            f"{_NAMES[side]}: {', '.join(texts)}"
            + (f" and {self.counts[side] - _SHOWN} more" if self.counts[side] > _SHOWN else "")
            for side, texts in self.examples.items()
            if texts
        )


def count_votes(
    steps: Iterable[FactorSteps], stated: Sequence[FactorSteps] | None = None, *, pool: bool = True
) -> Votes:
    """Count votes.

    The leans of ``stated``, the same steps against the returns that the files state, are added. With ``pool`` the
    small steps of a symbol vote together.
    """
    votes = Votes()
    for k, each in enumerate(steps):
        lean = each.lean
        if stated is not None:
            at = np.searchsorted(stated[k].days, each.days)
            known = (at < len(stated[k].days)) & np.isin(each.days, stated[k].days)
            lean[known] += stated[k].lean[at[known]]
        votes.total += float(lean.sum())
        inverse = each.inverse_lean >= DECISIVE
        raw, adjusted = (lean >= DECISIVE) & ~inverse, (lean <= -DECISIVE) & ~inverse
        displaced = adjusted & (each.displaced_lean >= DECISIVE)
        adjusted &= ~displaced
        for side, found in zip(get_args(Side), (raw, adjusted, inverse, displaced), strict=True):
            first = np.flatnonzero(found)[:_SHOWN]
            votes.add(side, int(found.sum()), (_describe(each, i) for i in first))
        small = ~(raw | adjusted | inverse | displaced)
        together = float(lean[small].sum())
        if pool and abs(together) >= DECISIVE:
            text = f"{each.symbol} ({small.sum()} small steps together)"
            votes.add("raw" if together > 0 else "adjusted", int(small.sum()), [text])
        else:
            votes.small += int(small.sum())
    return votes


def _describe(steps: FactorSteps, i: int) -> str:
    ratio, move = np.exp(steps.step[i]), np.expm1(steps.move[i])
    return f"{steps.symbol} {steps.days[i]} (factor times {ratio:.4g}, close {move:+.1%})"
