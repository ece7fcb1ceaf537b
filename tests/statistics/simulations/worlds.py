"""Worlds whose true values are known: daily series of seeds with parts of seeds, days and both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Floats = npt.NDArray[np.float64]

SEEDS = (3, 5, 10, 20)
RHOS = (0.0, 0.2, 0.4)
LOW, HIGH = 0.93, 0.97
"""Coverage of a 95 % interval that the simulations demand."""

_BURN_IN = 50


def autoregressive(generator: np.random.Generator, shape: tuple[int, ...], rho: float) -> Floats:
    """Draw AR(1) series along the last axis whose long-run variance is 1."""
    shocks = generator.standard_normal((*shape[:-1], shape[-1] + _BURN_IN))
    return np.asarray((1 - rho) * lfilter([1.0], [1.0, -rho], shocks, axis=-1)[..., _BURN_IN:])


@dataclass(frozen=True)
class Mix:
    """Where the variance of the mean of K seeds and T days comes from; the parts add up to 1."""

    seed: float
    day: float
    interaction: float


MIXES = {
    "seeds": Mix(0.75, 0.15, 0.10),
    "days": Mix(0.10, 0.80, 0.10),
    "balanced": Mix(0.45, 0.45, 0.10),
    "interaction": Mix(0.20, 0.30, 0.50),
}


def panel(
    generator: np.random.Generator, mix: Mix, seeds: int, days: int, rho: float, day: Floats | None = None
) -> Floats:
    """Draw ``[K, T]`` with mean 0, whose grand mean has the variance 1; ``day`` is the part that all rows share."""
    if day is None:
        day = autoregressive(generator, (1, days), rho)
    return np.asarray(
        np.sqrt(mix.seed * seeds) * generator.standard_normal((seeds, 1))
        + np.sqrt(mix.day * days) * day
        + np.sqrt(mix.interaction * seeds * days) * autoregressive(generator, (seeds, days), rho)
    )


def table(title: str, columns: Iterator[str] | tuple[str, ...], lines: dict[str, list[float]]) -> None:
    """Print shares in percent."""
    print(f"\n{title}")
    print(" " * 34 + "".join(f"{column:>12}" for column in columns))
    for name, shares in lines.items():
        print(f"{name:<34}" + "".join(f"{share:12.1%}" for share in shares))
