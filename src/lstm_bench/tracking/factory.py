"""Opens the tracker that a configuration requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.core.errors import ConfigError
from lstm_bench.tracking.guarded import GuardedTracker
from lstm_bench.tracking.tracker import Tracker, TrackerOptions

if TYPE_CHECKING:
    from lstm_bench.config.sections.tracking import TrackingConfig

__all__ = ["open_tracker"]

_INSTALL = {"wandb": "wandb", "mlflow": "'lstm-bench[mlflow]'"}


@contextmanager
def open_tracker(config: TrackingConfig, folder: Path, figures: str | None = None) -> Iterator[Tracker]:
    """Open the tracker of a configuration, and close it at the end.

    It keeps its files on this machine below ``folder``, which has the records, unless the tracker's own environment
    variables name another place. ``figures`` is that of :class:`~lstm_bench.tracking.tracker.TrackerOptions`. Raises
    ``ConfigError`` if the tracker's package is not installed.
    """
    if config.tracker == "off":
        yield Tracker()
        return
    if find_spec(config.tracker) is None:
        raise ConfigError(
            f"lstm_bench.tracking.tracker: {config.tracker} is not installed; pip install {_INSTALL[config.tracker]}"
        )
    tracker = GuardedTracker(
        TrackerOptions(config.tracker, str(folder.absolute()), config.record, config.timeout_seconds, figures)
    )
    try:
        yield tracker
    except KeyboardInterrupt:
        tracker.close(0.0)
        raise
    finally:
        tracker.close()
