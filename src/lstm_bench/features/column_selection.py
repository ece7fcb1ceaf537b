"""The columns that ``FilterCol`` and ``DropCol`` leave."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

from lstm_bench.config.sections.processor import (
    DropColKwargs,
    DropnaLabelKwargs,
    DropnaProcessorKwargs,
    FilterColKwargs,
    ProcessorConfig,
)
from lstm_bench.core.errors import ConfigError

__all__ = ["missing_columns", "selected_columns", "surviving_columns"]

logger = logging.getLogger("lstm_bench")


def surviving_columns(
    features: Sequence[str], label: str, chain: Sequence[ProcessorConfig]
) -> tuple[str, ...]:
    """Names of the features that must be computed, in the handler's order.

    A column that ``FilterCol`` or ``DropCol`` drops is needed only if an earlier processor drops rows for its NaN.
    """
    names = tuple(features)
    for entry in chain:
        match entry.kwargs:
            case FilterColKwargs() | DropColKwargs():
                names = selected_columns(names, label, entry)
                if missing := missing_columns(features, label, entry):
                    logger.warning("%s: the handler has no column %s", entry.name, _some(missing))
            case DropnaProcessorKwargs() | DropnaLabelKwargs() if entry.kwargs.fields_group != "label":
                return names
            case _:
                pass
    return names


def missing_columns(features: Sequence[str], label: str, entry: ProcessorConfig) -> tuple[str, ...]:
    """Columns that a ``FilterCol`` or ``DropCol`` names and the handler lacks; none for other processors."""
    if not isinstance(entry.kwargs, FilterColKwargs | DropColKwargs):
        return ()
    return tuple(sorted(set(entry.kwargs.col_list).difference(features, [label])))


def selected_columns(features: Sequence[str], label: str, entry: ProcessorConfig) -> tuple[str, ...]:
    """Features that a ``FilterCol`` or ``DropCol`` keeps.

    Raises ConfigError if it drops the label or every feature.
    """
    kwargs = cast(FilterColKwargs | DropColKwargs, entry.kwargs)
    named = set(kwargs.col_list)
    if isinstance(kwargs, DropColKwargs):
        selected, keeps_label = tuple(name for name in features if name not in named), label not in named
    else:
        group = kwargs.fields_group
        selected = tuple(name for name in features if group == "label" or name in named)
        keeps_label = group == "feature" or label in named
    if not selected:
        missing = missing_columns(features, label, entry)
        reason = f"; there is no column {_some(missing)}" if missing else ""
        raise ConfigError(
            f"{entry.name}: its col_list leaves no feature of {_some(features)}{reason}; name columns of the feature "
            "set in col_list, or take the processor out"
        )
    if not keeps_label:
        raise ConfigError(
            f"{entry.name}: its col_list ({_some(sorted(named)) or 'nothing'}) drops the label {label!r}"
        )
    return selected


def _some(names: Sequence[str]) -> str:
    """List the first few names, and count the rest."""
    if len(names) <= 8:
        return ", ".join(names)
    return f"{', '.join(names[:8])} and {len(names) - 8} more, {len(names)} in all"
