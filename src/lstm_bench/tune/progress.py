"""Progress of tuning and benches: the protocols, and log lines."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from lstm_bench.core.counting import counted

__all__ = ["BenchProgress", "LogBenchProgress", "LogTuneProgress", "TuneProgress"]

logger = logging.getLogger("lstm_bench")


class TuneProgress(Protocol):
    """Receives the progress of a study's trials."""

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        """Handle the start of a trial."""
        ...

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        """Handle a trial's mean validation loss of an epoch."""
        ...

    def ended(self, number: int, state: str, value: float | None) -> None:
        """Handle the end of a trial: ``complete``, ``pruned``, ``failed`` or ``interrupted``."""
        ...

    def note(self, text: str) -> None:
        """Handle any other message."""
        ...


class LogTuneProgress:
    """Writes log lines."""

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        """Log the parameters."""
        shown = ", ".join(
            f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in params.items()
        )
        logger.info("trial %d on %s: %s", number, slot, shown)

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        """Log the epoch."""
        logger.info("trial %d on %s  epoch %d: valid %.6f", number, slot, epoch, value)

    def ended(self, number: int, state: str, value: float | None) -> None:
        """Log the end."""
        logger.info("trial %d %s%s", number, state, "" if value is None else f", valid {value:.6f}")

    def note(self, text: str) -> None:
        """Log the message."""
        logger.warning("%s", text)


class BenchProgress(Protocol):
    """Receives the progress of a bench's packs."""

    def entered(self, label: str, recorded: int, missing: int) -> None:
        """Handle the number of a row's recorded runs, and of those to be trained."""
        ...

    def began(self, key: str, slot: str) -> None:
        """Handle the start of a pack."""
        ...

    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None:
        """Handle a pack's validation losses of an epoch."""
        ...

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        """Handle the end of a pack, and the errors of its seeds."""
        ...

    def note(self, text: str) -> None:
        """Handle any other message."""
        ...


class LogBenchProgress:
    """Writes log lines."""

    def entered(self, label: str, recorded: int, missing: int) -> None:
        """Log the row."""
        logger.info("%s: %s recorded before, %d to train", label, counted(recorded, "run"), missing)

    def began(self, key: str, slot: str) -> None:
        """Log the start."""
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
        """Log the message."""
        logger.warning("%s", text)
