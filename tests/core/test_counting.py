from __future__ import annotations

import doctest

from lstm_bench.core import counting


def test_one_is_in_the_singular() -> None:
    assert doctest.testmod(counting).failed == 0
    for noun, several in (
        ("day", "days"),
        ("finding", "findings"),
        ("study", "studies"),
        ("entry", "entries"),
    ):
        assert counting.counted(1, noun) == f"1 {noun}"
        assert counting.counted(0, noun) == f"0 {several}"
        assert counting.counted(12_345, noun) == f"12,345 {several}"
