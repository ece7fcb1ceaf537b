"""The base of every configuration model: frozen, strict, and helpful about what is wrong."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from lstm_bench.errors import ConfigError, choices_hint

__all__ = ["Refused", "Section", "explain"]


def _refuse(value: Any, info: ValidationInfo) -> None:
    if value not in (None, {}, []):
        raise ValueError(f"{info.field_name} is not supported here; leave it out")


Refused = Annotated[None, BeforeValidator(_refuse), Field(exclude=True)]
"""A key that Qlib knows and this package does not: refused by name, unless it is null or empty."""


class Section(BaseModel):
    """A frozen section of a configuration that refuses unknown keys with a near-match hint."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = {name for key, field in cls.model_fields.items() for name in (key, field.alias) if name}
            for key in data:
                if key not in known:
                    raise ValueError(f"unknown key {key!r}; {choices_hint(str(key), known)}")
        return data

    @model_serializer(mode="wrap")
    def _leave_out_unset_nulls(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A null that nobody wrote says nothing, and Qlib's classes do not know all of our keys.
        content: dict[str, Any] = serialize(self)
        for key, field in type(self).model_fields.items():
            if getattr(self, key) is None and key not in self.model_fields_set:
                content.pop(key, None)
                content.pop(field.alias or key, None)
        return content


def explain(error: ValidationError, where: str = "") -> ConfigError:
    """Turn pydantic's findings into one message: field, what came, what was expected, a line each."""
    lines = []
    for finding in error.errors(include_url=False):
        field = ".".join(str(part) for part in ((where,) if where else ()) + finding["loc"])
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "missing":
            lines.append(f"{field}: missing")
        elif isinstance(
            finding["input"], dict | list
        ):  # the message names the key; the whole section is no help
            lines.append(f"{field}: {message}" if field else message)
        else:
            lines.append(f"{field}: got {finding['input']!r}; {message[:1].lower()}{message[1:]}")
    return ConfigError("\n".join(lines))
