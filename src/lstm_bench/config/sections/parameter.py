"""A parameter of a search space, and its keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from lstm_bench.config.section import Section
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.wording.value_text import value_text, value_with_kind
from lstm_bench.core.errors import ConfigError

__all__ = ["SHORT_KEYS", "Parameter", "Scalar", "dotted_key", "in_order", "parse_parameter", "short_key"]

SHORT_KEYS: Mapping[str, str] = {
    **{
        name: f"task.model.kwargs.{name}"
        for name in ("hidden_size", "num_layers", "dropout", "lr", "batch_size", "early_stop", "seed")
    },
    **{
        name: f"lstm_bench.training.{name}"
        for name in (
            *("weight_decay", "schedule", "warmup_epochs", "lr_min_factor", "lr_step_epochs", "lr_decay"),
            *("lr_patience", "reweight", "reweight_half_life", "reweight_window"),
        )
    },
    "step_len": "task.dataset.kwargs.step_len",
}
"""Short name -> dotted key of a workflow file."""

_LARGEST = 2**53
"""Largest bound below which floats represent every whole number."""

_NAMES = {dotted: name for name, dotted in SHORT_KEYS.items()}


def dotted_key(key: str) -> str:
    """Return the dotted key of a short name."""
    return SHORT_KEYS.get(key, key)


def short_key(key: str) -> str:
    """Return a key's short name, or the key if it has none."""
    return _NAMES.get(key, key)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(
        f"got {value_with_kind(value, 'number')}, expected a finite number, a text, true or false"
    )


Scalar = Annotated[bool | int | float | str, BeforeValidator(_plain_scalar)]
"""A value of a parameter."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Scalars = Annotated[tuple[Scalar, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Parameter(Section):
    """The values of a parameter: one of ``choices``, or a number in the range ``int`` or ``float``.

    Examples
    --------
    In a file::

        hidden_size: {choices: [32, 64, 128]}
        lr: {float: [1e-4, 1e-2], log: true}
        dropout: {float: [0.0, 0.5], step: 0.1, when: {num_layers: [2, 3]}}
    """

    choices: Scalars | None = Field(None, description="one of these values")
    int_range: tuple[int, int] | None = Field(
        None, alias="int", description="lowest and highest value, both included"
    )
    float_range: tuple[float, float] | None = Field(
        None, alias="float", description="lowest and highest value, both included"
    )
    log: bool = Field(False, description="sample on a logarithmic scale")
    step: int | float | None = Field(
        None, gt=0, description="distance between values, counted from the lowest"
    )
    when: dict[str, Scalars] = Field(
        {}, description="other parameters -> their values with which this parameter is used"
    )

    @field_validator("when")
    @classmethod
    def _short_names(cls, when: dict[str, tuple[Scalar, ...]]) -> dict[str, tuple[Scalar, ...]]:
        return {short_key(key): values for key, values in when.items()}

    @model_validator(mode="after")
    def _one_kind(self) -> Parameter:
        kinds = {"choices": self.choices, "int": self.int_range, "float": self.float_range}
        chosen = [name for name, value in kinds.items() if value is not None]
        if len(chosen) != 1:
            raise ValueError(f"got {' and '.join(chosen) or 'none'}, expected one of: choices, int, float")
        if self.choices is not None:
            self._check_choices(self.choices)
        else:
            self._check_range(chosen[0], *self.span)
        return self

    def _check_choices(self, choices: tuple[Scalar, ...]) -> None:
        for name, useless in (("log", self.log), ("step", self.step)):
            if useless:
                raise ValueError(f"{name} goes with int or float, not with choices")
        for position, choice in enumerate(choices):
            if choice in choices[:position]:
                raise ValueError(f"choices: {value_text(choice)} occurs twice")

    def _check_range(self, kind: str, low: int | float, high: int | float) -> None:
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other")
        if kind == "int" and self.step is not None and not isinstance(self.step, int):
            raise ValueError(f"step: got {value_text(self.step)}, expected a whole number")
        if wrong := _wrong_in_range(low, high, log=self.log, step=self.step):
            raise ValueError(f"{kind}: got [{low}, {high}]; {wrong}")

    @property
    def span(self) -> tuple[int, int] | tuple[float, float]:
        """Lowest and highest value of a range."""
        found = self.int_range or self.float_range
        if found is None:
            raise TypeError("choices have no range")
        return found

    @property
    def steps(self) -> int:
        """Number of steps from the lowest value to the highest; not of a continuous parameter."""
        low, high = self.span
        return _n_steps(low, high, self._step)

    @property
    def _step(self) -> int | float:
        if self.step is None and self.int_range is None:
            raise TypeError("a float range without step has no steps")
        return 1 if self.step is None else self.step

    def at(self, steps: int) -> int | float:
        """Value at a number of steps above the lowest."""
        return _on_steps(self.span[0], steps, self._step)

    @property
    def is_continuous(self) -> bool:
        """Whether it is a range without steps."""
        return self.float_range is not None and self.step is None

    @property
    def n_values(self) -> int:
        """Number of values; not of a continuous parameter."""
        return self.steps + 1 if self.choices is None else len(self.choices)

    def values(self) -> tuple[Scalar, ...]:
        """All values in order; not of a continuous parameter."""
        if self.choices is not None:
            return self.choices
        return tuple(self.at(steps) for steps in range(self.steps + 1))

    def contains(self, value: Any) -> bool:
        """Whether it has a value; numbers on a step may differ by rounding."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self.choices is not None and any(
                type(value) is type(choice) and value == choice for choice in self.choices
            )
        if self.choices is not None:
            return any(not isinstance(choice, bool) and value == choice for choice in self.choices)
        low, high = self.span
        if not low <= value <= high:
            return False
        if self.is_continuous:
            return True
        steps = (value - low) / self._step
        return abs(steps - round(steps)) < 1e-8

    def __str__(self) -> str:
        ends = "" if self.choices is not None else " .. ".join(map(str, self.span))
        text = ", ".join(map(value_text, self.choices)) if self.choices is not None else ends
        return text + (f" in steps of {self.step}" if self.step is not None else " (log)" if self.log else "")


