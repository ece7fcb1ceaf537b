"""Checks that the validation losses of all trials of a study can be compared."""

from __future__ import annotations

from lstm_bench.config.sections.processor import ProcessorConfig
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import ConfigError

__all__ = ["check_comparable"]

_DROP_ROWS = frozenset({"DropnaLabel", "DropnaProcessor"})


def check_comparable(key: str, trial: ResolvedRun, study: ResolvedRun) -> None:
    """Check that one of a parameter's values, in ``trial``, does not change labels or samples of ``study``.

    The study file's check refuses keys that always do. Processors are checked here, because the same key may change
    features in one configuration and labels in another. Raises ``ConfigError`` if the parameter changes a processor
    that acts on labels or drops samples.
    """
    before, after = _judging(study), _judging(trial)
    if before != after:
        changed = [entry.name for entry in (*before, *after) if entry not in before or entry not in after]
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
