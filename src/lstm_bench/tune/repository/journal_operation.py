"""What an operation of Optuna's journal has to say, checked before it is replayed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import NoneType
from typing import Any

from lstm_bench.config.wording.shown import came

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
_STUDY: Mapping[str, Kinds] = {"study_id": (int,)}
_TRIAL: Mapping[str, Kinds] = {"trial_id": (int,)}
_NEEDED: Mapping[Operation, Mapping[str, Kinds]] = {
    Operation.CREATE_STUDY: {"study_name": (str,), "directions": (list,)},
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
_OF_NEW_TRIAL = ("user_attrs", "system_attrs", "params", "distributions", "intermediate_values")
_WORDS: Mapping[type, str] = {
    int: "a whole number", float: "a number", str: "a text", list: "a list", dict: "a mapping", NoneType: "null"
}  # fmt: skip


def check_operation(log: Any) -> None:
    """Check that an operation has its keys, and values of their kinds.

    Raises
    ------
    ValueError
        Where it has not; it names the key, what came and what was expected.
    """
    if not isinstance(log, dict):
        raise ValueError(f"got {came(log)}, expected an operation")  # noqa: TRY004 - as for a wrong value
    code = log.get("op_code")
    if isinstance(code, bool) or not isinstance(code, int) or code not in list(Operation):
        raise ValueError(f"op_code: got {came(code)}, expected a number from 0 to {max(Operation)}")
    for key, kinds in {"worker_id": (str,), **_NEEDED[Operation(code)]}.items():
        _check(log, key, kinds)
    if code == Operation.CREATE_TRIAL:
        for key in _OF_NEW_TRIAL:
            if key in log:
                _check(log, key, (dict,))
        if "state" in log:
            _check(log, "state", (int,))
        if "value" in log:
            _check(log, "value", (*_NUMBER, NoneType))
        if "values" in log:
            _check(log, "values", (list, NoneType))
    values = log.get("values")
    if isinstance(values, list) and not (values and all(isinstance(value, _NUMBER) for value in values)):
        raise ValueError(f"values: got {came(values)}, expected a list of numbers")


def _check(log: Mapping[str, Any], key: str, kinds: Kinds) -> None:
    expected = " or ".join(_WORDS[kind] for kind in kinds if not (kind is int and float in kinds))
    if key not in log:
        raise ValueError(f"{key}: missing, expected {expected}")
    value = log[key]
    is_kind = isinstance(value, kinds) and not isinstance(value, bool)
    if not is_kind or (key in ("study_id", "trial_id") and int(value) < 0):
        raise ValueError(f"{key}: got {came(value)}, expected {expected}")
