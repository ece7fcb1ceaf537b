"""Live views of tuning and benching on a terminal; plain log lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from lstm_bench.cli.output import duration
from lstm_bench.cli.trial_table import params_text, sparkline
from lstm_bench.core.counting import counted
from lstm_bench.tune.progress import BenchProgress, TuneProgress
from lstm_bench.tune.trials import TrialRow, best_trial

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

__all__ = ["live_bench", "live_tuning"]

_RIGHT_MARGIN = 3
"""Free columns on the right: the "^C" that a terminal writes there would otherwise push the view down a line."""
_COLUMNS = ("slot", "at work", "epochs", "valid loss", "curve", "time", "parameters")
_LEAST_WIDTH = {"curve": 72, "time": 56, "parameters": 100}
"""Column -> narrowest terminal that shows it."""


@contextmanager
def live_tuning(stream: TextIO, name: str, total: int, before: Sequence[TrialRow]) -> Iterator[TuneProgress]:
    """Yield a live view of a study if ``stream`` is a terminal, else a log.

    ``total`` is the number of trials to reach, ``before`` are those of earlier calls.
    """
    if not stream.isatty():
        yield TuneProgress()
        return
    view = _TuningView(name, total, before)
    with _live(stream, view):
        yield view


@contextmanager
def live_bench(stream: TextIO) -> Iterator[BenchProgress]:
    """Yield a live view of a bench if ``stream`` is a terminal, else a log."""
    if not stream.isatty():
        yield BenchProgress()
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
    """The job in a slot."""

    name: str
    text: str
    began: float
    curve: list[float] = field(default_factory=list)


class _View:
    """A heading and a table with a line for each slot."""

    console: Console

    def __init__(self) -> None:
        self._slots: dict[str, _Line | None] = {}
        self._started: float | None = None

    def heading(self) -> str:
        """Return the overall progress in one line."""
        raise NotImplementedError

    @property
    def elapsed(self) -> float:
        """Seconds since the first job began."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def render(self) -> RenderableType:
        from rich import box
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        width = self.console.width
        shown = [name for name in _COLUMNS if width >= _LEAST_WIDTH.get(name, 0)]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in shown:
            table.add_column(name, no_wrap=name != "parameters")  # only columns that wrap are shrunk
        for slot, line in sorted(self._slots.items()):
            cells = {"slot": slot, "at work": "idle"} if line is None else _cells(slot, line)
            table.add_row(*(Text(cells.get(name, ""), no_wrap=True, overflow="ellipsis") for name in shown))
        heading = Text(self.heading(), style="bold")
        return Padding(Group(heading, table) if self._slots else heading, (0, _RIGHT_MARGIN, 0, 0))

    def put(self, slot: str, name: str, text: str) -> None:
        now = time.monotonic()
        self._started = self._started or now
        self._slots[slot] = _Line(name, text, now)

    def extend(self, slot: str, value: float) -> None:
        line = self._slots.get(slot)
        if line is not None:
            line.curve.append(value)

    def free(self, name: str) -> None:
        """Show the slot of a job as idle."""
        for slot, line in self._slots.items():
            if line is not None and line.name == name:
                self._slots[slot] = None

    def note(self, text: str) -> None:
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


class _TuningView(_View, TuneProgress):
    """Slots with their trials; best trial so far, pruned trials, time left."""

    def __init__(self, name: str, total: int, before: Sequence[TrialRow]) -> None:
        super().__init__()
        self._name = name
        self._total = total
        self._finished = sum(trial.is_finished for trial in before)
        self._finished_here = 0
        self._pruned = sum(trial.state == "pruned" for trial in before)
        best = best_trial(before)
        self._best = None if best is None or best.value is None else (best.value, best.number)

    def heading(self) -> str:
        parts = [
            f"study {self._name}: {self._finished} of {counted(self._total, 'trial')}",
            f"{self._pruned} pruned",
        ]
        if self._best is not None:
            value, number = self._best
            parts.append(f"best {value:.6f} (trial {number})")
        if self._finished_here:
            left = self.elapsed / self._finished_here * max(0, self._total - self._finished)
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        self.put(slot, f"trial {number}", params_text(params))

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        self.extend(slot, value)

    def ended(self, number: int, state: str, value: float | None) -> None:
        self.free(f"trial {number}")
        if state != "interrupted":
            self._finished += 1
            self._finished_here += 1
        self._pruned += state == "pruned"
        if state == "complete" and value is not None and (self._best is None or value < self._best[0]):
            self._best = (value, number)
        self.note(f"trial {number} {state}" + ("" if value is None else f", valid {value:.6f}"))


class _BenchView(_View, BenchProgress):
    """Slots with their packs of seeds."""

    def __init__(self) -> None:
        super().__init__()
        self._packs = 0
        self._rows: dict[str, str] = {}  # a race enters a row again and again

    def heading(self) -> str:
        packs = f"{counted(self._packs, 'pack')} done in " if self._packs else ""
        return f"{'; '.join(self._rows.values())}; {packs}{duration(self.elapsed)}"

    def entered(self, label: str, recorded: int, missing: int) -> None:
        before = f", {recorded} recorded before" if recorded else ""
        self._rows[label] = f"{label}: {counted(missing, 'run')} to train{before}"

    def began(self, key: str, slot: str) -> None:
        self.put(slot, key, "")

    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None:
        self.extend(slot, sum(losses.values()) / len(losses))

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        self.free(key)
        self._packs += "interrupted" not in errors.values()
        wrong = "; ".join(sorted(set(errors.values())))
        self.note(f"{key}: {duration(seconds)}{', ' + wrong if wrong else ''}")
