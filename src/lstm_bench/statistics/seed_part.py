"""What the seeds drawn add to the variance of a mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.stationary import StationaryBootstrap

__all__ = ["SeedPart", "seed_part"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeedPart:
    """Variance of a mean over seeds that comes from the seeds drawn.

    Attributes
    ----------
    seeds : K; 1 for a model that has no seed
    between : variance of the seeds' statistics (ddof 1) by K
    interaction : the part of ``between`` that fewer days would increase, estimated from days
    """

    seeds: int
    between: float
    interaction: float

    def with_more(self, seeds: int = 0, days_factor: float = 1.0) -> SeedPart:
        """Expect the variance for more seeds, and for ``days_factor`` times the days."""
        if self.seeds == 1:
            return self
        own = max(self.between - self.interaction, 0.0)
        interaction = min(self.interaction, self.between) / days_factor
        by = self.seeds / (self.seeds + seeds)
        return SeedPart(self.seeds + seeds, (own + interaction) * by, interaction * by)


def seed_part(side: Floats, bootstrap: StationaryBootstrap) -> SeedPart:
    """Tell what the seeds drawn add to the variance of a mean over influence values, ``[K, T]``."""
    seeds = len(side)
    if seeds == 1:
        return SeedPart(1, 0.0, 0.0)
    between = float(side.mean(axis=1).var(ddof=1)) / seeds
    remaining = side - side.mean(axis=0)  # a seed's own mean does not matter to its variance over days
    interaction = float(bootstrap.variance(remaining).sum()) * bootstrap.inflation / (seeds * (seeds - 1))
    return SeedPart(seeds, between, interaction)
