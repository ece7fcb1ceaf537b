"""An estimate with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["FEWEST", "FEWEST_DAYS", "LEVEL", "Estimate"]

FEWEST = 3
"""Seeds that an interval or a p-value over seeds needs at least."""

FEWEST_DAYS = 60
"""Days that an interval or a p-value over days needs at least.

The autocorrelation of fewer days can hardly be estimated. If it is 0.4, an interval of 60 days covers 93 to 94 %, one
of 40 days 92 %.
"""

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
