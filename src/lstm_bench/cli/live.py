"""Live view of a run on a terminal; plain log lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from lstm_bench.cli.output import duration
from lstm_bench.tracking.progress import Progress, epoch_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from lstm_bench.model.trainer import Fit

__all__ = ["live_progress"]

_STAGES = {
    "fingerprint": "hashing the data",
    "dataset": "building the dataset",
    "train": "training",
    "predict": "scoring the test segment",
    "score": "scoring the test segment",
    "evaluate": "evaluating",
    "record": "writing the record",
}


@contextmanager
def live_progress(stream: TextIO) -> Iterator[Progress]:
    """Yield a live view if ``stream`` is a terminal, else a log."""
    if not stream.isatty():
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bars(*columns, console=Console(file=stream), transient=True) as bars:
        yield _LiveProgress(bars)


class _LiveProgress(Progress):
    """Two bars: the stage, which counts epochs during training, and the steps of the epoch."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._stage = bars.add_task("starting", total=None, note="")
        self._steps = bars.add_task("  steps", total=None, note="", visible=False)

    def stage(self, name: str) -> None:
        self._bars.reset(self._stage, total=None, description=_STAGES.get(name, name), note="")
        self._bars.update(self._steps, visible=False)

    def step(self, done: int, steps: int) -> None:
        self._bars.update(self._steps, completed=done, total=steps, visible=True)

    def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
        """Print the epoch above the bars, and show the best epoch and the longest time left."""
        for fit in fits:
            self._bars.console.print(epoch_line(fit, n_epochs), highlight=False)
        done = len(fits[0].epochs)
        seconds = sum(fit.epochs[-1].seconds for fit in fits) * (n_epochs - done)
        best = max(fits, key=lambda fit: fit.best_score)
        note = f"best {best.best_score:.6f} (epoch {best.best_epoch}), at most {duration(seconds)} left"
        self._bars.update(self._stage, completed=done, total=n_epochs, note=note)
