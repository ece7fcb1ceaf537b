"""The label that Qlib's feature sets use unless a configuration gives another."""

from __future__ import annotations

__all__ = ["DEFAULT_LABEL"]

#: Name -> expression: the return from the close of day t + 1 to that of day t + 2. A score of day t is known
#: after its close, so it can be traded on from t + 1.
DEFAULT_LABEL: dict[str, str] = {"LABEL0": "Ref($close, -2)/Ref($close, -1) - 1"}
