"""The operations of Optuna's journal, checked before they are replayed: Optuna does not check them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import NoneType
from typing import Any

from lstm_bench.config.wording.value_text import value_with_kind

__all__ = ["Operation", "check_operation"]


class Operation(IntEnum):
    """Optuna's operations."""

    CREATE_STUDY = 0
    DELETE_STUDY = 1
    SET_STUDY_USER_ATTRIBUTE = 2
    SET_STUDY_SYSTEM_ATTRIBUTE = 3
    CREATE_TRIAL = 4
    SET_PARAM = 5
    SET_STATE = 6
    SET_EPOCH = 7
    SET_USER_ATTRIBUTE = 8
    SET_SYSTEM_ATTRIBUTE = 9


Kinds = tuple[type, ...]

_NUMBER: Kinds = (int, float)
_WORKER: Mapping[str, Kinds] = {"worker_id": (str,)}
_STUDY: Mapping[str, Kinds] = {**_WORKER, "study_id": (int,)}
_TRIAL: Mapping[str, Kinds] = {**_WORKER, "trial_id": (int,)}
_NEEDED: Mapping[int, Mapping[str, Kinds]] = {
    Operation.CREATE_STUDY: {**_WORKER, "study_name": (str,), "directions": (list,)},
    Operation.DELETE_STUDY: _STUDY,
    Operation.SET_STUDY_USER_ATTRIBUTE: {**_STUDY, "user_attr": (dict,)},
    Operation.SET_STUDY_SYSTEM_ATTRIBUTE: {**_STUDY, "system_attr": (dict,)},
    Operation.CREATE_TRIAL: _STUDY,
    Operation.SET_PARAM: {
        **_TRIAL, "param_name": (str,), "param_value_internal": _NUMBER, "distribution": (str,)
    },
    Operation.SET_STATE: {**_TRIAL, "state": (int,), "values": (list, NoneType)},
    Operation.SET_EPOCH: {**_TRIAL, "step": (int,), "intermediate_value": (*_NUMBER, NoneType)},
    Operation.SET_USER_ATTRIBUTE: {**_TRIAL, "user_attr": (dict,)},
    Operation.SET_SYSTEM_ATTRIBUTE: {**_TRIAL, "system_attr": (dict,)},
}  # fmt: skip
_OPTIONAL: Mapping[str, Kinds] = {
    **dict.fromkeys(("user_attrs", "system_attrs", "params", "distributions", "intermediate_values"), (dict,)),
    "state": (int,), "value": (*_NUMBER, NoneType), "values": (list, NoneType),
}  # fmt: skip
"""Of a new trial."""
_WORDS: Mapping[type, str] = {
    int: "a whole number", float: "a number", str: "a text", list: "a list", dict: "a mapping", NoneType: "null"
}  # fmt: skip


def check_operation(log: Any) -> None:
    """Check that an operation has its keys, with values of the right kinds.

    Raises ``ValueError`` if it has not. The message names the key, its value and what was expected.
    """
    if not isinstance(log, dict):
        raise ValueError(f"got {value_with_kind(log)}, expected an operation")  # noqa: TRY004 - as for a wrong value
    code = log.get("op_code")
    if type(code) is not int or code not in _NEEDED:
        raise ValueError(
            f"op_code: got {value_with_kind(code)}, expected a number from 0 to {max(Operation)}"
        )
    for key in ("study_id", "trial_id"):
        if type(log.get(key)) is int and log[key] < 0:
            raise _wrong(log, key, (int,))
    for key, kinds in _NEEDED[code].items():
        if type(log.get(key, ...)) not in kinds:  # inline: a large study has millions of values
            raise _wrong(log, key, kinds)
    if code == Operation.CREATE_TRIAL:
        for key, kinds in _OPTIONAL.items():
            if key in log and type(log[key]) not in kinds:
                raise _wrong(log, key, kinds)
    values = log.get("values")
    if type(values) is list and not (values and all(isinstance(value, _NUMBER) for value in values)):
        raise ValueError(f"values: got {value_with_kind(values)}, expected a list of numbers")


def _wrong(log: Mapping[str, Any], key: str, kinds: Kinds) -> ValueError:
    expected = " or ".join(_WORDS[kind] for kind in kinds if not (kind is int and float in kinds))
    found = f"got {value_with_kind(log[key])}" if key in log else "missing"
    return ValueError(f"{key}: {found}, expected {expected}")
