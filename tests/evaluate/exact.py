"""Figures by their definitions, in exact rational arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

Exact = Sequence[Fraction]


def exact(values: Iterable[float]) -> list[Fraction]:
    return [Fraction(value) for value in values]


def mean(values: Exact) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def variance(values: Exact) -> Fraction:
    middle = mean(values)
    return sum(((value - middle) ** 2 for value in values), Fraction(0)) / (len(values) - 1)


def root(value: Fraction) -> float:
    """Square root of a fraction of any magnitude."""
    shift = (value.numerator.bit_length() - value.denominator.bit_length()) // 2
    return math.ldexp(math.sqrt(value / Fraction(4) ** shift), shift)


def ranks(values: Exact) -> list[Fraction]:
    below = [sum(other < value for other in values) for value in values]
    equal = [sum(other == value for other in values) for value in values]
    return [Fraction(2 * low + 1 + same, 2) for low, same in zip(below, equal, strict=True)]


def correlation(x: Exact, y: Exact) -> float:
    """Pearson's; NaN where a side has one value."""
    if len(x) < 2 or len(set(x)) == 1 or len(set(y)) == 1:
        return math.nan
    dx, dy = ([value - mean(side) for value in side] for side in (x, y))
    xy, xx, yy = (
        sum((a * b for a, b in zip(*sides, strict=True)), Fraction(0))
        for sides in ((dx, dy), (dx, dx), (dy, dy))
    )
    return (1 if xy > 0 else -1) * root(xy * xy / (xx * yy))


def wealth(returns: Exact) -> list[Fraction]:
    """Value of 1 at the end of each day; it stays 0 after a total loss."""
    curve, now = [], Fraction(1)
    for one in returns:
        now *= 1 + max(one, Fraction(-1))
        curve.append(now)
    return curve


def power_less_one(base: Fraction, exponent: Fraction) -> float:
    """``base ** exponent - 1`` to the last digit of a float."""
    if base == 0:
        return -1.0
    with localcontext(prec=60):
        whole = Decimal(base.numerator).ln() - Decimal(base.denominator).ln()
        return float((whole * exponent.numerator / exponent.denominator).exp() - 1)


def log(value: Fraction) -> Fraction:
    with localcontext(prec=60):
        return Fraction(Decimal(value.numerator).ln() - Decimal(value.denominator).ln())


def below_high(curve: Exact, initial: Fraction | None, *, as_share: bool) -> list[Fraction]:
    """Distance of each value below the highest so far, including the initial one if there is one."""
    found, high = [], initial
    for value in curve:
        high = value if high is None else max(high, value)
        found.append(value / high - 1 if as_share else value - high)
    return found


def longest_run_below(below: Exact) -> int:
    longest = now = 0
    for value in below:
        now = now + 1 if value < 0 else 0
        longest = max(longest, now)
    return longest


def quantile(values: Exact, share: Fraction) -> Fraction:
    """Interpolated linearly between the sorted values."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
