"""Scores and labels of a small market, with ties and gaps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

Panels = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@pytest.fixture(scope="session")
def market() -> Callable[..., Panels]:
    """Make ``(score, label)``, ``[T, N]`` each, from a seed."""

    def make(seed: int, days: int = 12, stocks: int = 30) -> Panels:
        rng = np.random.default_rng(seed)
        score = rng.normal(size=(days, stocks)).astype(np.float32).round(1)  # with ties
        label = rng.normal(0, 0.02, size=(days, stocks)).astype(np.float32)
        score[rng.random(score.shape) < 0.2] = np.nan
        label[rng.random(label.shape) < 0.1] = np.nan
        return score, label

    return make
