"""Types of arguments that several functions of the API take."""

from __future__ import annotations

import os
from datetime import date

import numpy as np

__all__ = ["Day", "PathLike"]

PathLike = str | os.PathLike[str]
Day = str | date | np.datetime64
