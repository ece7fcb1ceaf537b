"""A race: further seeds of two rows are trained until their differences decide, or the budget ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.bench.driver import work_off
from lstm_bench.bench.jobs import PackJobs
from lstm_bench.bench.racer import Racer, open_racer
from lstm_bench.bench.standing import Standing, standing
from lstm_bench.exec.devices import Device, Slot, SlotTable
from lstm_bench.exec.retry import Failed
from lstm_bench.exec.worker import Job
from lstm_bench.record.record import Record

if TYPE_CHECKING:
    from lstm_bench.exec.local import ExecutorName
    from lstm_bench.tracking.tracker import Tracker
    from lstm_bench.tune.progress import BenchProgress

__all__ = ["Race", "RaceResult", "run_race"]

_ACCELERATOR_PACK = 8
"""Seeds of a pack on an accelerator: a race rarely ends before the fifth pair."""


@dataclass(frozen=True)
class Race:
    """The terms of a race.

    Attributes
    ----------
    metric : Qlib's name
    seeds : in the race's order
    margin : largest difference that does not matter; None if every difference does
    """

    a: Racer
    b: Racer
    metric: str
    seeds: tuple[int, ...]
    margin: float | None

    def standing(self) -> Standing:
        """Judge the seeds that the evidence has."""
        return standing(self.a.figures, self.b.figures, self.seeds, self.margin)


@dataclass(frozen=True)
class RaceResult:
    """The result of :func:`run_race`.

    Attributes
    ----------
    computed : runs that this call trained
    interrupted : whether a signal stopped it
    failures : what went wrong, by row and seed; the race cannot go beyond such a seed
    """

    computed: int
    interrupted: bool
    failures: dict[tuple[str, int], str]


def run_race(
    race: Race,
    *,
    devices: Sequence[Device],
    slots_per_device: int | None = None,
    pack_width: int | None = None,
    executor: ExecutorName = "local",
    results: Path,
    provider_uri: str | None = None,
    progress: BenchProgress,
    tracker: Tracker | None = None,
) -> RaceResult:
    """Train seeds of both rows in the race's order, until it is over.

    Runs that have a record, or evidence, are not trained again. Both rows' manifests list the new runs.

    Parameters
    ----------
    pack_width
        Seeds in a pack; None is 1 on the CPU and 8 on accelerators.
    provider_uri
        The data folder, if it has moved or the rows have no manifest.
    tracker
        Tracks the runs that are trained; None disables tracking.

    Raises
    ------
    InputError
        If the data of a row are not there.
    """
    if race.standing().is_over:
        return RaceResult(0, False, {})
    slots = SlotTable(devices, slots_per_device or 1)
    on_cpu = any(device.opens == "cpu" for device in devices)
    width = pack_width or (1 if on_cpu else _ACCELERATOR_PACK)
    source = _RaceJobs(race, slots, width, results, provider_uri, progress=progress, tracker=tracker)
    done = work_off(source, slots, executor, slots_per_device)
    return RaceResult(done.computed, done.interrupted, source.failures)


class _RaceJobs(PackJobs):
    """The source of a race's jobs: packs of both rows, as long as it is not over."""

    def __init__(
        self,
        race: Race,
        slots: SlotTable,
        pack_width: int,
        results: Path,
        provider_uri: str | None,
        *,
        progress: BenchProgress,
        tracker: Tracker | None,
    ) -> None:
        racers = race.a, race.b
        opened = [open_racer(racer, race.seeds, results, provider_uri) for racer in racers]
        super().__init__(
            opened, (), slots, pack_width, results, force=False, progress=progress, tracker=tracker
        )
        self._race = race
        self._results = results
        self._racers = dict(zip(self._rows, racers, strict=True))
        self._figures = {name: dict(racer.figures) for name, racer in self._racers.items()}
        # seeds of each row that are queued together: two rows keep all slots busy
        self._step = pack_width * math.ceil(len(slots.slots) / 2)
        self._queued = 0
        self.failures: dict[tuple[str, int], str] = {}

    def claim(self, slot: Slot) -> Job | None:
        """Return the next pack; None if the race is over as far as is known."""
        while not self._waiting and not self._is_over():
            seeds = self._race.seeds[self._queued : self._queued + self._step]
            self._queued += len(seeds)
            for name, figures in self._figures.items():
                if missing := [seed for seed in seeds if seed not in figures]:
                    self.add(name, missing)
                    self._read(name)
        return super().claim(slot)

    def finished(self, job: Job, slot: Slot, result: dict[str, Any]) -> None:
        """Write a pack's runs into the manifest, and read their figures."""
        super().finished(job, slot, result)
        self._read(job.payload["row"])

    def failed(self, job: Job, slot: Slot, failure: Failed) -> None:
        """Write a pack's failure into the manifest; no further pack is begun."""
        super().failed(job, slot, failure)
        name = job.payload["row"]
        self._read(name)
        lost = (seed for seed in job.payload["seeds"] if seed not in self._figures[name])
        self.failures |= {(self._racers[name].name, seed): failure.error for seed in lost}

    def _is_over(self) -> bool:
        if self.failures or self._queued == len(self._race.seeds):
            return True
        a, b = self._figures.values()
        return standing(a, b, self._race.seeds, self._race.margin).is_over

    def _read(self, name: str) -> None:
        """Read the figures of runs that a row's manifest lists."""
        figures = self._figures[name]
        for seed, run in self.rows[name].runs.items():
            if seed not in figures:
                figure = (
                    Record(self._results / self._racers[name].study / run).metrics().get(self._race.metric)
                )
                figures[seed] = None if figure is None or math.isnan(figure) else figure
