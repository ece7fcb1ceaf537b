"""The plan: many expressions as one list of tasks, in which each distinct sub-expression is computed once.

Qlib computes each expression separately, from its own first day. Most values do not depend on that day, and all
expressions share them. Values that do (:meth:`Operator.depends_on_start`) are shared by expressions with the same
first day. Results of one pass over a window (an extreme and its place, order statistics, a regression) are one task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_bench.features.expression import Expression
from lstm_bench.features.nodes import Call, Field, Node, Number
from lstm_bench.features.operators import OPERATORS, Kind, Window

__all__ = ["Apply", "Load", "Plan", "Step", "Task"]

#: Days ``[start, stop)`` that a field is read on, None for all of them.
Rows = tuple[int, int] | None

# Operators that share a pass over a window.
_PASS = {
    **dict.fromkeys(("Max", "IdxMax"), "highest"),
    **dict.fromkeys(("Min", "IdxMin"), "lowest"),
    **dict.fromkeys(("Quantile", "Rank", "Med"), "order"),
    **dict.fromkeys(("Slope", "Rsquare", "Resi"), "regression"),
}

# To all other rolling operators an infinite value is a missing one.
_KEEP_INFINITE = ("Slope", "Rsquare", "Resi", "Count")


@dataclass(frozen=True)
class Load:
    """A field on some days, of one instrument or (None) of each instrument itself."""

    field: str
    instrument: str | None
    rows: Rows


@dataclass(frozen=True)
class Apply:
    """An operator over the values of earlier steps.

    Attributes
    ----------
    operator
        An operator of the language, or ``Exponential`` (mean with ``window`` as its alpha), ``Double`` (as float64),
        ``Finite`` (as float64, infinite values missing) or ``Unsteady`` (the first input, missing where the second, a
        standard deviation, is nearly zero).
    inputs : slots of the operands, which are steps or numbers of the plan
    window, quantile : as in :class:`lstm_bench.features.nodes.Call`
    """

    operator: str
    inputs: tuple[int, ...]
    window: Window | None = None
    quantile: float | None = None


Step = Load | Apply


@dataclass(frozen=True)
class Task:
    """Steps that are computed together."""

    # a single step, or those of one pass over a window, which share inputs and window
    steps: tuple[Step, ...]
    slots: tuple[int, ...]  # slots of their values
    results: tuple[tuple[int, int], ...]  # pairs (position of an expression, slot) that this task completes
    finished: tuple[int, ...]  # slots that no later task needs
    text: str  # the first expression that needs it, for messages


class Plan:
    """Tasks, in order, for some expressions.

    The bars have ``rows`` days; values are requested on ``begin`` to before ``end``.
    ``numbers`` maps slots to plain numbers. ``tasks`` are in an order in which operands come first.
    """

    def __init__(self, expressions: Sequence[Expression], begin: int, end: int, rows: int) -> None:
        self.numbers: dict[int, int | float] = {}
        self._steps: dict[int, Step] = {}
        self._slots: dict[Step | str, int] = {}
        self._texts: dict[int, str] = {}
        self._begin, self._end, self._rows = begin, end, rows
        roots = []
        for item in expressions:
            roots.append(self._place(item.root, None, self._own_rows(item)))
            self._texts.update((slot, item.text) for slot in range(len(self._texts), len(self._slots)))
        self.tasks = self._order(roots)

    def _own_rows(self, expression: Expression) -> Rows:
        """Days that Qlib would load for this expression alone."""
        loaded = max(0, self._begin - expression.left), min(self._rows, self._end + expression.right)
        return None if loaded == (0, self._rows) else loaded

    def _intern(self, step: Step) -> int:
        slot = self._slots.setdefault(step, len(self._slots))
        self._steps[slot] = step
        return slot

    def _intern_number(self, value: int | float) -> int:
        # by its text: 1 and 1.0, or 0.0 and -0.0, are equal but give different results
        slot = self._slots.setdefault(repr(value), len(self._slots))
        self.numbers[slot] = value
        return slot

    def _place(self, node: Node, rows: Rows, loaded: Rows) -> int:
        """Slot of a node with fields read on the days ``rows``, in an expression that loads the days ``loaded``."""
        match node:
            case Number(value=value):
                return self._intern_number(value)
            case Field(name=name, instrument=instrument):
                return self._intern(Load(name, instrument, rows))
        spec = OPERATORS[node.operator]
        below = loaded if spec.depends_on_start(node.window) else rows
        inputs = tuple(self._place(operand, below, loaded) for operand in node.operands)
        if spec.kind is not Kind.ROLLING or node.operator == "Delta":
            return self._intern(Apply(node.operator, inputs, node.window))
        return self._place_rolling(node, inputs, rows, loaded)

    def _place_rolling(self, node: Call, inputs: tuple[int, ...], rows: Rows, loaded: Rows) -> int:
        window = node.window
        alpha = _alpha(node)
        keeps_infinite = node.operator in _KEEP_INFINITE and alpha is None
        doubles = tuple(
            self._intern(Apply("Double" if keeps_infinite else "Finite", (slot,))) for slot in inputs
        )
        if alpha is not None:
            return self._intern(Apply("Exponential", doubles, alpha))
        slot = self._intern(Apply(node.operator, doubles, window, node.quantile))
        if node.operator == "Rsquare" and window != 0:
            deviation = self._place(Call("Std", node.operands, window), rows, loaded)
            slot = self._intern(Apply("Unsteady", (slot, deviation)))
        return slot

    def _order(self, roots: Sequence[int]) -> tuple[Task, ...]:
        """Order tasks so that inputs come first and values are dropped early."""
        passes: dict[object, list[int]] = {}
        for slot, step in self._steps.items():
            passes.setdefault(_pass(slot, step), []).append(slot)
        groups: list[tuple[int, ...]] = []
        placed: set[int] = set()
        ready: dict[int, list[int]] = {}

        def visit(slot: int) -> None:
            if slot in placed or slot in self.numbers:
                return
            step = self._steps[slot]
            for source in step.inputs if isinstance(step, Apply) else ():
                visit(source)
            group = tuple(passes[_pass(slot, step)])
            placed.update(group)
            groups.append(group)

        for position, root in enumerate(roots):
            visit(root)
            ready.setdefault(root, []).append(position)
        return self._finish(groups, ready)

    def _finish(self, groups: Sequence[tuple[int, ...]], ready: dict[int, list[int]]) -> tuple[Task, ...]:
        last_use: dict[int, int] = {}
        for place, group in enumerate(groups):
            for slot in group:
                step = self._steps[slot]
                last_use[slot] = place
                for source in step.inputs if isinstance(step, Apply) else ():
                    if source not in self.numbers:
                        last_use[source] = place
        finished: list[list[int]] = [[] for _ in groups]
        for slot, place in last_use.items():
            finished[place].append(slot)
        return tuple(
            Task(
                steps=tuple(self._steps[slot] for slot in group),
                slots=group,
                results=tuple((position, slot) for slot in group for position in ready.get(slot, ())),
                finished=tuple(finished[place]),
                text=self._texts[group[0]],
            )
            for place, group in enumerate(groups)
        )


def _pass(slot: int, step: Step) -> object:
    """Key that steps of one pass over a window share."""
    if isinstance(step, Apply) and step.operator in _PASS:
        return _PASS[step.operator], step.inputs, step.window
    return slot


def _alpha(node: Call) -> float | None:
    """Weight of the newest day if a node is an exponential mean (EMA, or ``0 < N < 1``), else None."""
    if node.window is None or node.window == 0:
        return None
    if node.window < 1:
        return float(node.window)
    return 2.0 / (node.window + 1.0) if node.operator == "EMA" else None
