"""Thresholds of the checks of a data folder."""

from __future__ import annotations

from dataclasses import dataclass, fields

from lstm_bench.core.errors import ConfigError

__all__ = ["Thresholds"]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of a check. With the defaults, the CSI 300 from 2010 to 2020 has a handful of findings.

    Attributes
    ----------
    max_jump : largest return from one bar to the next, either way, as a fraction
    max_gap : largest number of trading days without a bar between two bars
    stale_days : number of bars in a row with the same volume that are stale
    max_overhang : largest number of days of a membership span before an instrument's first bar or after its last. An
        index keeps a delisted stock until its next review.
    max_calendar_gap : largest number of weekdays without a trading day (China's market was closed for up to 10)
    thin_share : smallest share of listed instruments (between their first and last bar) with a bar on a day
    change_tolerance : largest difference between ``change`` and the return of ``close``
    """

    max_jump: float = 0.3
    max_gap: int = 180
    stale_days: int = 5
    max_overhang: int = 125
    max_calendar_gap: int = 10
    thin_share: float = 0.5
    change_tolerance: float = 1e-4

    def __post_init__(self) -> None:
        """Refuse invalid thresholds.

        Raises
        ------
        ConfigError
        """
        for item in fields(self):
            got, least = getattr(self, item.name), 2 if item.name == "stale_days" else 0
            if not got >= least:
                option = item.name.replace("_", "-")
                raise ConfigError(f"--{option}: got {got}, expected at least {least}")
