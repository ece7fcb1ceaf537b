"""The parser of Qlib's expression language.

``Mean($close, 5)/$close`` is Python's syntax, with ``$name`` for a field of the bars. Python's own parser reads it;
nothing in it is executed. Arithmetic between plain numbers is computed while parsing.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

from lstm_bench.core.errors import ExpressionError, choices_hint
from lstm_bench.features.nodes import Call, Field, Node, Number
from lstm_bench.features.operators import LEAST_ALPHA, MOST_DAYS, OPERATORS, REFUSED, Kind, Operator, Window

__all__ = ["parse_tree"]

_BINARY = {
    ast.Add: "Add",
    ast.Sub: "Sub",
    ast.Mult: "Mul",
    ast.Div: "Div",
    ast.Pow: "Power",
    ast.BitAnd: "And",
    ast.BitOr: "Or",
    ast.Gt: "Gt",
    ast.GtE: "Ge",
    ast.Lt: "Lt",
    ast.LtE: "Le",
    ast.Eq: "Eq",
    ast.NotEq: "Ne",
}

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
}

_AGGREGATIONS = {
    "mean": "Mean",
    "sum": "Sum",
    "std": "Std",
    "var": "Var",
    "skew": "Skew",
    "kurt": "Kurt",
    "max": "Max",
    "min": "Min",
    "median": "Med",
    "count": "Count",
}

# ``$`` is not allowed in Python's names: a field becomes a call, as in Qlib
_FIELD = re.compile(r"(\$\$?)([\w\u3001\uff1a\uff08\uff09]+)")


def parse_tree(text: str) -> Node:
    """Parse one expression into its tree; raise :class:`ExpressionError` if the text is not in the language."""
    return _Parser(text).parse()


def _as_python(text: str) -> tuple[str, list[tuple[int, int, int]]]:
    """Translate a text to Python; return the code, and each piece's start in the code, start in the text and length."""
    code, starts, end = "", [], len(text) - len(text.lstrip())
    for match in _FIELD.finditer(text):
        starts += [(len(code), end, match.start() - end)]
        code += text[end : match.start()]
        starts += [(len(code), match.start(), 0)]
        code += f"{'P' * (match[1] == '$$')}Feature({match[2]!r})"
        end = match.end()
    starts += [(len(code), end, len(text) - end)]
    return (code + text[end:]).rstrip(), starts


