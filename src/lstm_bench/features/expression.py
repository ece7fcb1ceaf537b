"""Expressions of Qlib's language: the text, its tree, and how many days it reaches back and ahead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lstm_bench.core.errors import ExpressionError
from lstm_bench.features.nodes import Call, Field, Node, Number
from lstm_bench.features.operators import OPERATORS
from lstm_bench.features.parser import parse_tree

__all__ = ["Expression", "extent", "parse", "parse_columns"]


@dataclass(frozen=True)
class Expression:
    """A parsed expression."""

    text: str  # the expression as written
    root: Node  # its tree
    fields: tuple[str, ...] = field(init=False, compare=False)  # names of the fields that it reads, sorted
    # upper-case codes of the instruments that ``ChangeInstrument`` or ``Mask`` name, sorted
    instruments: tuple[str, ...] = field(init=False, compare=False)
    # days of history that Qlib loads before the first and after the last day asked for
    left: int = field(init=False, compare=False)
    right: int = field(init=False, compare=False)
    # days after a row's own that its value depends on; 0 if it depends on the past alone
    ahead: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        leaves = tuple(_leaves(self.root))
        left, right = _reach(self.root)
        object.__setattr__(self, "fields", tuple(sorted({leaf.name for leaf in leaves})))
        object.__setattr__(
            self, "instruments", tuple(sorted({leaf.instrument for leaf in leaves if leaf.instrument}))
        )
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "right", right)
        object.__setattr__(self, "ahead", max(_ahead(self.root), 0))


def parse(text: str) -> Expression:
    """Parse one expression.

    Raises ExpressionError if the text is not in the language, names an unknown or refused operator, or passes an
    operator an argument that it does not take. The message has the text, the position (from 1), what came and what
    was expected.
    """
    return Expression(text, parse_tree(text))


def parse_columns(columns: Mapping[str, str], kind: str) -> dict[str, Expression]:
    """Parse expressions by name.

    Raises ExpressionError as :func:`parse`; the message begins with ``kind`` (such as ``feature``) and the name.
    """
    parsed = {}
    for name, text in columns.items():
        try:
            parsed[name] = parse(text)
        except ExpressionError as error:
            raise ExpressionError(str(error) if name == text else f"{kind} {name!r}: {error}") from error
    return parsed


def extent(expressions: Iterable[Expression | str]) -> tuple[int, int]:
    """Days of bars ``(left, right)`` that expressions need before the first and after the last requested day."""
    parsed = [parse(item) if isinstance(item, str) else item for item in expressions]
    return max((item.left for item in parsed), default=0), max((item.right for item in parsed), default=0)


def _leaves(node: Node) -> Iterable[Field]:
    match node:
        case Field():
            yield node
        case Call(operands=operands):
            for operand in operands:
                yield from _leaves(operand)


def _reach(node: Node) -> tuple[int, int]:
    if not isinstance(node, Call):
        return 0, 0
    return OPERATORS[node.operator].extent(node.window, [_reach(operand) for operand in node.operands])


def _ahead(node: Node) -> int:
    """Return the offset in days from a row's day to the last day that its value uses; negative for an earlier day."""
    if not isinstance(node, Call):
        return 0
    unshifted = max(_ahead(operand) for operand in node.operands if not isinstance(operand, Number))
    if node.window is None or node.window == 0 or node.operator not in ("Ref", "Delta"):
        return unshifted
    shifted = unshifted - int(node.window)  # negative windows look ahead
    return shifted if node.operator == "Ref" else max(unshifted, shifted)
