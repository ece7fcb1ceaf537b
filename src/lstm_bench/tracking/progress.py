"""Progress of a run: its stages, steps and epochs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstm_bench.model.trainer import Fit

__all__ = ["Progress", "epoch_line"]

logger = logging.getLogger("lstm_bench")


class Progress:
    """Receives a run's stages, steps and epochs. It logs a line per epoch; subclasses show more."""

    def stage(self, name: str) -> None:
        """Handle the start of a stage."""

    def step(self, done: int, steps: int) -> None:
        """Handle that ``done`` of an epoch's ``steps`` are done."""

    def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
        """Handle the end of an epoch. ``fits`` are the members that it trained; there are at most ``n_epochs``."""
        for fit in fits:
            logger.info("%s", epoch_line(fit, n_epochs))


def epoch_line(fit: Fit, n_epochs: int) -> str:
    """Return a line with the losses of a member's last epoch."""
    last = fit.epochs[-1]
    score = "" if last.valid_score == -last.valid_loss else f", score {last.valid_score:.6f}"
    return (
        f"seed {fit.member.seed}  epoch {last.number} of at most {n_epochs}: train {last.train_loss:.6f}, "
        f"valid {last.valid_loss:.6f}{score}, best epoch {fit.best_epoch}, {last.seconds:.1f} s"
    )
