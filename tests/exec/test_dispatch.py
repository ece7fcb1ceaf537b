"""The dispatcher over an executor and a source that keep books: nothing here runs."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter, deque
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.exec.devices import Device, Slot, SlotTable
from lstm_bench.exec.dispatch import Dispatcher, JobSource, graceful_interrupt
from lstm_bench.exec.retry import MAX_LOST_WORKERS, Failed
from lstm_bench.exec.worker import Event, Finished, Halted, Job, Opened, Reported

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
            Failed("raised", "x"),
            Failed("out of memory", "x"),
            Failed("lost", "killed by signal 9"),
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
            free = self.source.table.free if self.source.table is not None else []
            assert not free, "a slot idles while jobs wait"
        chosen = self._draw.sample(list(self._events), self._draw.randint(1, len(self._events)))
        popped = [(slot, self._events[slot].popleft()) for slot in chosen]
        for slot, event in popped:
            if isinstance(event, Failed) and event.kind == "lost":
                self._there.discard(slot)
            if not self._events[slot]:
                del self._events[slot]
        return popped

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


class Source(JobSource):
    """Gives jobs, and counts what becomes of them."""

    def __init__(self, jobs: int, slots: int, **limits: Any) -> None:
        self.waiting = deque(Job(f"job {number}", "", {}, **limits) for number in range(jobs))
        self.table: SlotTable | None = None
        self.slots = slots
        self.claimed = 0
        self.at_work: dict[str, Slot] = {}
        self.devices: dict[str, str] = {}
        self.retries: Counter[str] = Counter()
        self.ended: list[tuple[str, str]] = []

    def claim(self, slot: Slot) -> Job | None:
        if not self.waiting:
            return None
        self.claimed += 1
        return self.waiting.popleft()

    def started(self, job: Job, slot: Slot) -> None:
        assert slot not in self.at_work.values()
        assert job.key not in self.at_work
        self.at_work[job.key] = slot
        self.devices.pop(job.key, None)

    def opened(self, job: Job, slot: Slot, device: str) -> None:
        self.devices[job.key] = device

    def reported(self, job: Job, slot: Slot, values: dict[str, object]) -> bool:
        assert self.at_work[job.key] is slot
        return values["epoch"] == 0

    def finished(self, job: Job, slot: Slot, result: dict[str, object]) -> None:
        assert self.devices[job.key] == slot.device.opens
        self._end(job, slot, "finished")

    def retried(self, job: Job, failure: Failed) -> None:
        del self.at_work[job.key]
        self.retries[job.key] += 1

    def failed(self, job: Job, slot: Slot, failure: Failed) -> None:
        self._end(job, slot, failure.kind)

    def halted(self, job: Job, slot: Slot) -> None:
        self._end(job, slot, "halted")

    def _end(self, job: Job, slot: Slot, how: str) -> None:
        assert self.at_work.pop(job.key) is slot
        self.ended.append((job.key, how))

    def noted(self, text: str) -> None: ...


@given(seed=st.integers(0, 10**6), jobs=st.integers(0, 25), width=st.integers(1, 3))
def test_every_job_ends_once_and_no_slot_idles_while_jobs_wait(seed: int, jobs: int, width: int) -> None:
    table = SlotTable(FOUR, width)
    executor, source = Shuffler(seed), Source(jobs, 4 * width, max_retries=2)
    executor.source, source.table = source, table
    Dispatcher(source, executor, table).run()
    assert sorted(key for key, _ in source.ended) == sorted(f"job {number}" for number in range(jobs))
    assert {how for _, how in source.ended} <= {"finished", "raised", "out of memory", "lost"}
    assert executor.most == min(jobs, 4 * width)
    assert table.free == table.slots
    assert executor.closed


def test_reports_are_answered_with_what_the_source_says() -> None:
    executor, source = Shuffler(3), Source(20, 4)
    Dispatcher(source, executor, SlotTable(FOUR, 1)).run()
    assert {True, False} == set(executor.answers)


class Scripted:
    """An executor whose jobs end as a script says: one event for each attempt, in the order of starts."""

    def __init__(self, *events: Event) -> None:
        self.script = deque(events)
        self.current: dict[Slot, Event] = {}
        self.started: list[tuple[str, str]] = []

    def start(self, slot: Slot, job: Job) -> None:
        self.started.append((job.key, slot.name))
        self.current[slot] = self.script.popleft()

    def wait(self, seconds: float) -> list[tuple[Slot, Event]]:
        events, self.current = self.current, {}
        return list(events.items())

    def answer(self, slot: Slot, go_on: bool) -> None: ...
    def halt(self, slot: Slot) -> None: ...
    def kill(self, slot: Slot) -> None: ...
    def retire(self, slot: Slot) -> None: ...
    def close(self) -> None: ...


def test_a_job_whose_worker_is_lost_again_and_again_fails() -> None:
    lost = Failed("lost", "its worker was lost: killed by signal 9")
    executor, source = Scripted(*[lost] * 20), Source(1, 1)
    Dispatcher(source, executor, SlotTable(FOUR[:1], 1)).run()
    assert source.ended == [("job 0", "lost")]
    assert source.retries["job 0"] == MAX_LOST_WORKERS == len(executor.started) - 1


def test_attempts_under_an_earlier_driver_count() -> None:
    executor = Scripted(*[Failed("raised", "x")] * 20)
    source = Source(1, 1, max_retries=2, raised_before=1)
    Dispatcher(source, executor, SlotTable(FOUR[:1], 1)).run()
    assert (source.ended, source.retries["job 0"]) == ([("job 0", "raised")], 1)


def test_jobs_that_run_out_of_memory_together_are_each_tried_alone() -> None:
    executor, source = Scripted(*[Failed("out of memory", "x")] * 20), Source(2, 1)
    table = SlotTable(FOUR[:1], 2)
    Dispatcher(source, executor, table).run()
    assert executor.started == [
        ("job 0", "fake:0/0"), ("job 1", "fake:0/1"), ("job 0", "fake:0/0"), ("job 1", "fake:0/0")
    ]  # fmt: skip
    assert source.ended == [("job 0", "out of memory"), ("job 1", "out of memory")]
    assert len(table.slots) == 1


def test_a_job_that_can_be_split_is_tried_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Failed("out of memory", "x")
    executor, source = Scripted(full, *[Finished({})] * 3), Source(2, 1)
    source.split = lambda job: [replace(job, key=f"{job.key}{half}") for half in "ab"]  # type: ignore[method-assign]
    monkeypatch.setattr(Source, "finished", lambda self, job, slot, _: self._end(job, slot, "finished"))
    Dispatcher(source, executor, SlotTable(FOUR[:1], 1)).run()
    assert [key for key, _ in executor.started] == ["job 0", "job 0a", "job 0b", "job 1"]


def test_a_stop_leaves_what_was_to_be_tried_again() -> None:
    executor, source = Scripted(Failed("lost", "x")), Source(1, 1)
    dispatcher = Dispatcher(source, executor, SlotTable(FOUR[:1], 1))
    source.retried = lambda *_: dispatcher.stop()  # type: ignore[method-assign]
    dispatcher.run()
    assert source.ended == []
    assert len(executor.started) == 1


@given(seed=st.integers(0, 10**6))
def test_a_stop_halts_what_is_at_work_and_starts_nothing(seed: int) -> None:
    executor, source = Shuffler(seed), Source(1000, 4)
    dispatcher = Dispatcher(source, executor, SlotTable(FOUR, 1))
    finished = source.finished

    def third(job: Job, slot: Slot, result: dict[str, object]) -> None:
        finished(job, slot, result)
        if sum(how == "finished" for _, how in source.ended) == 3:
            dispatcher.stop()

    source.finished = third  # type: ignore[method-assign]
    dispatcher.run()
    assert not source.at_work
    unfinished = source.claimed - len(source.ended)  # claimed, and to be tried again
    assert 0 <= unfinished <= sum(source.retries.values())
    assert sum(how == "finished" for _, how in source.ended) <= 3 + 4
    assert len(executor.halted) == len(set(executor.halted))


def test_what_is_overdue_is_halted_alone_and_fails() -> None:
    executor, source = Shuffler(0), Source(12, 4)
    source.waiting[5] = replace(source.waiting[5], timeout_seconds=0.0)
    dispatcher = Dispatcher(source, executor, SlotTable(FOUR, 1))
    source.tick = dispatcher._watch_time  # type: ignore[method-assign]
    dispatcher.run()
    assert len(source.ended) == 12
    assert set(executor.halted) <= {Slot(device, 0) for device in FOUR}
    assert "halted" not in {how for _, how in source.ended}


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
