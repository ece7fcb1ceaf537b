"""Lists of seeds: a count, a range, or the seeds themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import count, islice
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.core.counting import counted

__all__ = ["Seeds", "first_seeds", "is_count", "parse_seeds", "seed_list"]

_MOST = 10_000
_END = 2**32
_EXPECTED = "a count (5 is 0..4), a range (0-4) or a list (3,7)"


def is_count(text: str) -> bool:
    """Whether a text is a number of seeds."""
    return re.fullmatch(r"\s*[0-9]+\s*", text) is not None


def parse_seeds(text: str, without: Collection[int] = ()) -> tuple[int, ...]:
    """Read seeds.

    >>> parse_seeds("3"), parse_seeds("1000-1002"), parse_seeds("3,7"), parse_seeds("0-2,9")
    ((0, 1, 2), (1000, 1001, 1002), (3, 7), (0, 1, 2, 9))
    >>> parse_seeds("3", without=[1])
    (0, 2, 3)

    Raises ValueError if the text has none of these forms, or a seed occurs twice or is too large for NumPy and
    PyTorch.
    A count skips the seeds ``without``; a range or a list does not.
    """
    whole = text.strip()
    if is_count(whole):
        spans = [(0, int(whole) - 1)]
    else:
        spans = [_span(part.strip(), text) for part in whole.removesuffix(",").split(",")]
    number = sum(last - first + 1 for first, last in spans)
    if not 1 <= number <= _MOST:
        raise ValueError(f"got {text!r}, which is {counted(number, 'seed')}; expected 1 to {_MOST}")
    if is_count(whole):
        return first_seeds(number, without)
    return _checked(tuple(seed for first, last in spans for seed in range(first, last + 1)))


def first_seeds(number: int, without: Collection[int] = ()) -> tuple[int, ...]:
    """Return the least seeds that are not among ``without``.

    >>> first_seeds(3), first_seeds(3, without=[1])
    ((0, 1, 2), (0, 2, 3))
    """
    return tuple(islice((seed for seed in count() if seed not in without), number))


def seed_list(seeds: Sequence[int]) -> str:
    """Write seeds in the form that :func:`parse_seeds` reads, consecutive ones as ranges.

    >>> seed_list([0, 1, 2, 9]), seed_list([3, 4]), seed_list([7])
    ('0-2,9', '3-4', '7,')
    """
    spans: list[list[int]] = []
    for seed in seeds:
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    text = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
    return f"{text}," if len(seeds) == 1 else text


def _span(part: str, text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]+)(?:\s*-\s*([0-9]+))?", part)
    if match is None:
        raise ValueError(f"got {text!r}, expected {_EXPECTED}")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError(f"got {text!r}; the range {part} ends before it begins")
    return first, last


def _checked(seeds: tuple[int, ...]) -> tuple[int, ...]:
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1}) if len(set(seeds)) < len(seeds) else []
    if twice:
        raise ValueError(f"seeds occur twice: {', '.join(map(str, twice))}")
    wrong = [seed for seed in seeds if not 0 <= seed < _END]
    if wrong:
        raise ValueError(f"got the seed {wrong[0]}, expected one from 0 to {_END - 1}")
    return seeds


def _read(value: Any) -> tuple[int, ...]:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return parse_seeds(str(value))
    if not isinstance(value, list | tuple) or not all(type(seed) is int for seed in value) or not value:
        raise ValueError(f"got {value_with_kind(value)}, expected {_EXPECTED}")
    return _checked(tuple(value))


Seeds = Annotated[tuple[int, ...], BeforeValidator(_read), Field(description=_EXPECTED)]
"""Distinct seeds, in the file's order."""
