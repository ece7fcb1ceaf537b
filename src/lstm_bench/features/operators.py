"""The operators of the expression language: their parameters, limits and reach.

This table is Qlib's ``qlib/data/ops.py`` as data. It imports no kernel, so that a text can be parsed and checked
without loading numba; :mod:`lstm_bench.features.compute` computes the operators.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["LEAST_ALPHA", "MOST_DAYS", "OPERATORS", "REFUSED", "Kind", "Operator", "Window"]

#: A window: a number of days, 0 for everything since the start, or the alpha in (0, 1) of an exponential
#: mean.
Window = int | float

#: The longest window or shift, in days; an exponential mean of the smallest alpha reaches about as far.
MOST_DAYS = 2**31 - 1
LEAST_ALPHA = 1e-8

#: The share of weight that Qlib lets an exponential mean lose at its left end.
_EWM_TAIL = 1e-6

REFUSED = {
    "P": "point-in-time data are not supported",
    "PRef": "point-in-time data are not supported",
    "PFeature": "point-in-time data are not supported",
    "TResample": "resampling changes the calendar and is not supported",
}


class Kind(Enum):
    """The use of an instrument's history by an operator."""

    ELEMENTWISE = auto()
    ROLLING = auto()
    SHIFT = auto()
    INSTRUMENT = auto()  # reads its operand from another instrument


@dataclass(frozen=True)
class Operator:
    """One operator."""

    # names as in Qlib, in order. ``N`` is the window, ``qscore`` a quantile, ``instrument`` a code and ``func`` the
    # name of a pandas aggregation; every other one is an operand.
    parameters: tuple[str, ...]
    kind: Kind = Kind.ELEMENTWISE  # how it uses an instrument's history
    numbers: frozenset[str] = frozenset()  # the operands that may be plain numbers
    smallest_window: int = 1  # the smallest N, apart from 0 and fractions
    fractional: bool = False  # whether ``0 < N < 1`` means an exponential mean
    expanding: bool = True  # whether ``N = 0`` is allowed
    negative: bool = False  # whether ``N < 0``, a look ahead, is allowed
    # whether values depend on where the history starts, for any N: recursive sums that carry rounding errors along,
    # or a reach longer than the window that Qlib loads
    starts: bool = False

    def depends_on_start(self, window: Window | None) -> bool:
        """Whether values depend on the first day of the history."""
        return self.starts or (window is not None and 0 <= window < 1)

    def extent(self, window: Window | None, operands: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """Days needed before the first and after the last requested day.

        Returns left, right: as Qlib's ``get_extended_window_size``. A window takes N - 1 days on the left, a shift N
        days on its side, an exponential mean of alpha N as many days as its weight needs to fall to a millionth.
        ``operands`` are the extents of the operands.
        """
        left = max((operand[0] for operand in operands), default=0)
        right = max((operand[1] for operand in operands), default=0)
        if window is None or window == 0:
            return left, right
        if self.kind is Kind.SHIFT:
            return max(left + int(window), left), max(right - int(window), right)
        days = int(math.log(_EWM_TAIL) / math.log(1 - window)) if 0 < window < 1 else int(window)
        return max(left + days - 1, left), right


def _rolling(**limits: bool | int) -> Operator:
    return Operator(("feature", "N"), Kind.ROLLING, **limits)  # type: ignore[arg-type]


_LEFT_RIGHT = ("feature_left", "feature_right")
_ELEMENT = Operator(("feature",))
_PAIR = Operator(_LEFT_RIGHT, numbers=frozenset(_LEFT_RIGHT))
_PAIR_ROLLING = Operator((*_LEFT_RIGHT, "N"), Kind.ROLLING, expanding=False)

OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(("Abs", "Sign", "Log", "Not"), _ELEMENT),
    **dict.fromkeys(("Power", "Add", "Sub", "Mul", "Div", "Greater", "Less"), _PAIR),
    **dict.fromkeys(("Gt", "Ge", "Lt", "Le", "Eq", "Ne", "And", "Or"), _PAIR),
    "If": Operator(("condition", *_LEFT_RIGHT), numbers=frozenset(_LEFT_RIGHT)),
    "Ref": Operator(("feature", "N"), Kind.SHIFT, negative=True),
    "Delta": _rolling(negative=True, starts=True),
    **dict.fromkeys(("Mean", "Sum", "Std", "Var", "Max", "Min", "Med", "Count"), _rolling(fractional=True)),
    "Skew": _rolling(smallest_window=3),
    "Kurt": _rolling(smallest_window=4),
    **dict.fromkeys(("IdxMax", "IdxMin", "Rank", "Mad", "WMA"), _rolling()),
    "Quantile": Operator(("feature", "N", "qscore"), Kind.ROLLING),
    **dict.fromkeys(("Slope", "Rsquare", "Resi"), _rolling(starts=True)),
    "EMA": _rolling(fractional=True, starts=True),
    **dict.fromkeys(("Corr", "Cov"), _PAIR_ROLLING),
    "Rolling": Operator(("feature", "N", "func"), Kind.ROLLING, fractional=True),
    "ChangeInstrument": Operator(("instrument", "feature"), Kind.INSTRUMENT),
    "Mask": Operator(("feature", "instrument"), Kind.INSTRUMENT),
}
