"""Bringing new bars to the basis on which a folder's prices are adjusted.

Adjusted prices have a basis: an adjusted close says what a close is worth in the shares of the day on which the file
was made, and the next split or dividend changes every number before it. A folder keeps the basis that it was made
with. New files are brought to it by a day that both have: the folder's adjusted close over the file's, ``r``. New
prices and factors are multiplied by it, and volumes divided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.importing.adjusting.adjustment import AdjustBy

__all__ = ["BasisCheck", "on_basis"]

_Floats = npt.NDArray[np.float64]

_TOLERANCE = 5e-4
"""Relative; vendors round adjusted closes, and a dividend is hardly ever less."""

_CHOICES = ("check", "rescale", "same")
_SHOWN = 5


@dataclass(frozen=True)
class _Trouble:
    code: str
    text: str


class BasisCheck:
    """Finds the scale of each instrument's new bars, and collects what stands against it.

    Parameters
    ----------
    basis : ``check``, ``rescale`` or ``same``
    by : what the files' prices are adjusted by

    Raises
    ------
    DataError
        Where ``basis`` is unknown.
    """

    def __init__(self, basis: str, by: AdjustBy) -> None:
        if basis not in _CHOICES:
            raise DataError(f"--basis: got {basis!r}; {choices_hint(basis, _CHOICES)}")
        self._basis, self._by = basis, by
        self._changed: list[_Trouble] = []
        self._apart: list[_Trouble] = []
        self._revised: list[_Trouble] = []
        self.rescaled: dict[str, float] = {}

    def scale(self, code: str, days: npt.NDArray[np.datetime64], folder: _Floats, file: _Floats) -> float:
        """Return what to multiply new prices by.

        Parameters
        ----------
        days : ``[n]``, days that the folder and the file both have a bar of, ascending
        folder, file : ``[n]`` adjusted closes
        """
        if not len(days):
            if self._basis != "same":
                self._apart.append(_Trouble(code, code))
            return 1.0
        ratios = folder / file
        scale = float(ratios[-1])
        worst = int(np.argmax(np.abs(ratios / scale - 1)))
        if abs(ratios[worst] / scale - 1) > _TOLERANCE:
            text = (
                f"{code} (folder over file {ratios[worst]:.6g} on {days[worst]}, {scale:.6g} on {days[-1]})"
            )
            self._revised.append(_Trouble(code, text))
            return 1.0
        if self._by == "split":  # counts from the file's first bar: never the folder's basis but by chance
            return scale
        if abs(scale - 1) <= _TOLERANCE:
            return 1.0
        if self._basis != "rescale":
            self._changed.append(_Trouble(code, f"{code} (folder over file {scale:.6g} on {days[-1]})"))
            return 1.0
        self.rescaled[code] = scale
        return scale

    def refuse(self) -> None:
        """Refuse if the scale of some instrument is not known.

        Raises
        ------
        DataError
        """
        for troubles, what in (
            (self._revised, "the files contradict the folder on days that both have; import them anew"),
            (
                self._changed,
                "the files adjust to another basis than the folder has (a split or a dividend came since); "
                "--basis rescale brings the new bars to the folder's",
            ),
            (
                self._apart,
                "the files have no day in common with the folder, so that nothing shows whether they adjust to its "
                "basis; give files that begin at the folder's last day or earlier, or say --basis same",
            ),
        ):
            if troubles:
                shown = ", ".join(trouble.text for trouble in troubles[:_SHOWN])
                more = f" and {len(troubles) - _SHOWN} more" if len(troubles) > _SHOWN else ""
                raise DataError(f"--append: {shown}{more}: {what}")


def on_basis(columns: Mapping[str, _Floats], scale: float, prices: tuple[str, ...]) -> dict[str, _Floats]:
    """Multiply prices and factor by ``scale``, and divide the volume by it."""
    up = {name: column * scale for name, column in columns.items() if name in (*prices, "factor")}
    down = {name: column / scale for name, column in columns.items() if name == "volume"}
    return {**columns, **up, **down}
