"""Differences between two runs: configuration, data, code, machine and figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lstm_bench.config.workflow import load_workflow
from lstm_bench.record.record import Record

__all__ = ["Pair", "compare_runs", "flatten"]

Pair = tuple[Any, Any]

_FOLDER = "qlib_init.provider_uri"
_DATA = ("data_fingerprint", "calendar", "synthetic", "bars")
_CODE = ("git", "numerics")
_MACHINE = ("python", "platform", "processor", "packages", "device")
_OUTCOME = ("status", "epochs", "best_epoch", "best_score", "parameters")
_UNSTABLE = ("device.peak_memory_mib",)
"""Keys that differ between any two runs."""


def compare_runs(a: Record, b: Record) -> dict[str, dict[str, Pair]]:
    """Compare two records: configuration, model, data, code, machine, training and metrics.

    Each part maps keys to the values of both runs, None if a run does not have one. Keys of the configuration are
    dotted; the configured data folder is among the data. Metrics are numbers, NaN if a run does not have one.

    Raises
    ------
    DataError
        If a record is damaged.
    ConfigError
        If a configuration cannot be read.
    """
    of_a, of_b = _describe(a), _describe(b)
    parts = {name: _differing(of_a[name], of_b[name]) for name in of_a}
    figures_a, figures_b = a.metrics(), b.metrics()
    names = dict.fromkeys([*figures_a, *figures_b])
    figures = {name: (figures_a.get(name, math.nan), figures_b.get(name, math.nan)) for name in names}
    parts["metrics"] = {name: pair for name, pair in figures.items() if not _same(*pair)}
    return parts


def _describe(record: Record) -> dict[str, dict[str, Any]]:
    config = dict(flatten(load_workflow(record.path / "config.yaml").to_file()))
    provenance = record.provenance()
    version = provenance.get("packages", {}).get("lstm-bench")
    return {
        "configuration": {key: value for key, value in config.items() if key != _FOLDER},
        "model": _some(provenance, ("model",)),
        "data": {"provider_uri": config.get(_FOLDER), **_some(provenance, _DATA)},
        "code": {"lstm-bench": version, **_some(provenance, _CODE)},
        "machine": _some(provenance, _MACHINE, leave_out="packages.lstm-bench"),
        "training": _some(provenance.get("training", {}), _OUTCOME),
    }


def flatten(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over plain data by dotted keys; a list of scalars is one value, other lists are keyed by position.

    >>> dict(flatten({"a": {"b": [1, 2]}, "c": [{"d": 3}]}))
    {'a.b': [1, 2], 'c.0.d': 3}
    """
    if isinstance(content, Mapping) and content:
        for name, value in content.items():
            yield from flatten(value, f"{key}.{name}" if key else str(name))
    elif isinstance(content, list) and any(isinstance(one, Mapping | list) for one in content):
        for position, value in enumerate(content):
            yield from flatten(value, f"{key}.{position}")
    else:
        yield key, content


def _some(content: Mapping[str, Any], keys: tuple[str, ...], leave_out: str = "") -> dict[str, Any]:
    flat = flatten({key: content[key] for key in keys if key in content})
    return {key: value for key, value in flat if key not in (*_UNSTABLE, leave_out)}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Pair]:
    keys = dict.fromkeys([*a, *b])
    return {key: (a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)}


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
