"""Progress of tuning and benches, as log lines. Subclasses show it otherwise."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from lstm_bench.core.counting import counted

__all__ = ["BenchProgress", "TuneProgress"]

logger = logging.getLogger("lstm_bench")


class TuneProgress:
    """Receives the progress of a study's trials, and logs it."""

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        """Handle the start of a trial."""
        shown = ", ".join(
            f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in params.items()
        )
        logger.info("trial %d on %s: %s", number, slot, shown)

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        """Handle a trial's mean validation loss of an epoch."""
        logger.info("trial %d on %s  epoch %d: valid %.6f", number, slot, epoch, value)

    def ended(self, number: int, state: str, value: float | None) -> None:
        """Handle the end of a trial: ``complete``, ``pruned``, ``failed`` or ``interrupted``."""
        logger.info("trial %d %s%s", number, state, "" if value is None else f", valid {value:.6f}")

    def note(self, text: str) -> None:
        """Handle any other message."""
        logger.warning("%s", text)


class BenchProgress:
    """Receives the progress of a bench's packs, and logs it."""

    def entered(self, label: str, recorded: int, missing: int) -> None:
        """Handle the number of a row's recorded runs, and of those to be trained."""
        logger.info("%s: %s recorded before, %d to train", label, counted(recorded, "run"), missing)

    def began(self, key: str, slot: str) -> None:
        """Handle the start of a pack."""
        logger.info("%s on %s", key, slot)

    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None:
        """Handle a pack's validation losses of an epoch."""
        mean = sum(losses.values()) / len(losses)
        logger.info("%s on %s  epoch %d: valid %.6f", key, slot, epoch, mean)

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        """Handle the end of a pack, and the errors of its seeds."""
        wrong = "; ".join(sorted(set(errors.values())))
        level = logging.WARNING if wrong else logging.INFO
        logger.log(level, "%s: %.1f s%s", key, seconds, f", {wrong}" if wrong else "")

    def note(self, text: str) -> None:
        """Handle any other message."""
        logger.warning("%s", text)
