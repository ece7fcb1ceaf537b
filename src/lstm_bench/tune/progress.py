"""What tuning tells while it works."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from lstm_bench.core.counting import counted

__all__ = ["BenchProgress", "LogBenchProgress", "LogTuneProgress", "TuneProgress"]

logger = logging.getLogger("lstm_bench")


class TuneProgress(Protocol):
    """Hears of a study's trials."""

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        """Hear that a trial begins."""
        ...

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        """Hear a trial's mean validation loss of an epoch."""
        ...

    def ended(self, number: int, state: str, value: float | None) -> None:
        """Hear that a trial is ``complete``, ``pruned``, ``failed`` or ``interrupted``."""
        ...

    def note(self, text: str) -> None:
        """Hear of something else."""
        ...


class LogTuneProgress:
    """Writes log lines."""

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        """Log what is tried."""
        shown = ", ".join(
            f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in params.items()
        )
        logger.info("trial %d on %s: %s", number, slot, shown)

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        """Log the epoch."""
        logger.info("trial %d on %s  epoch %d: valid %.6f", number, slot, epoch, value)

    def ended(self, number: int, state: str, value: float | None) -> None:
        """Log how it ended."""
        logger.info("trial %d %s%s", number, state, "" if value is None else f", valid {value:.6f}")

    def note(self, text: str) -> None:
        """Log it."""
        logger.warning("%s", text)


class BenchProgress(Protocol):
    """Hears of a bench's packs."""

    def entered(self, label: str, recorded: int, missing: int) -> None:
        """Hear how many runs of a row are there, and how many are to be trained."""
        ...

    def began(self, key: str, slot: str) -> None:
        """Hear that a pack begins."""
        ...

    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None:
        """Hear a pack's validation losses of an epoch."""
        ...

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        """Hear that a pack is done, and which of its seeds went wrong."""
        ...

    def note(self, text: str) -> None:
        """Hear of something else."""
        ...


class LogBenchProgress:
    """Writes log lines."""

    def entered(self, label: str, recorded: int, missing: int) -> None:
        """Log the row."""
        logger.info("%s: %s recorded before, %d to train", label, counted(recorded, "run"), missing)

    def began(self, key: str, slot: str) -> None:
        """Log the beginning."""
        logger.info("%s on %s", key, slot)

    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None:
        """Log the epoch."""
        mean = sum(losses.values()) / len(losses)
        logger.info("%s on %s  epoch %d: valid %.6f", key, slot, epoch, mean)

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        """Log the end."""
        wrong = "; ".join(sorted(set(errors.values())))
        logger.log(
            logging.WARNING if wrong else logging.INFO,
            "%s: %.1f s%s",
            key,
            seconds,
            f", {wrong}" if wrong else "",
        )

    def note(self, text: str) -> None:
        """Log it."""
        logger.warning("%s", text)
