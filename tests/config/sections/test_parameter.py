from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lstm_bench.config.sections.parameter import (
    SHORT_KEYS,
    Parameter,
    dotted_key,
    in_order,
    parse_parameter,
    short_key,
)
from lstm_bench.core.errors import ConfigError


def parameter(**content: Any) -> Parameter:
    return Parameter.model_validate(content)


def test_short_names_and_dotted_keys_are_one_to_one() -> None:
    for name, dotted in SHORT_KEYS.items():
        assert (dotted_key(name), short_key(dotted)) == (dotted, name)
    assert dotted_key("task.model.kwargs.metric") == short_key("task.model.kwargs.metric")


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ({"choices": [3, 2.5, "x", True]}, None),
        ({"choices": [32]}, (32,)),
        ({"int": [1, 3]}, (1, 2, 3)),
        ({"int": [16, 64], "step": 16}, (16, 32, 48, 64)),
        ({"int": [2, 4], "log": True}, (2, 3, 4)),
        ({"float": [0.0, 0.3], "step": 0.1}, (0.0, 0.1, 0.2, 0.3)),
    ],
)
def test_values_are_counted_in_order(content: dict[str, Any], values: tuple[Any, ...] | None) -> None:
    found = parameter(**content)
    if values is not None:
        assert found.values() == values
    assert len(found.values()) == found.n_values
    assert all(found.contains(value) for value in found.values())


def test_a_choice_keeps_its_type() -> None:
    found = parameter(choices=[1, 0.5, "x"]).choices
    assert found is not None
    assert [type(choice) for choice in found] == [int, float, str]
    assert parameter(choices=[True, False]).contains(True)
    assert not parameter(choices=[True, False]).contains(1)
    assert not parameter(choices=[0, 1]).contains(True)
    assert parameter(choices=[0.0, 1.0]).contains(1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "got none, expected one of: choices, int, float"),
        ({"int": [1, 2], "choices": [1]}, "got choices and int, expected one of"),
        ({"int": [3, 1]}, r"int: got \[3, 1\]; the least value is 3, expected the least before the greatest"),
        (
            {"int": [0, 4], "log": True},
            r"int: got \[0, 4\]; the least value is 0, expected something above 0 with log",
        ),
        (
            {"float": [0, 1], "log": True},
            r"float: got \[0.0, 1.0\]; the least value is 0.0, expected something above 0 with log",
        ),
        ({"float": [0.1, 1], "log": True, "step": 0.1}, "log and step exclude each other"),
        (
            {"int": [1, 10], "step": 4},
            r"int: got \[1, 10\]; the greatest value is 10, and steps of 4 end at 9",
        ),
        ({"float": [0, 1], "step": 0.3}, "steps of 0.3 end at 0.9"),
        ({"int": [1, 3], "step": 0.5}, "step: got 0.5, expected a whole number"),
        ({"int": [1, 3], "step": 0}, "greater than 0"),
        ({"choices": [1], "log": True}, "log goes with int or float"),
        ({"choices": [1, 1.0]}, "choices: 1.0 occurs twice"),
        ({"choices": []}, "got \\[\\], expected a list that is not empty"),
        ({"choices": [None]}, "got null, expected a finite number, a text, true or false"),
        ({"float": [0, float("inf")]}, "finite"),
        ({"chioces": [1]}, "did you mean 'choices'"),
    ],
)
def test_what_is_no_parameter_is_named(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parameter(**content)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("32,64,128", {"choices": [32, 64, 128]}),
        ("adam, adamw", {"choices": ["adam", "adamw"]}),
        ("0,1e-4", {"choices": [0, 1e-4]}),
        ("true,false", {"choices": [True, False]}),
        ("64", {"choices": [64]}),
        ("log:1e-4:1e-2", {"float": [1e-4, 1e-2], "log": True}),
        ("log:8:256", {"int": [8, 256], "log": True}),
        ("1:3", {"int": [1, 3]}),
        ("0:0.5", {"float": [0.0, 0.5]}),
        ("16:128:16", {"int": [16, 128], "step": 16}),
        ("0:0.5:0.1", {"float": [0.0, 0.5], "step": 0.1}),
    ],
)
def test_options_say_a_parameter(text: str, content: dict[str, Any]) -> None:
    assert parse_parameter("x", text) == parameter(**content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x: got '', which lacks a value"),
        ("1,,2", "which lacks a value"),
        ("1:", "x: got '1:', expected values"),
        ("a:b", "expected values"),
        ("1:2:3:4", "expected values"),
        ("3:1", "x: got '3:1'; the least value is 3, expected the least before the greatest, which is 1"),
        ("log:0:1", "x: got 'log:0:1'; the least value is 0, expected something above 0 with log"),
        ("log:0:0.5", "the least value is 0.0, expected something above 0 with log"),
        ("log:-1e-4:1e-2", "the least value is -0.0001, expected something above 0 with log"),
        ("log:1e-4:inf", "x: got 'log:1e-4:inf'; the greatest value is .inf, expected a finite number"),
        ("nan:1", "the least value is .nan, expected a finite number"),
        ("1:10:0", "the step is 0, expected one that is greater than 0"),
        (
            "1:1000000000000000000000000000000:1",
            "the greatest value is 1000000000000000000000000000000, expected one between",
        ),
        ("0:1:1e-30", "the step is 1e-30, expected one that"),
        ("1:10:4", "the greatest value is 10, and steps of 4 end at 9"),
        ("log:1:9:2", "x: got 'log:1:9:2'; log and a step exclude each other"),
        ("nan,1", "x.choices.0: got .nan,"),
    ],
)
def test_options_that_say_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_parameter("x", text)


@given(st.permutations(["a", "b", "c", "d"]))
def test_a_parameter_comes_after_those_it_depends_on(keys: list[str]) -> None:
    whens = {"a": {}, "b": {"a": [1]}, "c": {"b": [1]}, "d": {"a": [1], "c": [1]}}
    order = in_order({key: parameter(choices=[1, 2], when=whens[key]) for key in keys})
    assert order == ("a", "b", "c", "d")


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="depend on each other: a, b"):
        in_order({"a": parameter(int=[1, 2], when={"b": 1}), "b": parameter(int=[1, 2], when={"a": 1})})