def _wrong_in_range(low: int | float, high: int | float, *, log: bool, step: int | float | None) -> str:
    """Describe the fault of a range; empty if there is none."""
    is_whole = isinstance(low, int) and isinstance(high, int)
    for name, end in (("least", low), ("greatest", high)):
        if not math.isfinite(end):
            return f"the {name} value is {value_text(end)}, expected a finite number"
        if is_whole and abs(end) > _LARGEST:
            return f"the {name} value is {value_text(end)}, expected one between -2^53 and 2^53"
    if low > high:
        return f"the least value is {low}, expected the least before the greatest, which is {high}"
    if log and low <= 0:
        return f"the least value is {low}, expected something above 0 with log"
    if step is None:
        return ""
    if not 0 < step < math.inf or (high - low) / step > _LARGEST:
        return f"the step is {value_text(step)}, expected one that is greater than 0 and fits the range"
    last = _on_steps(low, _n_steps(low, high, step), step)
    if last == high:
        return ""
    return f"the greatest value is {high}, and steps of {step} end at {last}; change the end or the step"


def _n_steps(low: int | float, high: int | float, step: int | float) -> int:
    return int((Decimal(str(high)) - Decimal(str(low))) // Decimal(str(step)))


def _on_steps(low: int | float, steps: int, step: int | float) -> int | float:
    """Add steps to the lowest value in decimals, so that 3 steps of 0.1 are 0.3."""
    value = Decimal(str(low)) + steps * Decimal(str(step))
    return int(value) if isinstance(low, int) else float(value)


def in_order(space: Mapping[str, Parameter]) -> tuple[str, ...]:
    """Return the keys of a space in its order, but each after those that its conditions name.

    Raises ValueError if parameters depend on each other.
    """
    found: list[str] = []
    left = list(space)
    while left:
        free = next((key for key in left if not set(space[key].when) & set(left)), None)
        if free is None:
            raise ValueError(f"when: these depend on each other: {', '.join(left)}")
        found.append(free)
        left.remove(free)
    return tuple(found)


def parse_parameter(key: str, text: str) -> Parameter:
    """Read a parameter of an option: ``32,64,128``, ``[log:]least:greatest`` or ``least:greatest:step``.

    A range has whole numbers if all of its numbers are written as such.

    >>> parse_parameter("lr", "log:1e-4:1e-2").float_range, parse_parameter("num_layers", "1:3").int_range
    ((0.0001, 0.01), (1, 3))

    Raises ConfigError if the text has none of these forms; the message names ``key``.
    """
    content: dict[str, Any]
    if ":" not in text:
        content = {"choices": [_number_or_text(part.strip()) for part in text.split(",")]}
    else:
        content = _range_of(key, text)
    if "" in content.get("choices", ()):
        raise ConfigError(f"{key}: got {text!r}, which lacks a value")
    try:
        return Parameter.model_validate(content)
    except ValidationError as error:
        raise explain(error, key) from error


def _range_of(key: str, text: str) -> dict[str, Any]:
    """Read the range of an option."""
    bare = text.removeprefix("log:")
    parts = [_number_or_text(part.strip()) for part in bare.split(":")]
    numbers = [part for part in parts if isinstance(part, int | float) and not isinstance(part, bool)]
    if len(parts) not in (2, 3) or len(numbers) < len(parts):
        raise ConfigError(
            f"{key}: got {text!r}, expected values (32,64,128) or a range ([log:]1e-4:1e-2, 16:128:16)"
        )
    kind = "int" if all(isinstance(number, int) for number in numbers) else "float"
    low, high, *steps = numbers if kind == "int" else map(float, numbers)
    log, step = bare != text, steps[0] if steps else None
    if log and step is not None:
        raise ConfigError(f"{key}: got {text!r}; log and a step exclude each other")
    if wrong := _wrong_in_range(low, high, log=log, step=step):
        raise ConfigError(f"{key}: got {text!r}; {wrong}")
    return {kind: [low, high], "log": log, "step": step}


def _number_or_text(text: str) -> bool | int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)
