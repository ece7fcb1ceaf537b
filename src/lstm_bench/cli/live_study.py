"""A live view of tuning and benching, where there is a terminal; plain log lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from lstm_bench.cli.output import duration
from lstm_bench.cli.trial_table import params_text, sparkline
from lstm_bench.core.counting import counted
from lstm_bench.tune.progress import BenchProgress, LogBenchProgress, LogTuneProgress, TuneProgress
from lstm_bench.tune.trials import TrialRow, best_trial

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

__all__ = ["live_bench", "live_tuning"]

_CTRL_C = (
    3  # columns kept free on the right: "^C", which a terminal writes there, would push the view down a line
)
_COLUMNS = ("slot", "at work", "epochs", "valid loss", "curve", "time", "parameters")
_LEAST_WIDTH = {"curve": 72, "time": 56, "parameters": 100}
"""Terminals narrower than that do without a column."""


@contextmanager
def live_tuning(stream: TextIO, name: str, total: int, before: Sequence[TrialRow]) -> Iterator[TuneProgress]:
    """Give the progress that suits ``stream``.

    Parameters
    ----------
    name
        The study.
    total
        Trials asked for.
    before
        Trials that are there already.
    """
    if not stream.isatty():
        yield LogTuneProgress()
        return
    view = _TuningView(name, total, before)
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

    view.console = Console(file=stream)
    return Live(console=view.console, get_renderable=view.render, refresh_per_second=4, transient=True)


@dataclass
class _Line:
    """What a slot holds."""

    name: str
    text: str
    began: float
    curve: list[float] = field(default_factory=list)


class _View:
    """A heading and a table of slots, a line each."""

    console: Console

    def __init__(self) -> None:
        self._slots: dict[str, _Line | None] = {}
        self._started: float | None = None

    def heading(self) -> str:
        """Say how far all of it is."""
        raise NotImplementedError

    @property
    def passed(self) -> float:
        """Seconds since the first job began."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def render(self) -> RenderableType:
        """Draw it."""
        from rich import box
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        width = self.console.width
        shown = [name for name in _COLUMNS if width >= _LEAST_WIDTH.get(name, 0)]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in shown:
            table.add_column(name, no_wrap=name != "parameters")  # what wraps is what shrinks
        for slot, line in sorted(self._slots.items()):
            cells = {"slot": slot, "at work": "idle"} if line is None else _cells(slot, line)
            table.add_row(*(Text(cells.get(name, ""), no_wrap=True, overflow="ellipsis") for name in shown))
        heading = Text(self.heading(), style="bold")
        return Padding(Group(heading, table) if self._slots else heading, (0, _CTRL_C, 0, 0))

    def put(self, slot: str, name: str, text: str) -> None:
        """Show that a slot holds something new."""
        now = time.monotonic()
        self._started = self._started or now
        self._slots[slot] = _Line(name, text, now)

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
        self.console.print(text, highlight=False, markup=False)


def _cells(slot: str, line: _Line) -> dict[str, str]:
    return {
        "slot": slot,
        "at work": line.name,
        "epochs": str(len(line.curve)) if line.curve else "",
        "valid loss": f"{line.curve[-1]:.6f}" if line.curve else "",
        "curve": sparkline(line.curve),
        "time": duration(time.monotonic() - line.began),
        "parameters": line.text,
    }


class _TuningView(_View):
    """Slots with their trials; best so far, pruned, time left."""

    def __init__(self, name: str, total: int, before: Sequence[TrialRow]) -> None:
        super().__init__()
        self._name = name
        self._total = total
        self._finished = sum(trial.is_finished for trial in before)
        self._here = 0
        self._pruned = sum(trial.state == "pruned" for trial in before)
        best = best_trial(before)
        self._best = None if best is None or best.value is None else (best.value, best.number)

    def heading(self) -> str:
        """Say how far the study is."""
        parts = [
            f"study {self._name}: {self._finished} of {counted(self._total, 'trial')}",
            f"{self._pruned} pruned",
        ]
        if self._best is not None:
            value, number = self._best
            parts.append(f"best {value:.6f} (trial {number})")
        if self._here:
            left = self.passed / self._here * max(0, self._total - self._finished)
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

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
        if state == "complete" and value is not None and (self._best is None or value < self._best[0]):
            self._best = (value, number)
        self.say(f"trial {number} {state}" + ("" if value is None else f", valid {value:.6f}"))

    def note(self, text: str) -> None:
        """Print it."""
        self.say(text)


class _BenchView(_View):
    """Slots with their packs of seeds."""

    def __init__(self) -> None:
        super().__init__()
        self._packs = 0
        self._rows: list[str] = []

    def heading(self) -> str:
        """Say what is benched."""
        done = (
            f"{counted(self._packs, 'pack')} done in {duration(self.passed)}"
            if self._packs
            else duration(self.passed)
        )
        return f"{'; '.join(self._rows)}; {done}"

    def entered(self, label: str, recorded: int, missing: int) -> None:
        """Name the row."""
        before = f", {recorded} recorded before" if recorded else ""
        self._rows.append(f"{label}: {counted(missing, 'run')} to train{before}")

    def began(self, key: str, slot: str) -> None:
        """Show the pack in its slot."""
        self.put(slot, key, "")

    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None:
        """Lengthen its curve."""
        self.extend(slot, sum(losses.values()) / len(losses))

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        """Say how it ended."""
        self.free(key)
        self._packs += "interrupted" not in errors.values()
        wrong = "; ".join(sorted(set(errors.values())))
        self.say(f"{key}: {duration(seconds)}{', ' + wrong if wrong else ''}")

    def note(self, text: str) -> None:
        """Print it."""
        self.say(text)
