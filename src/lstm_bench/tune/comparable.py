"""Whether validation losses can be compared: those of a study's trials, and those of two definitions of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lstm_bench.config.sections.processor import ProcessorConfig
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from lstm_bench.tune.definition import Definition

__all__ = ["check_comparable", "differences"]

_DROP_ROWS = frozenset({"DropnaLabel", "DropnaProcessor"})


def check_comparable(key: str, trial: ResolvedRun, study: ResolvedRun) -> None:
    """Check that one of a parameter's values, in ``trial``, does not change labels or samples of ``study``.

    The study file's check refuses keys that always do. Processors are checked here, because one and the same key may
    change features or labels. Raises ``ConfigError`` if the parameter changes a processor that acts on labels or drops
    samples.
    """
    here, there = _judging(study), _judging(trial)
    if here != there:
        changed = [entry.name for entry in (*here, *there) if entry not in here or entry not in there]
        raise ConfigError(
            f"parameter {key}: it changes {changed[0] if changed else 'the order of processors'}, which acts on labels "
            "or drops samples, and then validation losses cannot be compared; fields_group: feature keeps a processor "
            "to the features, or make a study for each value"
        )


def _judging(config: ResolvedRun) -> list[ProcessorConfig]:
    """Return the processors that act on labels or drop samples."""
    handler = config.task.dataset.kwargs.handler
    return [
        entry
        for entry in (*handler.shared_processors, *handler.infer_processors, *handler.learn_processors)
        if entry.name in _DROP_ROWS or entry.acts_on_label
    ]


def differences(old: Definition, new: Definition) -> list[str]:
    """List what makes two studies different, such as ``space.lr.float: [0.0001, 0.01] -> [0.001, 0.01]``.

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
    """Dotted key -> value of all that must not change."""
    config = definition.config.model_dump(mode="json", by_alias=True)
    kept = {key: config[key] for key in ("space", "enqueue", "seeds", "sampler", "pruner")}
    identity = definition.workflow.identity()
    identity["model"].pop("n_epochs")
    # identity leaves it out beside one layer, but trials may have more
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
