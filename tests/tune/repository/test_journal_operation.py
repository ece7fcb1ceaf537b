from __future__ import annotations

from typing import Any

import pytest

from lstm_bench.tune.repository.journal_operation import Operation, check_operation

NEW_TRIAL = {"op_code": int(Operation.CREATE_TRIAL), "worker_id": "a", "study_id": 0, "state": 1}
FINISHED = {"op_code": int(Operation.SET_STATE), "worker_id": "a", "trial_id": 0, "state": 1}


@pytest.mark.parametrize("operation", [NEW_TRIAL, FINISHED])
@pytest.mark.parametrize("values", [[], ["x"], [None], "x", 3])
def test_values_are_numbers(operation: dict[str, Any], values: Any) -> None:
    check_operation(operation | {"values": [0.5]})
    check_operation(operation | {"values": None})
    with pytest.raises(ValueError, match=r"values: got .*, expected"):
        check_operation(operation | {"values": values})


@pytest.mark.parametrize("value", [[], "x", {}])
def test_the_value_of_a_new_trial_is_a_number(value: Any) -> None:
    check_operation(NEW_TRIAL | {"value": 0.5})
    with pytest.raises(ValueError, match=r"value: got .*, expected a number or null"):
        check_operation(NEW_TRIAL | {"value": value})
