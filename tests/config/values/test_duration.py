from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.config.values.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5", 1.5), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400),
     (" 1d ", 86400)],
)  # fmt: skip
def test_a_span_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99), st.integers(1, 99))
def test_units_add_up(d: int, h: int, m: int, s: int) -> None:
    assert parse_duration(f"{d}d{h}h{m}m{s}s") == ((d * 24 + h) * 60 + m) * 60 + s


@pytest.mark.parametrize(
    "text", ["", "soon", "1x", "30m2h", "-5", "1e3", "h", "1 h", "0", "0h0m", "nan", "inf"]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_duration(text)
