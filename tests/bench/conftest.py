"""Studies whose trials follow a script, and a tiny synthetic market, for these tests too."""

from __future__ import annotations

from tests.lab import jobs_on_the_path, lab, make_lab
from tests.market import configure, market, own_cache

__all__ = ["configure", "jobs_on_the_path", "lab", "make_lab", "market", "own_cache"]
