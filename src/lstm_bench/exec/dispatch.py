"""The dispatcher: keeps every slot busy, and forwards reports of workers to the source of the jobs.

Jobs that fail are tried again as :mod:`lstm_bench.exec.retry` decides.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from types import FrameType
from typing import Any, Protocol

from lstm_bench.core.errors import DeviceError
from lstm_bench.exec.devices import Slot, SlotTable
from lstm_bench.exec.retry import Attempts, Decision, Failed, decide
from lstm_bench.exec.worker import Event, Finished, Halted, Job, Noted, Opened, Reported, Unopened

__all__ = ["Dispatcher", "Executor", "JobSource", "graceful_interrupt"]

_WAIT_SECONDS = 0.25
_GRACE_SECONDS = 30.0


class Executor(Protocol):
    """Runs jobs on slots; a slot holds one at a time."""

    def start(self, slot: Slot, job: Job) -> None:
        """Start a job on a free slot."""

    def answer(self, slot: Slot, go_on: bool) -> None:
        """Answer a report."""

    def wait(self, seconds: float) -> list[tuple[Slot, Event]]:
        """Wait for events for at most so many seconds."""

    def halt(self, slot: Slot) -> None:
        """Ask a slot's job to stop at the end of its batch."""

    def kill(self, slot: Slot) -> None:
        """Kill a slot's worker; a thread cannot be killed."""

    def retire(self, slot: Slot) -> None:
        """End a slot's idle worker to free the device memory that it holds."""

    def close(self) -> None:
        """End all workers, busy ones too."""


class JobSource:
    """Provides jobs and takes their results. This one has no jobs.

    Each claimed job ends in one call of ``finished``, ``failed`` or ``halted``, unless it is split or the dispatcher
    stops before it is tried again.
    """

    def claim(self, slot: Slot) -> Job | None:
        """Return a new job for a free slot; None if there is none now."""
        return None

    def started(self, job: Job, slot: Slot) -> None:
        """Handle the start of an attempt at a job."""

    def opened(self, job: Job, slot: Slot, device: str) -> None:
        """Handle the name of the device that the worker opened."""

    def reported(self, job: Job, slot: Slot, values: dict[str, Any]) -> bool:
        """Handle a progress report; return False to prune the job."""
        return True

    def finished(self, job: Job, slot: Slot, result: dict[str, Any]) -> None:
        """Handle a job's result."""

    def retried(self, job: Job, failure: Failed) -> None:
        """Handle a failed attempt at a job that will be tried again, whole or split."""

    def failed(self, job: Job, slot: Slot, failure: Failed) -> None:
        """Handle a job that has failed for good."""

    def halted(self, job: Job, slot: Slot) -> None:
        """Handle a job that was stopped because the dispatcher stops."""

    def split(self, job: Job) -> Sequence[Job]:
        """Return smaller jobs that together do the same in less memory; empty if the job cannot be split."""
        return ()

    def noted(self, text: str) -> None:
        """Handle a message that does not belong to one job."""

    def tick(self) -> None:
        """Do periodic work; called a few times a second."""

    def close(self) -> None:
        """Give back the jobs that have not ended; no worker is left."""


