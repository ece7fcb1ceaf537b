from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

from lstm_bench.config.sections.parameter import Parameter
from lstm_bench.tune.space import active, distributions, grid_points, nearest, size, suggest


def space(**content: Mapping[str, Any]) -> dict[str, Parameter]:
    return {key: Parameter.model_validate(entry) for key, entry in content.items()}


LAYERS = space(
    c={"float": [0.0, 0.2], "step": 0.1, "when": {"b": ["x"]}},
    b={"choices": ["x", "y"], "when": {"a": [2, 3]}},
    a={"int": [1, 3]},
    d={"choices": [True, False]},
)


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    kind = draw(st.sampled_from(["numbers", "texts", "int", "float"]))
    if kind == "numbers":
        return Parameter(choices=tuple(draw(st.lists(st.integers(-50, 50), min_size=1, unique=True))))
    if kind == "texts":
        return Parameter(choices=tuple(draw(st.lists(st.text("ab"), min_size=1, unique=True))))
    low = draw(st.integers(1, 50))
    steps, step = draw(st.integers(0, 20)), draw(st.integers(1, 7))
    scale = draw(st.sampled_from(["linear", "log", "step"]))
    rests: dict[str, dict[str, Any]] = {
        "linear": {},
        "log": {"log": True},
        "step": {"step": step if kind == "int" else step / 10},
    }
    rest = rests[scale]
    if kind == "int":
        return Parameter.model_validate({"int": [low, low + steps * step], **rest})
    return Parameter.model_validate({"float": [low / 10, round((low + steps * step) / 10, 1)], **rest})


def test_distributions_are_optunas() -> None:
    found = distributions(
        space(
            a={"choices": [3, "x", True]}, b={"int": [1, 9], "step": 4}, c={"int": [1, 9], "log": True},
            d={"float": [0, 1], "step": 0.25}, e={"float": [0.1, 1], "log": True}, f={"int": [1, 3]},
        )
    )  # fmt: skip
    assert found == {
        "a": CategoricalDistribution([3, "x", True]), "b": IntDistribution(1, 9, step=4),
        "c": IntDistribution(1, 9, log=True), "d": FloatDistribution(0, 1, step=0.25),
        "e": FloatDistribution(0.1, 1, log=True), "f": IntDistribution(1, 3),
    }  # fmt: skip


@given(parameters(), st.floats(-1e3, 1e3))
def test_the_nearest_value_is_there_and_none_is_nearer(parameter: Parameter, value: float) -> None:
    found = nearest(parameter, value)
    assert parameter.contains(found)
    assert nearest(parameter, found) == found
    if parameter.contains(value):
        assert found == pytest.approx(value, abs=1e-6)
    if parameter.is_continuous or isinstance(found, str):
        return
    assume(not parameter.log or value > 0)
    scale = math.log if parameter.log else float

    def distance(point: Any) -> float:
        return abs(scale(point) - scale(value))

    assert distance(found) == pytest.approx(min(map(distance, parameter.values())), abs=1e-12)


@given(parameters(), st.integers(0, 100))
def test_optuna_agrees_on_what_is_inside(parameter: Parameter, seed: int) -> None:
    (distribution,) = distributions({"x": parameter}).values()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    drawn = suggest(trial, {"x": parameter})["x"]
    assert parameter.contains(drawn)
    assert distribution._contains(distribution.to_internal_repr(drawn))
    assert nearest(parameter, trial.params["x"]) == drawn


@pytest.mark.parametrize(
    ("content", "value", "found"),
    [
        ({"choices": [32, 64, 128]}, 64, 64), ({"choices": [32, 64]}, 48, 32), ({"choices": [64, 32]}, 48, 32),
        ({"choices": [0.0, 1e-4]}, 0, 0.0), ({"choices": ["adam", "gd"]}, "gd", "gd"),
        ({"choices": ["adam", "gd"]}, "adamw", "adam"), ({"choices": [False, True]}, True, True),
        ({"choices": [5, "x"]}, None, 5), ({"int": [1, 3]}, 7, 3), ({"int": [16, 64], "step": 16}, 41, 48),
        ({"int": [1, 100], "log": True}, 2.45, 3), ({"int": [1, 100], "log": True}, 2.44, 2),
        ({"float": [1e-4, 1e-2], "log": True}, 1.0, 1e-2), ({"float": [0, 1], "step": 0.1}, 0.1 + 0.2, 0.3),
        ({"float": [0, 1]}, 0.7, 0.7), ({"float": [0.5, 1]}, None, 0.5),
    ],
)  # fmt: skip
def test_nearest_is_on_the_parameters_scale(content: dict[str, Any], value: Any, found: Any) -> None:
    (parameter,) = space(x=content).values()
    assert nearest(parameter, value) == found
    assert type(nearest(parameter, value)) is type(found)


def test_conditions_reach_through_each_other() -> None:
    assert active(LAYERS, {"a": 1, "b": "x", "c": 0.1, "d": True}) == ("a", "d")
    assert active(LAYERS, {"a": 2, "b": "y", "d": True}) == ("a", "b", "d")
    assert active(LAYERS, {"a": 2, "b": "x", "d": True}) == ("a", "b", "c", "d")
    assert active(LAYERS, {}) == ("a", "d")


def test_only_what_is_there_is_drawn() -> None:
    fixed = {"a": 3, "b": "x", "c": 0.1, "d": False}
    assert suggest(FixedTrial(fixed), LAYERS) == fixed
    assert suggest(FixedTrial({**fixed, "a": 1}), LAYERS) == {"a": 1, "d": False}


def test_a_number_on_a_step_is_drawn_without_rounding_errors() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    parameter = space(x={"float": [0.0, 1.0], "step": 0.1})
    drawn = {suggest(study.ask(), parameter)["x"] for _ in range(60)}
    assert drawn <= {k / 10 for k in range(11)}


@given(
    st.dictionaries(
        st.sampled_from("pqrs"),
        parameters().filter(lambda p: not p.is_continuous and p.n_values < 12),
        max_size=2,
    )
)
def test_size_counts_the_grid(more: dict[str, Parameter]) -> None:
    whole = {**LAYERS, **more}
    points = grid_points(whole)
    assert size(whole) == len(points)
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)
    for point in points:
        assert set(point) == set(active(whole, point))
        assert all(whole[key].contains(value) for key, value in point.items())


def test_conditional_points_are_one() -> None:
    assert size(LAYERS) == (1 + 2 * (3 + 1)) * 2
    assert size(space(a={"float": [0, 1]})) is None
    assert size(space(a={"int": [1, 10**6]}, b={"int": [1, 10**6]})) == 10**12
    assert grid_points(space(a={"int": [1, 2]}, b={"choices": ["x", "y"]})) == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}
    ]  # fmt: skip
