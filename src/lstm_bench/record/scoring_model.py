"""The model behind a record's scores, if it is not the LSTM of the record's configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from lstm_bench.core.errors import DataError

__all__ = ["MODEL_NAMES", "ModelKind", "ScoringModel"]

ModelKind = Literal["reversal", "momentum", "ridge", "lightgbm", "ensemble", "scores"]

MODEL_NAMES: Mapping[ModelKind, str] = {
    "reversal": "Reversal",
    "momentum": "Momentum",
    "ridge": "Ridge",
    "lightgbm": "LightGBM",
    "ensemble": "LSTM ensemble",
    "scores": "Scores",
}
"""Kind -> the name in tables. ``scores`` are scores that a user computed elsewhere."""

_OF_ONE_SEED: Mapping[ModelKind, tuple[str, ...]] = {"ensemble": ("members",), "scores": ("sha256",)}
"""Kind -> settings that differ between the seeds of a row."""


@dataclass(frozen=True)
class ScoringModel:
    """A model other than the configuration's LSTM.

    Attributes
    ----------
    kind
    settings : everything besides configuration, seed and data that determines the scores, as plain JSON data: the
        hyperparameters of a baseline, the run ids of an ensemble's members, the digest of scores from elsewhere
    """

    kind: ModelKind
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return MODEL_NAMES[self.kind]

    @property
    def of_row(self) -> ScoringModel:
        """The model without settings of single seeds: what the seeds of a row have in common."""
        left_out = _OF_ONE_SEED.get(self.kind, ())
        shared = {name: value for name, value in self.settings.items() if name not in left_out}
        return ScoringModel(self.kind, shared)

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``provenance.json``'s key ``model``, which is also part of the run id."""
        return {"kind": self.kind, "settings": dict(self.settings)}

    def text(self) -> str:
        """Return canonical JSON, as the evidence stores it."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> ScoringModel:
        """Read what :meth:`to_json` returned. Raises ``DataError`` if it is something else."""
        kinds: tuple[ModelKind, ...] = get_args(ModelKind)
        kind = next((one for one in kinds if one == content.get("kind")), None)
        settings = content.get("settings")
        if kind is None or not isinstance(settings, Mapping):
            choices = ", ".join(kinds)
            raise DataError(f"model: got {dict(content)!r}, expected settings, and a kind of {choices}")
        return cls(kind, dict(settings))

    @classmethod
    def parse(cls, text: str) -> ScoringModel:
        """Read what :meth:`text` returned. Raises ``DataError`` if it is something else."""
        try:
            content = json.loads(text)
        except ValueError as error:
            raise DataError(f"model: not JSON: {error}") from error
        if not isinstance(content, dict):
            raise DataError(f"model: got {text!r}, expected a JSON object")
        return cls.of(content)