class Dispatcher:
    """Runs jobs until the source has none, until it is stopped, or until the monotonic time ``until``."""

    def __init__(
        self, source: JobSource, executor: Executor, slots: SlotTable, *, until: float | None = None
    ) -> None:
        self._source = source
        self._executor = executor
        self._slots = slots
        self._until = until
        self._at_work: dict[Slot, Job] = {}
        self._deadlines: dict[Slot, float] = {}
        self._again: deque[Job] = deque()
        self._attempts: dict[str, Attempts] = {}
        self._opened: dict[Slot, str] = {}
        self._messages: set[str] = set()
        self._halting = False
        self.stopping = False

    def run(self) -> None:
        """Run all jobs; no worker is left when this returns."""
        with closing(self._source), closing(self._executor):
            self._fill()
            while self._at_work:
                for slot, event in self._executor.wait(_WAIT_SECONDS):
                    self._handle(slot, event)
                self._source.tick()
                self._watch_time()
                self._fill()

    def stop(self) -> None:
        """Start no more jobs, and halt running ones at the end of their batch. Signal handlers may call this."""
        self.stopping = True

    def _fill(self) -> None:
        for slot in self._slots.free:
            if self.stopping:
                return
            job = self._again.popleft() if self._again else self._source.claim(slot)
            if job is None:
                return
            self._start(job, slot)

    def _start(self, job: Job, slot: Slot) -> None:
        self._slots.take(slot)
        self._at_work[slot] = job
        if job.timeout_seconds is not None:
            self._deadlines[slot] = time.monotonic() + job.timeout_seconds
        self._source.started(job, slot)
        self._executor.start(slot, job)
        if slot in self._opened:
            self._source.opened(job, slot, self._opened[slot])

    def _handle(self, slot: Slot, event: Event) -> None:
        job = self._at_work[slot]
        match event:
            case Opened(device):
                self._opened[slot] = device
                self._source.opened(job, slot, device)
            case Unopened(error):
                raise DeviceError(f"--devices: {slot.device.name} cannot be opened: {error}")
            case Noted(text):
                if text not in self._messages:  # every worker logs the same about the same data
                    self._messages.add(text)
                    self._source.noted(text)
            case Reported(values):
                self._executor.answer(slot, self._source.reported(job, slot, values))
            case Finished() | Halted() | Failed():
                self._end(job, slot, event)

    def _end(self, job: Job, slot: Slot, event: Finished | Halted | Failed) -> None:
        is_overdue = time.monotonic() >= self._deadlines.pop(slot, float("inf"))
        del self._at_work[slot]
        self._slots.release(slot)
        match event:
            case Finished(result):
                self._source.finished(job, slot, result)
            case Halted():
                if is_overdue:
                    self._failed(job, slot, Failed("overdue", "not done within its time limit"))
                else:
                    self._source.halted(job, slot)
            case Failed(kind=kind):
                if kind in ("lost", "out of memory"):
                    self._opened.pop(slot, None)
                if kind == "out of memory":
                    self._executor.retire(slot)  # other workers may need the memory that it still holds
                if kind == "lost" and is_overdue:
                    event = Failed("overdue", "not done within its time limit")
                self._failed(job, slot, event)

    def _failed(self, job: Job, slot: Slot, failure: Failed) -> None:
        attempts = self._attempts.setdefault(job.key, Attempts(raised=job.raised_before))
        parts = self._source.split(job) if failure.kind == "out of memory" else ()
        decision = decide(
            failure,
            attempts,
            max_retries=job.max_retries,
            can_split=bool(parts),
            shares_device=self._slots.was_shared(slot),
        )
        attempts.count(failure)
        if decision is Decision.FAIL:
            self._source.failed(job, slot, failure)
            return
        if decision is Decision.RETRY_ON_FEWER_SLOTS:
            self._slots.narrow(slot)
        self._again.extend(parts if decision is Decision.SPLIT else [job])
        self._source.retried(job, failure)

    def _watch_time(self) -> None:
        now = time.monotonic()
        for slot, deadline in self._deadlines.items():
            if now >= deadline:
                self._executor.halt(slot)
            if now > deadline + _GRACE_SECONDS:
                self._executor.kill(slot)  # it does not reach the end of its batch
        if self._until is not None and now >= self._until:
            self.stop()
        if self.stopping and not self._halting:
            self._halting = True
            if self._at_work:
                self._source.noted("stopping at the end of the batch; Ctrl-C again stops at once")
            for slot in self._at_work:
                self._executor.halt(slot)


@contextmanager
def graceful_interrupt(stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Turn the first SIGINT or SIGTERM into a call of ``stop``; the second one interrupts at once.

    Yields
    ------
    A function that returns whether a signal arrived.
    """
    came = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True
        stop()

    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield lambda: came
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
