"""Studies whose trials follow a script, and a tiny market, for these tests too."""

from __future__ import annotations

from tests.lab import jobs_on_the_path, lab, make_lab
from tests.market import configure, market, market_copy, own_cache

__all__ = ["configure", "jobs_on_the_path", "lab", "make_lab", "market", "market_copy", "own_cache"]
