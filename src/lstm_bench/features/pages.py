"""Large arrays in the operating system's ordinary pages.

NumPy asks for pages of 2 MB. On bare metal they save a little; on virtual machines whose host has none to hand
they have cost more than four times as much, which for hundreds of megabytes is longer than the work on them.
"""

from __future__ import annotations

import math
import mmap

import numpy as np
import numpy.typing as npt

__all__ = ["empty"]


def empty(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return a new float32 array in C order; its content is arbitrary."""
    size = math.prod(shape)
    if size == 0:
        return np.empty(shape, dtype=np.float32)
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    pages = mmap.mmap(-1, size * np.dtype(np.float32).itemsize, **private)
    return np.frombuffer(pages, dtype=np.float32).reshape(shape)
