"""How a race of two rows stands: the differences of their seeds in a fixed order, up to the first that is missing.

The standing follows from the figures alone. It does not matter which seed was trained first, or how often the race was
interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lstm_bench.statistics.estimate import Estimate
from lstm_bench.statistics.sequence import decided_after, sequence_estimate, sequence_verdict
from lstm_bench.statistics.verdict import Verdict

__all__ = ["Figures", "Standing", "standing"]

Figures = Mapping[int, float | None]
"""Seed -> figure of its run; None if the run has none, because it diverged or has no such metric."""


@dataclass(frozen=True)
class Standing:
    """The state of a race.

    Attributes
    ----------
    seeds : with a figure in both rows, in the race's order, up to the one that decides or to the first missing one
    skipped : seeds among them whose run has no figure in one of the rows
    estimate : mean difference over ``seeds``, and the last interval of the sequence
    verdict : of ``seeds``
    is_over : whether it is decided, or no seed of the race is left
    """

    seeds: tuple[int, ...]
    skipped: tuple[int, ...]
    estimate: Estimate
    verdict: Verdict
    is_over: bool

    @property
    def is_decided(self) -> bool:
        """Whether ``seeds`` decide."""
        return self.verdict.word != "undecided"


def standing(a: Figures, b: Figures, seeds: Sequence[int], margin: float | None) -> Standing:
    """Judge a race.

    Parameters
    ----------
    seeds
        Those of the race, in its order.
    margin
        Largest difference that does not matter; None if every difference does.
    """
    used, skipped, differences = [], [], []
    for seed in seeds:
        if seed not in a or seed not in b:
            break
        of_a, of_b = a[seed], b[seed]
        if of_a is None or of_b is None:
            skipped.append(seed)
            continue
        used.append(seed)
        differences.append(of_a - of_b)
    n = decided_after(differences, margin) if differences else None
    is_over = n is not None or len(used) + len(skipped) == len(seeds)
    if n is not None:
        used, differences = used[:n], differences[:n]
        skipped = [seed for seed in skipped if seed < used[-1]]
    found = sequence_verdict(differences, margin)
    return Standing(tuple(used), tuple(skipped), sequence_estimate(differences), found, is_over)
