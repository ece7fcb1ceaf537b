"""A record's pictures, for whoever tracks its run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.config.sections.tracking import TrackingConfig

if TYPE_CHECKING:
    from lstm_bench.record.record import Record

__all__ = ["drawing", "tracked_pictures"]


def drawing(config: TrackingConfig) -> str | None:
    """Name what draws for a tracker; None where no figures are asked for, or matplotlib is not installed."""
    if not config.figures or find_spec("matplotlib") is None:
        return None
    return f"{__name__}:{tracked_pictures.__name__}"


def tracked_pictures(record: Record) -> Iterator[tuple[str, Path]]:
    """Draw the main figures of a record; each file is there until the next one is asked for."""
    from lstm_bench.report.pictures import pictures

    with tempfile.TemporaryDirectory(prefix="lstm-bench-") as folder:
        yield from pictures(record, Path(folder))
