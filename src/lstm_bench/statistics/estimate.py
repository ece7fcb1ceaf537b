"""An estimate with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["FEWEST", "LEVEL", "Estimate"]

FEWEST = 3
"""Values that an interval or a p-value needs at least."""

LEVEL = 0.95
"""Probability with which an interval is to cover the true value."""


@dataclass(frozen=True)
class Estimate:
    """A value and its interval; both ends are NaN if there are too few values."""

    value: float
    low: float
    high: float

    @property
    def is_decided(self) -> bool:
        """Whether there is an interval; without one the value does not generalise to other seeds or days."""
        return not np.isnan(self.low)
