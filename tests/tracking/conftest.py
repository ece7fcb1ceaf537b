"""A tiny synthetic market and a workflow file on it, for these tests too."""

from __future__ import annotations

from tests.market import configure, market, market_copy, own_cache

__all__ = ["configure", "market", "market_copy", "own_cache"]
