"""Feature sets: named expressions, from Qlib or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from lstm_bench.config.alpha158 import Alpha158Options, alpha158
from lstm_bench.config.alpha360 import alpha360
from lstm_bench.config.section import Section
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.wording.value_text import value_text, value_with_kind
from lstm_bench.config.yaml import read_yaml
from lstm_bench.core.errors import ConfigError, choices_hint

__all__ = ["KNOWN_SETS", "FeatureSet", "find_feature_set", "load_feature_set"]


class FeatureSet(Section):
    """Columns of a table, and labels. ``features:`` in a workflow file names a feature set.

    ``alpha158`` puts columns of Alpha158 first: ``all`` of them, or those that Qlib's options choose. A set without
    ``features`` and ``alpha158`` keeps the handler's columns and only names them.
    """

    name: str = Field("", description="name in tables; the file's name by default")
    alpha158: Literal["all"] | Alpha158Options | None = Field(
        None, description="columns of Alpha158, before `features`"
    )
    features: dict[str, str] | None = Field(None, description="column -> expression")
    labels: dict[str, str] | None = Field(
        None, description="label -> expression, instead of the handler's; the first is trained on by default"
    )

    @field_validator("features", "labels", mode="before")
    @classmethod
    def _texts(cls, columns: Any) -> Any:
        if isinstance(columns, dict):
            for name, text in columns.items():
                if not isinstance(name, str) or name.strip() != name or not name:
                    raise ValueError(
                        f"got the name {value_text(name)}, expected a text in quotes, such as MA5"
                    )
                if not isinstance(text, str):
                    raise ValueError(  # noqa: TRY004 - pydantic's protocol
                        f"{name}: got {value_with_kind(text)}, expected an expression, such as Mean($close, 5)"
                    )
        return columns

    @model_validator(mode="after")
    def _each_name_once(self) -> FeatureSet:
        twice = sorted(set(self._chosen()) & set(self.features or ()))
        if twice:
            raise ValueError(
                f"features: Alpha158 has a column {', '.join(twice)} already; choose another name"
            )
        if self.alpha158 is not None and not self._chosen():
            raise ValueError(
                "alpha158: chooses no column; write 'all', or options such as {kbar: {}, rolling: {}}"
            )
        return self

    @property
    def columns(self) -> dict[str, str]:
        """Column -> expression, in order."""
        return {**self._chosen(), **(self.features or {})}

    def _chosen(self) -> Mapping[str, str]:
        """Columns of Alpha158."""
        if self.alpha158 is None:
            return {}
        return alpha158() if self.alpha158 == "all" else self.alpha158.columns()


KNOWN_SETS: Mapping[str, FeatureSet] = {
    "Alpha158": FeatureSet(name="Alpha158", alpha158="all"),
    "Alpha360": FeatureSet(name="Alpha360", features=alpha360()),
}
"""Qlib's sets, by the names of their handlers."""


def load_feature_set(path: Path) -> FeatureSet:
    """Read a feature-set file.

    Raises ConfigError if it cannot be read, has an unknown key, or has no column. Expressions are not parsed here.
    """
    document = read_yaml(path)
    try:
        found = FeatureSet.model_validate({"name": path.stem, **document.content})
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error, place=document.place)}") from error
    if not found.columns:
        raise ConfigError(f"{path}: features: missing; expected a mapping of names to expressions")
    return found


def find_feature_set(name: str) -> FeatureSet:
    """Return the set of a name, or read the file of that path.

    Raises ConfigError if there is no such set or file.
    """
    if name in KNOWN_SETS:
        return KNOWN_SETS[name]
    if not Path(name).is_file():
        raise ConfigError(f"feature set: got {name!r}; {choices_hint(name, KNOWN_SETS)}, or a file")
    return load_feature_set(Path(name))
