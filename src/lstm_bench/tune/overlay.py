"""Values put over a resolved workflow: a trial's parameters, a study's fixed values, a budget."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lstm_bench.config.sections.parameter import SHORT_KEYS, dotted_key
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.core.errors import ConfigError, choices_hint

__all__ = ["validated_workflow", "with_values"]


def with_values(content: Mapping[str, Any], values: Mapping[str, Any], what: str) -> ResolvedRun:
    """Put values, by short or dotted key, over a resolved workflow and check it again.

    ``what`` names the values in messages. Raises ``ConfigError`` if a key is unknown or the workflow cannot have its
    value. The message names the key.
    """
    changed = copy.deepcopy(dict(content))
    for key, value in values.items():
        _put(changed, key, value, what)
    found = validated_workflow(changed, what, tuple(values))
    for key in values:
        _refuse_ignored(found.model_dump(mode="json", by_alias=True), key, what)
    return found.resolved()


def _refuse_ignored(content: Any, key: str, what: str) -> None:
    """Refuse a key that Qlib ignores: its values would make no difference."""
    for part in dotted_key(key).split("."):
        if isinstance(content, dict) and part not in content:
            raise ConfigError(f"{what} {key}: unknown key {part!r}; {choices_hint(part, content)}")
        content = content[int(part)] if isinstance(content, list) else content[part]


def _put(content: Any, key: str, value: Any, what: str) -> None:
    *parents, last = dotted_key(key).split(".")
    if not parents and last not in content:
        raise ConfigError(
            f"{what} {key}: unknown key {key!r}; {choices_hint(key, SHORT_KEYS)}, or a dotted key of the workflow "
            "file, such as task.model.kwargs.optimizer"
        )
    for position, part in enumerate([*parents, last]):
        if isinstance(content, list):
            if not part.isdecimal() or int(part) >= len(content):
                raise ConfigError(f"{what} {key}: {part!r} is no position in a list of {len(content)}")
        elif not isinstance(content, dict):
            raise ConfigError(f"{what} {key}: {part!r} lies below a plain value ({content!r})")
        elif part not in content and position < len(parents):
            raise ConfigError(
                f"{what} {key}: a workflow file has no {part!r} there; {choices_hint(part, content)}"
            )
        place = int(part) if isinstance(content, list) else part
        if position == len(parents):
            content[place] = value
        else:
            content = content[place]


def validated_workflow(content: Any, what: str, keys: tuple[str, ...] = ()) -> RunConfig:
    """Validate a workflow; the error message names the affected ones of ``keys``."""
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        places = [".".join(str(part) for part in finding["loc"]) for finding in error.errors()]
        blamed = [key for key in keys if any(_meets(dotted_key(key), place) for place in places)]
        raise ConfigError(
            f"{what} {', '.join(blamed or keys)}: {explain(error)}".replace(" :", ":")
        ) from error


def _meets(dotted: str, place: str) -> bool:
    return f"{dotted}.".startswith(f"{place}.") or f"{place}.".startswith(f"{dotted}.")
