"""Differences between definitions that make them different studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lstm_bench.tune.definition import Definition

__all__ = ["differences"]


def differences(old: Definition, new: Definition) -> list[str]:
    """List the differences between two studies, such as ``space.lr.float: [0.0001, 0.01] -> [0.001, 0.01]``.

    The budget, the place of the data and the form of the files are not differences.
    """
    before, after = _essence(old), _essence(new)
    if old.stamp is not None and new.stamp is not None and old.stamp.used == new.stamp.used:
        after["data"] = before["data"]  # the same days and stocks, in a folder that has others too
    return [
        f"{key}: {_shown(before.get(key))} -> {_shown(after.get(key))}"
        for key in [*before, *(key for key in after if key not in before)]
        if before.get(key) != after.get(key)
    ]


def _essence(definition: Definition) -> dict[str, Any]:
    """Dotted key -> value of all settings that must not change."""
    config = definition.config.model_dump(mode="json", by_alias=True)
    kept = {key: config[key] for key in ("space", "enqueue", "seeds", "sampler", "pruner")}
    identity = definition.workflow.identity()
    identity["model"].pop("n_epochs")
    # the identity leaves it out for one layer, but trials may have more layers
    identity["model"]["dropout"] = definition.workflow.task.model.kwargs.dropout
    return dict(_flat({**kept, "workflow": identity, "data": definition.data_fingerprint}))


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
            yield from _flat({str(position): entry for position, entry in enumerate(value)}, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
