"""Nodes of a parsed expression: a frozen tree of numbers, fields and calls of operators."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_bench.features.operators import Window

__all__ = ["Call", "Field", "Node", "Number"]


@dataclass(frozen=True)
class Number:
    """A plain number."""

    value: int | float


@dataclass(frozen=True)
class Field:
    """A field of the bars.

    Attributes
    ----------
    name : lower-case, without ``$``
    instrument : upper-case code of the instrument that it is read from; None for the row's own
    """

    name: str
    instrument: str | None = None


@dataclass(frozen=True)
class Call:
    """An operator over operands.

    Attributes
    ----------
    operator : a name in :data:`lstm_bench.features.operators.OPERATORS`
    operands : the operator's operands, in order
    window : N, if the operator has one
    quantile : ``qscore`` of ``Quantile``
    """

    operator: str
    operands: tuple[Node, ...]
    window: Window | None = None
    quantile: float | None = None


Node = Number | Field | Call
