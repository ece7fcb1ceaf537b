"""The dispatcher: keeps every slot at work, and hands what workers tell to the source of the jobs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from lstm_bench.core.errors import DeviceError
from lstm_bench.exec.devices import Slot, SlotTable
from lstm_bench.exec.protocol import Executor
from lstm_bench.exec.worker import (
    Event,
    Failed,
    Finished,
    Halted,
    Job,
    Lost,
    Noted,
    Opened,
    Reported,
    Unopened,
)

__all__ = ["Dispatcher", "JobSource", "graceful_interrupt"]

_WAIT_SECONDS = 0.25
_GRACE_SECONDS = 30.0


class JobSource(Protocol):
    """Where jobs come from, and where their results go."""

    def claim(self, slot: Slot) -> Job | None:
        """Give a job for a free slot; None if there is none now."""
        ...

    def opened(self, job: Job, slot: Slot, device: str) -> None:
        """Hear which device the worker opened."""
        ...

    def reported(self, job: Job, slot: Slot, values: dict[str, object]) -> bool:
        """Hear how far a job is; return whether it goes on."""
        ...

    def finished(self, job: Job, slot: Slot, result: dict[str, object]) -> None:
        """Take a job's result."""
        ...

    def failed(self, job: Job, slot: Slot, failure: Failed | Lost) -> None:
        """Take note that a job raised, or was lost with its worker."""
        ...

    def halted(self, job: Job, slot: Slot) -> None:
        """Take note that a job was stopped as asked."""
        ...

    def noted(self, text: str) -> None:
        """Hear of something that is not a job's alone."""
        ...

    def overdue(self, job: Job) -> bool:
        """Tell whether a job has had its time."""
        ...

    def tick(self) -> None:
        """Do what has to be done every now and then."""
        ...


class Dispatcher:
    """Runs jobs until the source has none, or until it is stopped.

    Parameters
    ----------
    source, executor, slots
    until
        Monotonic time at which to stop, None for never.
    """

    def __init__(
        self, source: JobSource, executor: Executor, slots: SlotTable, *, until: float | None = None
    ) -> None:
        self._source = source
        self._executor = executor
        self._slots = slots
        self._until = until
        self._at_work: dict[Slot, Job] = {}
        self._opened: dict[Slot, str] = {}
        self._said: set[str] = set()
        self._overdue: dict[Slot, float] = {}
        self._halting = False
        self.stopping = False

    def run(self) -> None:
        """Work; afterwards no worker is left."""
        try:
            self._fill()
            while self._at_work:
                for slot, event in self._executor.wait(_WAIT_SECONDS):
                    self._handle(slot, event)
                self._source.tick()
                self._watch_time()
                self._fill()
        finally:
            self._executor.close()

    def stop(self) -> None:
        """Start nothing new, and halt what is at work at the end of its batch. A signal handler may call this."""
        self.stopping = True

    def _fill(self) -> None:
        for slot in self._slots.free:
            if self.stopping:
                return
            job = self._source.claim(slot)
            if job is None:
                return
            self._slots.take(slot)
            self._at_work[slot] = job
            self._executor.start(slot, job)
            if slot in self._opened:
                self._source.opened(job, slot, self._opened[slot])

    def _handle(self, slot: Slot, event: Event) -> None:
        job = self._at_work[slot]
        match event:
            case Opened(device):
                self._opened[slot] = device
                self._source.opened(job, slot, device)
                return
            case Unopened(error):
                raise DeviceError(f"--devices: {slot.device.name} cannot be opened: {error}")
            case Noted(text):
                if text not in self._said:  # each worker meets the same data
                    self._said.add(text)
                    self._source.noted(text)
                return
            case Reported(values):
                self._executor.answer(slot, self._source.reported(job, slot, values))
                return
        del self._at_work[slot]
        self._overdue.pop(slot, None)
        self._slots.release(slot)
        match event:
            case Finished(result):
                self._source.finished(job, slot, result)
            case Halted():
                self._source.halted(job, slot)
            case Failed() | Lost():
                if isinstance(event, Lost):
                    self._opened.pop(slot, None)
                if isinstance(event, Failed) and event.out_of_memory:
                    self._opened.pop(slot, None)
                    self._executor.retire(slot)  # what it cannot use, others may need
                self._source.failed(job, slot, event)

    def _watch_time(self) -> None:
        now = time.monotonic()
        for slot, job in self._at_work.items():
            if self._source.overdue(job):
                self._executor.halt(slot)
                if now > self._overdue.setdefault(slot, now) + _GRACE_SECONDS:
                    self._executor.kill(slot)  # it does not get to the end of its batch
        if self._until is not None and time.monotonic() >= self._until:
            self.stop()
        if self.stopping and not self._halting:
            self._halting = True
            if self._at_work:
                self._source.noted("stopping at the end of the batch; Ctrl-C again stops at once")
            for slot in self._at_work:
                self._executor.halt(slot)


@contextmanager
def graceful_interrupt(stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C, or a request to terminate, into a call of ``stop``; the second one interrupts at once.

    Yields
    ------
    A function that tells whether a signal came.
    """
    came = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True
        stop()

    if threading.current_thread() is not threading.main_thread():  # only the main thread hears signals
        yield lambda: came
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
