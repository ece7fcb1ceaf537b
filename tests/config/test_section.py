"""What holds for every section of a configuration."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lstm_bench.config.section import Section


class Costs(Section):
    days: int | None = None
    rate: float = 0.5
    switch: bool | int = 0


@pytest.mark.parametrize("key", ["days", "rate"])
@pytest.mark.parametrize("value", [True, False])
def test_true_and_false_are_no_numbers(key: str, value: bool) -> None:
    with pytest.raises(ValidationError, match=f"got {str(value).lower()}, expected a (whole )?number"):
        Costs.model_validate({key: value})


def test_true_and_false_stay_where_they_are_meant() -> None:
    assert Costs.model_validate({"switch": True}).switch is True
