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
    """A field of the bars."""

    name: str  # lower-case, without ``$``
    # upper-case code of the instrument that it is read from; None for the row's own
    instrument: str | None = None


@dataclass(frozen=True)
class Call:
    """An operator over operands."""

    operator: str  # a name in :data:`lstm_bench.features.operators.OPERATORS`
    operands: tuple[Node, ...]  # the operator's operands, in order
    window: Window | None = None  # N, if the operator has one
    quantile: float | None = None  # ``qscore`` of ``Quantile``


Node = Number | Field | Call
