"""The fields that identify a run: all fields of its configuration except those marked with :class:`NotIdentity`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["IDENTITY", "NotIdentity", "identity_of", "is_identity", "outside_identity"]

IDENTITY = "identity"
"""The serialization context in which a section leaves out fields that do not identify a run."""


@dataclass(frozen=True)
class NotIdentity:
    """Marks a field that affects no number, as a part of ``Annotated``.

    ``why``: why two runs that differ in it are the same run.
    """

    why: str


def is_identity(field: FieldInfo) -> bool:
    """Whether a field is part of a run's identity."""
    return not any(isinstance(part, NotIdentity) for part in field.metadata)


def outside_identity(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of a section's own fields that are marked."""
    return frozenset(name for name, field in model.model_fields.items() if not is_identity(field))


def identity_of(section: BaseModel) -> dict[str, Any]:
    """Return what identifies a section, as plain data by alias.

    Left out, at every depth, are marked fields, nulls (a null means the same as a missing key) and settings that the
    others make idle.
    """
    content: dict[str, Any] = section.model_dump(mode="json", by_alias=True, context=IDENTITY)
    return content
