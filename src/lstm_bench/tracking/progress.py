"""What a run tells while it works."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from lstm_bench.model.trainer import Fit

__all__ = ["LogProgress", "Progress", "epoch_line"]

logger = logging.getLogger("lstm_bench")


class Progress(Protocol):
    """Hears of a run's stages, steps and epochs."""

    def stage(self, name: str) -> None:
        """Hear that a stage begins."""
        ...

    def step(self, done: int, steps: int) -> None:
        """Hear that ``done`` of an epoch's ``steps`` are done."""
        ...

    def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
        """Hear that an epoch of at most ``n_epochs`` is over."""
        ...


class LogProgress:
    """Writes a log line an epoch."""

    def stage(self, name: str) -> None:
        """Say nothing: the epochs and the summary do."""

    def step(self, done: int, steps: int) -> None:
        """Say nothing."""

    def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
        """Log the epoch's losses."""
        for fit in fits:
            logger.info("%s", epoch_line(fit, n_epochs))


def epoch_line(fit: Fit, n_epochs: int) -> str:
    """Say in a line what a member's last epoch gave."""
    last = fit.epochs[-1]
    score = "" if last.valid_score == -last.valid_loss else f", score {last.valid_score:.6f}"
    return (
        f"seed {fit.member.seed}  epoch {last.number} of at most {n_epochs}: train {last.train_loss:.6f}, "
        f"valid {last.valid_loss:.6f}{score}, best epoch {fit.best_epoch}, {last.seconds:.1f} s"
    )
