"""Writes small files of bars, and reads imported folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.data.provider import Provider

Read = Callable[[Path, str], dict[str, np.ndarray]]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a text file of bars."""

    def file(text: str, name: str = "bars.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    return file


@pytest.fixture
def read() -> Read:
    """Read an instrument: field -> values from its first row to its last one, float32."""

    def instrument(folder: Path, code: str) -> dict[str, np.ndarray]:
        provider = Provider(folder)
        panel = provider.panel([code], provider.fields, 0, len(provider.calendar))
        rows = slice(int(panel.first[0]), int(panel.last[0]) + 1)
        return {name: values[rows, 0] for name, values in panel.fields.items()}

    return instrument