class _Parser:
    """Converts Python's syntax tree of one text into nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.instrument: str | None = None  # that ChangeInstrument or Mask names, while their operand is read
        self.at: ast.expr | None = None  # the part being read
        self.code, self.starts = _as_python(text)

    def parse(self) -> Node:
        try:
            node = self.visit(ast.parse(self.code, mode="eval").body)
        except SyntaxError as error:
            place = (error.lineno, error.offset - 1) if error.lineno and error.offset else None
            raise self.error(f"is not an expression: {error.msg}", place=place) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise self.error(f"is not an expression: {error or type(error).__name__}") from error
        if isinstance(node, Number):
            raise self.error("is a plain number; expected at least one field, such as $close")
        return node

    def error(
        self, message: str, at: ast.expr | None = None, place: tuple[int, int] | None = None
    ) -> ExpressionError:
        """Return the error of the part being read, of ``at``, or at a place in the code."""
        at = at or self.at
        if at is not None:
            line = self.code.splitlines()[at.lineno - 1]
            place = at.lineno, len(line.encode()[: at.col_offset].decode())
        where = f", position {self.position(*place)}" if place else ""
        return ExpressionError(f"expression {self.text!r}{where}: {message}")

    def position(self, line: int, column: int) -> int:
        """Position in the text (from 1) of a place in the code (line from 1, column from 0)."""
        index = sum(map(len, self.code.splitlines(keepends=True)[: line - 1])) + column
        code_start, text_start, length = next(start for start in reversed(self.starts) if start[0] <= index)
        return text_start + min(index - code_start, length) + 1

    def visit(self, tree: ast.expr) -> Node:
        outer, self.at = self.at, tree
        node = self.read(tree)
        self.at = outer
        return node

    def read(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Constant(value=bool()):
                raise self.error(f"got {ast.unparse(tree)}, expected a number, a field or an operator")
            case ast.Constant(value=int() | float() as value):
                return Number(value)
            case ast.UnaryOp():
                return self.unary(tree)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self.pair(_BINARY[type(op)], left, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _BINARY:
                return self.pair(_BINARY[type(op)], left, right)
            case ast.Compare(ops=[_, _, *_]):
                raise self.error("chains comparisons; write And(a < b, b < c)")
            case ast.BoolOp():
                raise self.error("uses 'and' or 'or'; write & or |, or And(...) or Or(...)")
            case ast.Call(func=ast.Name(id=name)):
                return self.call(name, tree)
            case ast.Name(id=name):
                raise self.error(f"got the bare name {name!r}; a field is written ${name}")
            case _:
                raise self.error(
                    f"{ast.unparse(tree)!r} is not in the language; expected numbers, $fields and operators"
                )

    def unary(self, tree: ast.UnaryOp) -> Node:
        operand = self.visit(tree.operand)
        if isinstance(operand, Number) and isinstance(tree.op, ast.USub | ast.UAdd):
            return Number(-operand.value if isinstance(tree.op, ast.USub) else operand.value)
        match tree.op:
            case ast.USub():
                raise self.error("has a unary minus, which the language does not have; write 0-x or (-1)*x")
            case ast.UAdd():
                raise self.error("has a unary plus, which the language does not have; leave it out")
            case _:
                raise self.error("uses 'not' or '~'; write Not(x)")

    def pair(self, name: str, left: ast.expr, right: ast.expr) -> Node:
        operands = self.visit(left), self.visit(right)
        if not (isinstance(operands[0], Number) and isinstance(operands[1], Number)):
            return Call(name, operands)
        if name not in _ARITHMETIC:
            raise self.error("expected + - * / between plain numbers; compare, raise or join fields instead")
        try:
            return Number(_ARITHMETIC[name](operands[0].value, operands[1].value))
        except (ZeroDivisionError, OverflowError) as error:
            raise self.error(f"{error}, between plain numbers") from error

    def call(self, name: str, tree: ast.Call) -> Node:
        if name == "Feature":
            return self.leaf(tree)
        if name in REFUSED:
            raise self.error(f"operator {name!r} is refused: {REFUSED[name]}")
        if name not in OPERATORS:
            raise self.error(f"unknown operator {name!r}; {choices_hint(name, OPERATORS)}")
        spec = OPERATORS[name]
        arguments = self.bind(name, spec, tree)
        if spec.kind is Kind.INSTRUMENT:
            return self.other_instrument(name, arguments)
        operands = tuple(
            self.operand(name, spec, parameter, argument)
            for parameter, argument in arguments.items()
            if parameter not in ("N", "qscore", "func")
        )
        if all(isinstance(operand, Number) for operand in operands):
            raise self.error(f"{name} is given plain numbers only; expected at least one field")
        window = self.window(name, spec, arguments["N"]) if "N" in arguments else None
        quantile = self.quantile(arguments["qscore"]) if "qscore" in arguments else None
        if "func" in arguments:
            name = self.aggregation(arguments["func"])
            self.window(name, OPERATORS[name], arguments["N"])
        return Call(name, operands, window, quantile)

    def leaf(self, tree: ast.Call) -> Field:
        match tree:
            case ast.Call(args=[ast.Constant(value=str() as name)], keywords=[]) if name:
                return Field(name.lower(), self.instrument)
            case _:
                raise self.error("Feature expects one name in quotes; better write $close")

    def bind(self, name: str, spec: Operator, tree: ast.Call) -> dict[str, ast.expr]:
        """Bind positional and keyword arguments to parameters."""
        signature = f"{name}({', '.join(spec.parameters)})"
        bound = dict(zip(spec.parameters, tree.args, strict=False))
        for keyword in tree.keywords:
            if keyword.arg not in spec.parameters or keyword.arg in bound:
                raise self.error(f"{name} is given {keyword.arg or '**'!r}; expected {signature}")
            bound[keyword.arg] = keyword.value
        if len(tree.args) + len(tree.keywords) != len(spec.parameters):
            raise self.error(
                f"{name} is given {len(tree.args) + len(tree.keywords)} arguments; expected {signature}"
            )
        return {parameter: bound[parameter] for parameter in spec.parameters}

    def operand(self, name: str, spec: Operator, parameter: str, tree: ast.expr) -> Node:
        node = self.visit(tree)
        if isinstance(node, Number) and parameter not in spec.numbers:
            raise self.error(
                f"{name} is given the number {node.value} as its {parameter}; expected a field or an operator",
                tree,
            )
        return node

    def other_instrument(self, name: str, arguments: dict[str, ast.expr]) -> Node:
        """Read the operand with another instrument: every field below becomes that instrument's."""
        outer = self.instrument
        self.instrument = self.string(name, "instrument", arguments["instrument"]).upper()
        node = self.operand(name, OPERATORS[name], "feature", arguments["feature"])
        self.instrument = outer
        return node

    def string(self, name: str, parameter: str, tree: ast.expr) -> str:
        if isinstance(tree, ast.Constant) and isinstance(tree.value, str) and tree.value:
            return tree.value
        raise self.error(
            f"{name} is given {ast.unparse(tree)} as its {parameter}; expected a text in quotes", tree
        )

    def aggregation(self, tree: ast.expr) -> str:
        func = self.string("Rolling", "func", tree)
        if func not in _AGGREGATIONS:
            raise self.error(f"Rolling is given func {func!r}; {choices_hint(func, _AGGREGATIONS)}", tree)
        return _AGGREGATIONS[func]

    def window(self, name: str, spec: Operator, tree: ast.expr) -> Window:
        node = self.visit(tree)
        value = node.value if isinstance(node, Number) else None
        if isinstance(value, int):
            if value > 0:
                allowed = spec.smallest_window <= value <= MOST_DAYS
            else:
                allowed = spec.expanding if value == 0 else spec.negative and value >= -MOST_DAYS
            if allowed:
                return value
        elif isinstance(value, float) and spec.fractional and LEAST_ALPHA <= value < 1:
            return value
        expected = [f"a negative whole number from -{MOST_DAYS}"] * spec.negative + ["0"] * spec.expanding
        expected += [f"a whole number of days from {spec.smallest_window} to {MOST_DAYS}"]
        expected += [f"an alpha from {LEAST_ALPHA} to below 1"] * spec.fractional
        raise self.error(f"{name} is given N = {ast.unparse(tree)}; expected {' or '.join(expected)}", tree)

    def quantile(self, tree: ast.expr) -> float:
        node = self.visit(tree)
        if isinstance(node, Number) and 0 <= node.value <= 1:
            return float(node.value)
        raise self.error(
            f"Quantile is given qscore = {ast.unparse(tree)}; expected a number from 0 to 1", tree
        )
