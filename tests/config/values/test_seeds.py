from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lstm_bench.config.values.seeds import Seeds, first_seeds, parse_seeds

READ = TypeAdapter(Seeds)


@given(st.integers(1, 200))
def test_a_number_counts(count: int) -> None:
    assert parse_seeds(str(count)) == tuple(range(count)) == READ.validate_python(count)


def test_a_number_leaves_out_seeds() -> None:
    assert first_seeds(4, without=(0, 4)) == parse_seeds("4", without=(0, 4)) == (1, 2, 3, 5)


@given(st.integers(0, 10**6), st.integers(0, 100))
def test_a_range_has_both_ends(first: int, more: int) -> None:
    assert parse_seeds(f"{first}-{first + more}") == tuple(range(first, first + more + 1))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=20, unique=True))
def test_a_list_is_itself(seeds: list[int]) -> None:
    assert parse_seeds(",".join(map(str, seeds))) == tuple(seeds) == READ.validate_python(seeds)


@given(st.text(alphabet="0123456789,- x", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        seeds = parse_seeds(text)
    except ValueError:
        return
    assert seeds
    assert len(set(seeds)) == len(seeds)


def test_one_seed_is_a_list_of_one() -> None:
    assert parse_seeds("7,") == (7,) == READ.validate_python([7])
    assert parse_seeds(" 0-1 , 5") == (0, 1, 5)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ("", "expected a count"),
        ("-3", "expected a count"),
        ("a", r"got 'a', expected a count \(5 is 0..4\), a range \(0-4\) or a list \(3,7\)"),
        ("1,,2", "expected a count"),
        ("0", "which is 0 seeds; expected 1 to 10000"),
        ("0-99999999999", "expected 1 to 10000"),
        ("4-0", "the range 4-0 ends before it begins"),
        ("1,2,1", "seeds occur twice: 1"),
        ("0-3,2", "seeds occur twice: 2"),
        ("4294967296,", "got the seed 4294967296, expected one from 0 to 4294967295"),
        ([1, 1], "twice"),
        ([-1], "got the seed -1"),
        ([], "expected a count"),
        ([1.5], "expected a count"),
        (True, "expected a count"),
    ],
)
def test_what_is_none_is_named(given_: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        READ.validate_python(given_)
