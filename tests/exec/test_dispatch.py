"""The dispatcher over an executor and a source that keep books: nothing here runs."""

from __future__ import annotations

import random
import signal
import time
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.exec.devices import Device, Slot, SlotTable
from lstm_bench.exec.dispatch import Dispatcher, graceful_interrupt
from lstm_bench.exec.worker import Event, Failed, Finished, Halted, Job, Lost, Opened, Reported

FOUR = [Device(f"fake:{index}", f"cpu:{index}", 1 << 30, 4) for index in range(4)]


class Shuffler:
    """An executor that lets a random slot come one event further each time."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._events: dict[Slot, deque[Event]] = {}
        self._there: set[Slot] = set()
        self.halted: list[Slot] = []
        self.answers: list[bool] = []
        self.most = 0
        self.closed = False
        self.source: Source | None = None

    def start(self, slot: Slot, job: Job) -> None:
        assert slot not in self._events, f"{slot.name} is held twice"
        endings: list[Event] = [
            Finished({}),
            Finished({}),
            Failed("x", "", False),
            Failed("x", "", True),
            Lost("killed by signal 9"),
        ]
        script: list[Event] = [Reported({"epoch": epoch}) for epoch in range(self._draw.randrange(3))]
        opening: list[Event] = [] if slot in self._there else [Opened(slot.device.opens)]
        self._there.add(slot)
        self._events[slot] = deque([*opening, *script, self._draw.choice(endings)])
        self.most = max(self.most, len(self._events))

    def answer(self, slot: Slot, go_on: bool) -> None:
        self.answers.append(go_on)

    def wait(self, seconds: float) -> list[tuple[Slot, Event]]:
        if self.source is not None and self.source.waiting and not self.halted:
            assert len(self._events) == self.source.slots, "a slot idles while jobs wait"
        chosen = self._draw.sample(list(self._events), self._draw.randint(1, len(self._events)))
        told = [(slot, self._events[slot].popleft()) for slot in chosen]
        for slot, event in told:
            if isinstance(event, Lost):
                self._there.discard(slot)
            if not self._events[slot]:
                del self._events[slot]
        return told

    def halt(self, slot: Slot) -> None:
        self.halted.append(slot)
        opening = [event for event in self._events[slot] if isinstance(event, Opened)]
        self._events[slot] = deque([*opening, Halted()])

    def kill(self, slot: Slot) -> None:
        raise AssertionError("nothing here hangs")

    def retire(self, slot: Slot) -> None:
        assert slot not in self._events
        self._there.remove(slot)

    def close(self) -> None:
        self.closed = True


class Source:
    """Gives jobs, takes failed ones back, and counts."""

    def __init__(self, jobs: int, slots: int) -> None:
        self.waiting = deque(Job(f"job {number}", "", {}) for number in range(jobs))
        self.slots = slots
        self.at_work: dict[str, Slot] = {}
        self.devices: dict[str, str] = {}
        self.ended: list[tuple[str, str]] = []
        self.late: set[str] = set()

    def claim(self, slot: Slot) -> Job | None:
        if not self.waiting:
            return None
        job = self.waiting.popleft()
        assert slot not in self.at_work.values()
        self.at_work[job.key] = slot
        self.devices.pop(job.key, None)
        return job

    def opened(self, job: Job, slot: Slot, device: str) -> None:
        self.devices[job.key] = device

    def reported(self, job: Job, slot: Slot, values: dict[str, object]) -> bool:
        assert self.at_work[job.key] is slot
        return values["epoch"] == 0

    def finished(self, job: Job, slot: Slot, result: dict[str, object]) -> None:
        assert self.at_work.pop(job.key) is slot
        assert self.devices[job.key] == slot.device.opens
        self.ended.append((job.key, "finished"))

    def failed(self, job: Job, slot: Slot, failure: Failed | Lost) -> None:
        assert self.at_work.pop(job.key) is slot
        self.waiting.append(job)

    def halted(self, job: Job, slot: Slot) -> None:
        assert self.at_work.pop(job.key) is slot
        self.ended.append((job.key, "halted"))

    def overdue(self, job: Job) -> bool:
        return job.key in self.late

    def noted(self, text: str) -> None: ...

    def tick(self) -> None: ...


@given(seed=st.integers(0, 10**6), jobs=st.integers(0, 25), width=st.integers(1, 3))
def test_every_job_ends_once_and_no_slot_idles_while_jobs_wait(seed: int, jobs: int, width: int) -> None:
    table = SlotTable(FOUR, width)
    executor, source = Shuffler(seed), Source(jobs, 4 * width)
    executor.source = source
    Dispatcher(source, executor, table).run()
    assert sorted(source.ended) == sorted((f"job {number}", "finished") for number in range(jobs))
    assert executor.most == min(jobs, 4 * width)
    assert table.free == table.slots
    assert executor.closed


def test_reports_are_answered_with_what_the_source_says() -> None:
    executor, source = Shuffler(3), Source(20, 4)
    Dispatcher(source, executor, SlotTable(FOUR, 1)).run()
    assert {True, False} == set(executor.answers)


@given(seed=st.integers(0, 10**6))
def test_a_stop_halts_what_is_at_work_and_starts_nothing(seed: int) -> None:
    executor, source = Shuffler(seed), Source(1000, 4)
    dispatcher = Dispatcher(source, executor, SlotTable(FOUR, 1))
    finished = source.finished

    def third(job: Job, slot: Slot, result: dict[str, object]) -> None:
        finished(job, slot, result)
        if len(source.ended) == 3:
            dispatcher.stop()

    source.finished = third  # type: ignore[method-assign]
    dispatcher.run()
    assert not source.at_work
    assert len(source.ended) + len(source.waiting) == 1000
    assert len(source.ended) <= 3 + 4
    assert len(executor.halted) == len(set(executor.halted))


def test_what_is_overdue_is_halted_alone() -> None:
    executor, source = Shuffler(0), Source(12, 4)
    source.late = {"job 5"}
    Dispatcher(source, executor, SlotTable(FOUR, 1)).run()
    assert [key for key, how in source.ended if how == "halted"] in (["job 5"], [])
    assert len(executor.halted) >= 1
    assert len(source.ended) == 12


def test_time_ends() -> None:
    executor, source = Shuffler(0), Source(1000, 4)
    Dispatcher(source, executor, SlotTable(FOUR, 1), until=time.monotonic()).run()
    assert len(source.ended) <= 8
    assert len(executor.halted) > 0


def test_workers_are_ended_when_the_source_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, source = Shuffler(0), Source(10, 4)

    def broken(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(source, "finished", broken)
    with pytest.raises(OSError, match="no space"):
        Dispatcher(source, executor, SlotTable(FOUR, 1)).run()
    assert executor.closed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    asked: list[bool] = []
    with graceful_interrupt(lambda: asked.append(True)) as came:
        assert not came()
        signal.raise_signal(number)
        assert came()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert asked == [True]
    assert signal.getsignal(number) is before
