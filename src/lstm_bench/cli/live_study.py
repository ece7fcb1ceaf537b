"""A live view of tuning and benching, where there is a terminal; plain log lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from lstm_bench.cli.output import duration
from lstm_bench.cli.trial_table import params_text, sparkline
from lstm_bench.study.progress import BenchProgress, LogBenchProgress, LogTuneProgress, TuneProgress

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

__all__ = ["live_bench", "live_tuning"]


@contextmanager
def live_tuning(stream: TextIO, total: int, finished: int, best: float | None) -> Iterator[TuneProgress]:
    """Give the progress that suits ``stream``.

    Parameters
    ----------
    total, finished
        Trials asked for, and those there already.
    best
        The least validation loss so far.
    """
    if not stream.isatty():
        yield LogTuneProgress()
        return
    view = _TuningView(total, finished, best)
    with _live(stream, view):
        yield view


@contextmanager
def live_bench(stream: TextIO) -> Iterator[BenchProgress]:
    """Give the progress that suits ``stream``."""
    if not stream.isatty():
        yield LogBenchProgress()
        return
    view = _BenchView()
    with _live(stream, view):
        yield view


def _live(stream: TextIO, view: _View) -> Live:
    from rich.console import Console
    from rich.live import Live

    view.live = Live(
        console=Console(file=stream), get_renderable=view.render, refresh_per_second=4, transient=True
    )
    return view.live


@dataclass
class _Line:
    """What a slot holds."""

    name: str
    text: str
    began: float
    curve: list[float] = field(default_factory=list)


class _View:
    """A table of slots with a heading."""

    live: Live

    def __init__(self) -> None:
        self._slots: dict[str, _Line | None] = {}
        self._started = time.monotonic()

    def heading(self) -> str:
        """Say how far all of it is."""
        raise NotImplementedError

    def render(self) -> Table:
        """Draw the table."""
        from rich.table import Table

        table = Table(title=self.heading(), title_justify="left", title_style="bold")
        for header in ("slot", "at work", "epochs", "valid loss", "", "time", ""):
            table.add_column(header, no_wrap=header != "")
        for slot, line in sorted(self._slots.items()):
            if line is None:
                table.add_row(slot, "idle")
                continue
            last = f"{line.curve[-1]:.6f}" if line.curve else ""
            passed = duration(time.monotonic() - line.began)
            table.add_row(
                slot, line.name, str(len(line.curve)), last, sparkline(line.curve), passed, line.text
            )
        return table

    def put(self, slot: str, name: str, text: str) -> None:
        """Show that a slot holds something new."""
        self._slots[slot] = _Line(name, text, time.monotonic())

    def extend(self, slot: str, value: float) -> None:
        """Lengthen a slot's curve."""
        line = self._slots.get(slot)
        if line is not None:
            line.curve.append(value)

    def free(self, name: str) -> None:
        """Show a slot as idle."""
        for slot, line in self._slots.items():
            if line is not None and line.name == name:
                self._slots[slot] = None

    def say(self, text: str) -> None:
        """Print a line above the table."""
        self.live.console.print(text, highlight=False)


class _TuningView(_View):
    """Slots with their trials; best so far, pruned, time left."""

    def __init__(self, total: int, finished: int, best: float | None) -> None:
        super().__init__()
        self._total = total
        self._finished = finished
        self._here = 0
        self._pruned = 0
        self._best = best

    def heading(self) -> str:
        """Say how far the study is."""
        left = ""
        if self._here:
            each = (time.monotonic() - self._started) / self._here
            left = f", about {duration(each * (self._total - self._finished))} left"
        best = "" if self._best is None else f", best {self._best:.6f}"
        return f"{self._finished} of {self._total} trials, {self._pruned} pruned now{best}{left}"

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        """Show the trial in its slot."""
        self.put(slot, f"trial {number}", params_text(params))

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        """Lengthen the trial's curve."""
        self.extend(slot, value)

    def ended(self, number: int, state: str, value: float | None) -> None:
        """Count it, and say how it ended."""
        self.free(f"trial {number}")
        if state != "interrupted":
            self._finished += 1
            self._here += 1
        self._pruned += state == "pruned"
        if state == "complete" and value is not None and (self._best is None or value < self._best):
            self._best = value
        self.say(f"trial {number} {state}" + ("" if value is None else f", valid {value:.6f}"))

    def note(self, text: str) -> None:
        """Print it."""
        self.say(text)


class _BenchView(_View):
    """Slots with their packs."""

    def __init__(self) -> None:
        super().__init__()
        self._packs = 0
        self._rows: list[str] = []

    def heading(self) -> str:
        """Say what is benched."""
        return f"{'; '.join(self._rows)}; {self._packs} packs done in {duration(time.monotonic() - self._started)}"

    def entered(self, label: str, recorded: int, missing: int) -> None:
        """Name the row."""
        self._rows.append(f"{label}: {recorded} runs recorded before, {missing} to train")

    def began(self, key: str, slot: str) -> None:
        """Show the pack in its slot."""
        self.put(slot, key, "")

    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None:
        """Lengthen its curve."""
        self.extend(slot, sum(losses.values()) / len(losses))

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        """Say how it ended."""
        self.free(key)
        self._packs += 1
        wrong = "; ".join(sorted(set(errors.values())))
        self.say(f"{key}: {duration(seconds)}{', ' + wrong if wrong else ''}")

    def note(self, text: str) -> None:
        """Print it."""
        self.say(text)
