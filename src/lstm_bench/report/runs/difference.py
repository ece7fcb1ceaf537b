"""What differs between two runs: configuration, data, code, machine, and figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
"""What differs between any two runs and says nothing."""


@dataclass(frozen=True)
class RunDifference:
    """What differs between two runs. A side that lacks something has None.

    Attributes
    ----------
    configuration : dotted key of the resolved configuration -> values
    data, code, machine : key -> values; of the configuration, the data's folder is among the data
    training : status, epochs and the like
    metrics : name -> figures, NaN where a run has none
    """

    configuration: Mapping[str, Pair]
    data: Mapping[str, Pair]
    code: Mapping[str, Pair]
    machine: Mapping[str, Pair]
    training: Mapping[str, Pair]
    metrics: Mapping[str, tuple[float, float]]

    def sections(self) -> dict[str, Mapping[str, Pair]]:
        """All of it, by name."""
        return {
            "configuration": self.configuration,
            "data": self.data,
            "code": self.code,
            "machine": self.machine,
            "training": self.training,
            "metrics": self.metrics,
        }


def compare_runs(a: Record, b: Record) -> RunDifference:
    """Compare two records.

    Raises
    ------
    DataError
        Where a record is damaged.
    ConfigError
        Where a configuration cannot be read.
    """
    configs = [dict(flatten(load_workflow(record.path / "config.yaml").to_file())) for record in (a, b)]
    folders = [config.pop("qlib_init.provider_uri", None) for config in configs]
    said = [record.provenance() for record in (a, b)]
    packages = [one.get("packages", {}).get("lstm-bench") for one in said]
    metrics = [record.metrics() for record in (a, b)]
    names = list(dict.fromkeys([*metrics[0], *metrics[1]]))
    figures = {name: (metrics[0].get(name, math.nan), metrics[1].get(name, math.nan)) for name in names}
    return RunDifference(
        configuration=_differing(*configs),
        data=_differing(
            *({"provider_uri": folder} | _some(one, _DATA) for folder, one in zip(folders, said, strict=True))
        ),
        code=_differing(
            *(
                {"lstm-bench": version} | _some(one, _CODE)
                for version, one in zip(packages, said, strict=True)
            )
        ),
        machine=_differing(*(_some(one, _MACHINE, leave_out="packages.lstm-bench") for one in said)),
        training=_differing(*(_some(one.get("training", {}), _OUTCOME) for one in said)),
        metrics={name: pair for name, pair in figures.items() if not _same(*pair)},
    )


def flatten(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Go through plain data by dotted keys; a list of plain values is one value, others go by position.

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


def _some(said: Mapping[str, Any], keys: tuple[str, ...], leave_out: str = "") -> dict[str, Any]:
    found = dict(flatten({key: said[key] for key in keys if key in said}))
    return {key: value for key, value in found.items() if key not in (*_UNSTABLE, leave_out)}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Pair]:
    keys = dict.fromkeys([*a, *b])
    return {key: (a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)}


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
