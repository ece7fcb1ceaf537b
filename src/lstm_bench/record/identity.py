"""The run id: the hash that names a record."""

from __future__ import annotations

import hashlib
import json

from lstm_bench.config.workflow import RunConfig

__all__ = ["NUMERICS", "run_id"]

NUMERICS = 4
"""Raised whenever the same configuration, seed and data give other numbers than before, but for the order in which
sums are rounded: there, processors and training paths differ anyway."""


def run_id(config: RunConfig, data_fingerprint: str) -> str:
    """Return 16 hex digits of SHA-256 over the resolved configuration, the seed, the data and ``NUMERICS``.

    Paths, the device and names are left out: they do not decide a number. Raises ``ExpressionError`` if the label is
    not a valid expression.
    """
    content = config.identity()
    if config.lstm_bench.embargo is not None:
        from lstm_bench.dataset.guards import default_embargo  # compiled code, which reports do without

        if config.lstm_bench.embargo == default_embargo(config):
            content["lstm_bench"].pop("embargo")  # said or not, it is the same
    identity = {"config": content, "seed": config.seed, "data": data_fingerprint, "numerics": NUMERICS}
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
