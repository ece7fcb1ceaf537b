"""Providers of a calendar without bars."""

from __future__ import annotations

import numpy as np

from lstm_bench.data.provider import Provider


class Calendar(Provider):
    """A provider of a calendar alone."""

    def __init__(self, days: int, last: str = "2020-09-30") -> None:
        self.calendar = np.busday_offset(last, np.arange(1 - days, 1), roll="backward")
