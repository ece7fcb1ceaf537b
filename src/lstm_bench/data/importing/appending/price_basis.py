"""Converts new bars to the basis of a folder's adjusted prices.

Adjusted prices have a basis: the shares of the day on which the file was made. The next split or dividend changes
every earlier number. A folder keeps its first basis. On a day that the folder and a new file have in common, the
folder's adjusted close over the file's gives the scale: new prices and factors are multiplied by it, and volumes are
divided by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.arrays import Days, Floats
from lstm_bench.data.importing.adjusting.adjustment import AdjustBy
from lstm_bench.data.importing.options import Basis
from lstm_bench.data.importing.reading.columns import PRICES

__all__ = ["BasisCheck", "first_few", "on_basis"]

_TOLERANCE = 5e-4
"""Relative tolerance. Vendors round adjusted closes, and a dividend is rarely smaller."""

_SHOWN = 5


class BasisCheck:
    """Finds the scale of each instrument's new bars, and collects the instruments whose scale is unknown.

    Raises DataError if ``basis`` is unknown.
    ``by`` is what the files' prices are adjusted by.
    """

    def __init__(self, basis: str, by: AdjustBy) -> None:
        if basis not in get_args(Basis):
            raise DataError(f"--basis: got {basis!r}; {choices_hint(basis, get_args(Basis))}")
        self._basis, self._by = basis, by
        self._revised: list[str] = []
        self._rebased: list[str] = []
        self._disjoint: list[str] = []
        self.rescaled: dict[str, float] = {}

    def scale(self, code: str, days: Days, folder: Floats, file: Floats) -> float:
        """Return what to multiply new prices by.

        ``folder`` and ``file`` are adjusted closes ``[n]`` on the ascending ``days`` with a bar in both.
        """
        if not len(days):
            if self._basis != "same":
                self._disjoint.append(code)
            return 1.0
        ratios = folder / file
        scale = float(ratios[-1])
        worst = int(np.argmax(np.abs(ratios / scale - 1)))
        if abs(ratios[worst] / scale - 1) > _TOLERANCE:
            self._revised.append(
                f"{code} (folder over file {ratios[worst]:.6g} on {days[worst]}, {scale:.6g} on {days[-1]})"
            )
            return 1.0
        if self._by == "split":  # it starts at the file's first bar, so it always has its own basis
            return scale
        if abs(scale - 1) <= _TOLERANCE:
            return 1.0
        if self._basis != "rescale":
            self._rebased.append(f"{code} (folder over file {scale:.6g} on {days[-1]})")
            return 1.0
        self.rescaled[code] = scale
        return scale

    def refuse(self) -> None:
        """Raise DataError if the scale of an instrument is unknown."""
        for instruments, what in (
            (self._revised, "the files contradict the folder on days that both have; import them anew"),
            (
                self._rebased,
                "the files adjust to another basis than the folder has (a split or a dividend came since); "
                "--basis rescale brings the new bars to the folder's",
            ),
            (
                self._disjoint,
                "the files have no day in common with the folder, so that nothing shows whether they adjust to its "
                "basis; give files that begin at the folder's last day or earlier, or pass --basis same",
            ),
        ):
            if instruments:
                raise DataError(f"--append: {first_few(instruments)}: {what}")


def first_few(texts: Sequence[str]) -> str:
    """List the first texts, and count the others."""
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def on_basis(columns: Mapping[str, Floats], scale: float) -> dict[str, Floats]:
    """Multiply prices and factor by ``scale``, and divide the volume by it."""
    up = {name: column * scale for name, column in columns.items() if name in (*PRICES, "factor")}
    down = {name: column / scale for name, column in columns.items() if name == "volume"}
    return {**columns, **up, **down}
