"""The base of every configuration model: frozen, strict, with plain messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails

from lstm_bench.config.identity import IDENTITY, is_identity
from lstm_bench.config.wording.mistakes import in_plain_words
from lstm_bench.config.wording.value_text import value_text

__all__ = ["Recorded", "Refused", "Section", "Truth"]


def _refuse(value: Any, info: ValidationInfo) -> None:
    if value not in (None, {}, []):
        raise ValueError(f"{info.field_name} is not supported here; leave it out")


Refused = Annotated[None, BeforeValidator(_refuse), Field(exclude=True)]
"""A key of Qlib's that is not supported here: refused, unless it is null or empty."""


def _refuse_text(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic's protocol
            f"got the text {value_text(value)}, which Qlib treats as true; expected true or false"
        )
    return value


Truth = Annotated[bool, BeforeValidator(_refuse_text)]
"""A bool, not a text: ``no`` is a text in YAML 1.2, and Python treats every text as true."""


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield the types and literal values in an annotation."""
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _leaves(part)


class Section(BaseModel):
    """A frozen section of a configuration. It refuses unknown keys and explains mistakes in plain words."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    form: ClassVar[str] = "a mapping"
    """Name of the section's form in a file, for messages."""

    @model_validator(mode="wrap")
    @classmethod
    def _explain_mistakes(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            cls._refuse_bool_as_number(data)
            return handler(data)
        except ValidationError as error:
            raise in_plain_words(cls, data, error) from None

    @classmethod
    def _refuse_bool_as_number(cls, data: Any) -> None:
        # Python counts true as 1: `lr: true` would train with a learning rate of 1.
        wrong: list[InitErrorDetails] = []
        for name, field in cls.model_fields.items() if isinstance(data, Mapping) else ():
            leaves = list(_leaves(field.annotation))
            if bool in leaves or Any in leaves or object in leaves or not (int in leaves or float in leaves):
                continue
            kind = "int_type" if int in leaves else "float_type"
            for key in {name, field.alias or name} & data.keys():
                if isinstance(data[key], bool):
                    wrong.append({"type": kind, "loc": (key,), "input": data[key]})
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)

    @property
    def idle(self) -> tuple[str, ...]:
        """Fields that have no effect because of the values of other fields."""
        return ()

    @model_serializer(mode="wrap")
    def _leave_out(self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """Leave out nulls that the file does not have; for an identity, also fields that are not part of it."""
        content: dict[str, Any] = serialize(self)
        of_identity = info.context == IDENTITY
        idle = self.idle if of_identity else ()
        for name, field in type(self).model_fields.items():
            if of_identity:
                left_out = getattr(self, name) is None or name in idle or not is_identity(field)
            else:  # Qlib's classes lack some of the keys
                left_out = getattr(self, name) is None and name not in self.model_fields_set
            if left_out:
                content.pop(field.alias or name if info.by_alias else name, None)
        return content


class Recorded(Section):
    """A section of a file that this package wrote; keys of other versions are ignored."""

    model_config = ConfigDict(extra="ignore")
