"""What many steps say together of prices: that they are raw, or adjusted already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lstm_bench.data.importing.adjusting.adjustment import State
from lstm_bench.data.importing.adjusting.factor_steps import Steps

__all__ = ["DECISIVE", "Voices", "hear"]

DECISIVE = float(np.log(1000))
"""A lean counts from here on: 1000 times as likely one way as the other."""

_TOGETHER = float(np.log(20))
"""As much is enough of all steps together, where none says anything by itself."""

_STRAY = 0.01
"""Share of voices that may be wrong: vendors date a step a day late, or a stock moves as much on its own."""

_SHOWN = 3


@dataclass
class Voices:
    """What steps say, each by itself, or the small ones of a symbol together.

    Attributes
    ----------
    raw, adjusted, inverse : number of steps that say so
        ``inverse``: the closes move with the factor and not against it.
    displaced : number of steps near which the closes fall, but on another day
    small : number of steps that are too small to say anything
    total : sum of the leans of all steps
    examples : side -> its first steps, as texts
    """

    raw: int = 0
    adjusted: int = 0
    inverse: int = 0
    displaced: int = 0
    small: int = 0
    total: float = 0.0
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def told(self) -> int:
        """Number of steps that say something."""
        return self.raw + self.adjusted + self.inverse + self.displaced

    @property
    def all(self) -> int:
        """Number of steps."""
        return self.told + self.small

    @property
    def side(self) -> State | None:
        """What most say; where none says anything by itself, what all say together; None where that is nothing."""
        if self.told:
            return "raw" if self.raw >= self.adjusted else "adjusted"
        if abs(self.total) >= _TOGETHER:
            return "raw" if self.total > 0 else "adjusted"
        return None

    @property
    def is_divided(self) -> bool:
        """Whether voices contradict each other, or the factor."""
        return self.told - max(self.raw, self.adjusted) > _STRAY * self.told

    def sides(self) -> str:
        """Name the steps of each side."""
        names = {
            "raw": "raw",
            "adjusted": "adjusted",
            "inverse": "the inverse",
            "displaced": "on another day",
        }
        return "; ".join(
            f"{names[side]}: {', '.join(texts[:_SHOWN])}"
            + (f" and {getattr(self, side) - _SHOWN} more" if getattr(self, side) > _SHOWN else "")
            for side, texts in self.examples.items()
            if texts
        )


def hear(steps: Iterable[Steps], more: Sequence[Steps] | None = None, *, pool: bool = True) -> Voices:
    """Count voices.

    Parameters
    ----------
    steps
        Of all symbols.
    more
        The same steps, measured against the returns that the files state; they add to the leans.
    pool
        Whether the small steps of a symbol speak together.
    """
    voices = Voices()
    for k, each in enumerate(steps):
        lean, against = each.lean, each.against
        if more is not None:
            at = np.searchsorted(more[k].days, each.days)
            known = (at < len(more[k].days)) & np.isin(each.days, more[k].days)
            lean[known] += more[k].lean[at[known]]
        voices.total += float(lean.sum())
        inverse = against >= DECISIVE
        raw, adjusted = (lean >= DECISIVE) & ~inverse, (lean <= -DECISIVE) & ~inverse
        displaced = adjusted & (each.displaced >= DECISIVE)
        adjusted &= ~displaced
        small = ~(raw | adjusted | inverse | displaced)
        for side, found in (
            ("raw", raw), ("adjusted", adjusted), ("inverse", inverse), ("displaced", displaced),
        ):  # fmt: skip
            setattr(voices, side, getattr(voices, side) + int(found.sum()))
            texts = voices.examples.setdefault(side, [])
            texts += [_show(each, i) for i in np.flatnonzero(found)[: _SHOWN - len(texts)]]
        together = float(lean[small].sum())
        if pool and abs(together) >= DECISIVE:
            side = "raw" if together > 0 else "adjusted"
            setattr(voices, side, getattr(voices, side) + int(small.sum()))
            if len(voices.examples[side]) < _SHOWN:
                voices.examples[side].append(f"{each.symbol} ({small.sum()} small steps together)")
        else:
            voices.small += int(small.sum())
    return voices


def _show(steps: Steps, i: int) -> str:
    ratio, move = np.exp(steps.step[i]), np.expm1(steps.move[i])
    return f"{steps.symbol} {steps.days[i]} (factor times {ratio:.4g}, close {move:+.1%})"
