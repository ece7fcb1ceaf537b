"""Numbers of things in words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Return a number with the noun that it counts, in the singular for 1.

    >>> counted(1, "seed"), counted(2, "seed"), counted(1234, "day"), counted(0, "study")
    ('1 seed', '2 seeds', '1,234 days', '0 studies')
    """
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
    return f"{number:,} {plural}"
