"""Differences between two runs: configuration, data, code, machine and figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from lstm_bench.config.workflow import load_workflow
from lstm_bench.record.record import Record

__all__ = ["RunDifference", "compare_runs", "flatten"]

Pair = tuple[Any, Any]

_DATA = ("data_fingerprint", "calendar", "synthetic", "bars")
_CODE = ("git", "numerics")
_MACHINE = ("python", "platform", "processor", "packages", "device")
_OUTCOME = ("status", "epochs", "best_epoch", "best_score", "parameters")
_UNSTABLE = ("device.peak_memory_mib",)
"""Keys that differ between any two runs."""


@dataclass(frozen=True)
class RunDifference:
    """Differences between two runs; a value is None if a run does not have it.

    Attributes
    ----------
    configuration : dotted key of the resolved configuration -> values
    data, code, machine : key -> values; the configured data folder is among the data
    training : status, epochs and similar
    metrics : name -> figures, NaN if a run does not have one
    """

    configuration: Mapping[str, Pair]
    data: Mapping[str, Pair]
    code: Mapping[str, Pair]
    machine: Mapping[str, Pair]
    training: Mapping[str, Pair]
    metrics: Mapping[str, tuple[float, float]]

    def sections(self) -> dict[str, Mapping[str, Pair]]:
        """Return all differences by section."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def compare_runs(a: Record, b: Record) -> RunDifference:
    """Compare two records.

    Raises
    ------
    DataError
        If a record is damaged.
    ConfigError
        If a configuration cannot be read.
    """
    configs = [dict(flatten(load_workflow(record.path / "config.yaml").to_file())) for record in (a, b)]
    data, code, machine, training = [], [], [], []
    for config, record in zip(configs, (a, b), strict=True):
        source = record.provenance()
        version = source.get("packages", {}).get("lstm-bench")
        data.append({"provider_uri": config.pop("qlib_init.provider_uri", None)} | _some(source, _DATA))
        code.append({"lstm-bench": version} | _some(source, _CODE))
        machine.append(_some(source, _MACHINE, leave_out="packages.lstm-bench"))
        training.append(_some(source.get("training", {}), _OUTCOME))
    of_a, of_b = a.metrics(), b.metrics()
    figures = {
        name: (of_a.get(name, math.nan), of_b.get(name, math.nan)) for name in dict.fromkeys([*of_a, *of_b])
    }
    return RunDifference(
        configuration=_differing(*configs),
        data=_differing(*data),
        code=_differing(*code),
        machine=_differing(*machine),
        training=_differing(*training),
        metrics={name: pair for name, pair in figures.items() if not _same(*pair)},
    )


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
