"""Write figures for the text form of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["figures_text"]


def figures_text(figures: Mapping[str, float], names: Sequence[str]) -> str:
    """Write figures with their names; a missing one is a dash."""
    values = {name: figures.get(name, np.nan) for name in names}
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.6f}" if np.isfinite(value) else f"{name.replace('_', ' ')} –"
        for name, value in values.items()
    )
