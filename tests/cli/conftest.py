"""The environment of a command line in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.kernel import cache_folder

Environment = Callable[[Path], dict[str, str]]


@pytest.fixture(scope="session")
def environment() -> Environment:
    """Give the environment of a user at home in a folder, who has this session's compiled kernels."""

    def of(home: Path) -> dict[str, str]:
        own = {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "COLUMNS": "120",
            "OMP_NUM_THREADS": "1",
        }
        folder = cache_folder()
        return os.environ | own | ({} if folder is None else {"NUMBA_CACHE_DIR": str(folder.parent)})

    return of
