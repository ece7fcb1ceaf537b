"""The run id: the hash that names a record."""

from __future__ import annotations

import hashlib
import json

from lstm_bench.config.workflow import RunConfig
from lstm_bench.record.scoring_model import ScoringModel

__all__ = ["NUMERICS", "run_id"]

NUMERICS = 4
"""Increased whenever the same configuration, seed and data yield other numbers than before. Changes in rounding order
do not count: processors and training paths differ in it anyway."""


def run_id(config: RunConfig, data_fingerprint: str, model: ScoringModel | None = None) -> str:
    """Return 16 hex digits of SHA-256 over the resolved configuration, the seed, the data and ``NUMERICS``.

    Paths, the device and names are left out, because they do not affect any number. ``model`` computed the scores in
    place of the configuration's LSTM; None means the LSTM. Raises ``ExpressionError`` if the label is not a valid
    expression.
    """
    content = config.identity()
    if config.lstm_bench.embargo is not None:
        from lstm_bench.dataset.guards import (
            default_embargo,
        )  # imports compiled code, which reports do not need

        if config.lstm_bench.embargo == default_embargo(config):
            content["lstm_bench"].pop("embargo")  # the default, set explicitly, is the same run
    identity = {"config": content, "seed": config.seed, "data": data_fingerprint, "numerics": NUMERICS}
    if model is not None:
        identity["model"] = model.to_json()
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
