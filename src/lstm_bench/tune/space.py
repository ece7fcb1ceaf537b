"""The search space: Optuna's distributions, conditions, nearest points and grids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from lstm_bench.config.sections.parameter import Parameter, Scalar, in_order

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

__all__ = ["active", "distributions", "grid_points", "holds", "nearest", "size", "suggest"]

Space = Mapping[str, Parameter]


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return Optuna's distribution of every parameter, whatever its conditions, in the order of the space."""
    return {key: _distribution(parameter) for key, parameter in space.items()}


def _distribution(parameter: Parameter) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if parameter.choices is not None:
        return CategoricalDistribution(parameter.choices)
    if parameter.int_range is not None:
        return IntDistribution(*parameter.int_range, log=parameter.log, step=int(parameter.step or 1))
    low, high = parameter.span
    return FloatDistribution(low, high, log=parameter.log, step=parameter.step)


def active(space: Space, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the active parameters of a point, each after those it depends on.

    A parameter is active if each parameter that its conditions name is active and has one of the listed values. A
    condition on a parameter that ``params`` lacks is false.
    """
    found: list[str] = []
    for key in in_order(space):
        if holds(space[key], {other: params[other] for other in found if other in params}):
            found.append(key)
    return tuple(found)


def holds(parameter: Parameter, params: Mapping[str, Any]) -> bool:
    """Whether a parameter is active, given the values of the active ones."""
    return all(other in params and params[other] in values for other, values in parameter.when.items())


def suggest(trial: BaseTrial, space: Space) -> dict[str, Scalar]:
    """Sample a trial's active parameters, in an order that respects conditions.

    Numbers with a step are returned without rounding errors.
    """
    params: dict[str, Scalar] = {}
    for key in in_order(space):
        if holds(space[key], params):
            params[key] = nearest(space[key], _sample(trial, key, space[key]))
    return params


def _sample(trial: BaseTrial, key: str, parameter: Parameter) -> Any:
    if parameter.choices is not None:
        return trial.suggest_categorical(key, parameter.choices)
    if parameter.int_range is not None:
        low, high = parameter.int_range
        return trial.suggest_int(key, low, high, step=int(parameter.step or 1), log=parameter.log)
    least, greatest = parameter.span
    return trial.suggest_float(key, least, greatest, step=parameter.step, log=parameter.log)


def nearest(parameter: Parameter, value: Any) -> Scalar:
    """Return the parameter's value nearest to another: on its scale, the lesser of two that are equally near.

    If there is no distance (a text among choices, or None), it is the first choice or the least number.
    """
    if parameter.choices is not None:
        same = [choice for choice in parameter.choices if _same(choice, value)]
        numbers = [choice for choice in parameter.choices if _is_number(choice)]
        if same or not _is_number(value) or not numbers:
            return (same or parameter.choices)[0]
        return min(numbers, key=lambda choice: (abs(choice - value), choice))
    low, high = parameter.span
    if not _is_number(value) or value <= low:
        return low
    if value >= high:
        return high
    if parameter.is_continuous:
        return float(value)
    below = math.floor((value - low) / (parameter.step or 1))
    around = (parameter.at(steps) for steps in range(max(below - 1, 0), min(below + 2, parameter.steps) + 1))
    return min(around, key=lambda point: (_distance(parameter, point, value), point))


def _same(choice: Any, value: Any) -> bool:
    return bool(choice == value) and isinstance(choice, bool) == isinstance(value, bool)


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _distance(parameter: Parameter, point: float, value: float) -> float:
    return abs(math.log(point) - math.log(value)) if parameter.log else abs(point - value)


def size(space: Space) -> int | None:
    """Count the points of a space; None if a parameter is continuous.

    Points that differ only in inactive parameters count as one.
    """
    if any(parameter.is_continuous for parameter in space.values()):
        return None
    conditions = {other for parameter in space.values() for other in parameter.when}
    order = in_order(space)

    def count(position: int, params: Mapping[str, Any]) -> int:
        if position == len(order):
            return 1
        key = order[position]
        parameter = space[key]
        if not holds(parameter, params):
            return count(position + 1, params)
        if key in conditions:
            return sum(count(position + 1, {**params, key: value}) for value in parameter.values())
        return parameter.n_values * count(position + 1, params)

    return count(0, {})


def grid_points(space: Space) -> list[dict[str, Scalar]]:
    """Lay out all points of a space without continuous parameters, the last parameter changing fastest."""
    points: list[dict[str, Scalar]] = [{}]
    for key in in_order(space):
        points = [longer for point in points for longer in _extended(point, key, space[key])]
    return points


def _extended(point: dict[str, Scalar], key: str, parameter: Parameter) -> list[dict[str, Scalar]]:
    if not holds(parameter, point):
        return [point]
    return [{**point, key: value} for value in parameter.values()]
