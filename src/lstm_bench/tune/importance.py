"""Importance of a study's parameters."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

__all__ = ["parameter_importances"]


def parameter_importances(study: optuna.Study) -> dict[str, float]:
    """Return the importance of each parameter by PED-ANOVA, as shares of 1.

    PED-ANOVA is deterministic: the same complete trials yield the same shares.
    """
    import optuna.importance

    with warnings.catch_warnings():
        # about parameters that few trials have; the report states the number of trials itself
        warnings.filterwarnings("ignore", message="Some regimes for parameter", category=UserWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: float(share) for key, share in shares.items()}
