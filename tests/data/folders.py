"""Derives data folders from others: shorter ones, and ones with a changed bar."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

__all__ = ["set_bar", "shortened"]


def shortened(market: Path, folder: Path, days: int) -> Path:
    """Copy a folder as it was on its day number ``days`` (counted from 1): no later bar, day or member."""
    shutil.copytree(market, folder)
    calendar = (market / "calendars" / "day.txt").read_text().split()
    (folder / "calendars" / "day.txt").write_text("".join(f"{day}\n" for day in calendar[:days]))
    for path in sorted(folder.glob("features/*/*.bin")):
        content = np.fromfile(path, dtype="<f4")
        content = content[: max(0, 1 + days - int(content[0]))]
        if len(content) > 1:
            content.tofile(path)
        else:
            path.unlink()
    for stock in list((folder / "features").iterdir()):
        if not any(stock.iterdir()):
            stock.rmdir()
    for path in (folder / "instruments").glob("*.txt"):
        spans = [line.split("\t") for line in path.read_text().splitlines()]
        kept = [(code, first, min(last, calendar[days - 1])) for code, first, last in spans]
        path.write_text("".join(f"{code}\t{first}\t{last}\n" for code, first, last in kept if first <= last))
    return folder


def set_bar(folder: Path, code: str, field: str, day: int, value: float) -> None:
    """Change one bar, of the calendar's position ``day``."""
    path = folder / "features" / code.lower() / f"{field}.day.bin"
    content = np.fromfile(path, dtype="<f4")
    content[1 + day - int(content[0])] = value
    content.tofile(path)
