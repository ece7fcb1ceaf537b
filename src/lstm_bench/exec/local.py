"""Workers on this machine: a process per slot, or a thread per slot for debugging."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, get_args

from lstm_bench.core.errors import ConfigError
from lstm_bench.exec.devices import Slot, SlotTable
from lstm_bench.exec.dispatch import Executor
from lstm_bench.exec.retry import Failed
from lstm_bench.exec.worker import Event, Finished, Halted, Job, serve
from lstm_bench.features.host import processors

__all__ = ["EXECUTORS", "ExecutorName", "InlineExecutor", "LocalExecutor", "make_executor"]

ExecutorName = Literal["local", "inline"]
EXECUTORS: tuple[ExecutorName, ...] = get_args(ExecutorName)

_PATIENCE_SECONDS = 5.0
_GONE = (BrokenPipeError, ConnectionResetError)


@dataclass
class _Worker:
    connection: Connection
    stop: Any  # an event of multiprocessing or threading
    thread: Any  # a multiprocessing process, or a thread
    busy: bool = False


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block signals of the group while a child starts. The child inherits the mask until it ignores them itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class LocalExecutor:
    """A process per slot, reused for later jobs.

    ``cpu_slots`` workers share the processor's cores, or ``OMP_NUM_THREADS`` of them; each gets its part as threads.
    """

    def __init__(self, cpu_slots: int = 1) -> None:
        self._workers: dict[Slot, _Worker] = {}
        requested = os.environ.get("OMP_NUM_THREADS", "")
        cores = int(requested) if requested.isdecimal() else processors()
        self._threads = max(1, cores // max(1, cpu_slots))

    def start(self, slot: Slot, job: Job) -> None:
        """Start a job on a free slot."""
        worker = self._workers.get(slot)
        if worker is None or not worker.thread.is_alive():
            worker = self._workers[slot] = self._launch(slot)
        if worker.busy:
            raise ValueError(f"slot {slot.name} holds a job already")
        worker.busy = True
        worker.stop.clear()
        with suppress(*_GONE):  # it died while idle: wait() reports that, and the job is tried again
            worker.connection.send(job)

    def answer(self, slot: Slot, go_on: bool) -> None:
        """Answer a report, unless its worker has died."""
        with suppress(*_GONE):
            self._workers[slot].connection.send(go_on)

    def wait(self, seconds: float) -> list[tuple[Slot, Event]]:
        """Wait for events for at most ``seconds``."""
        slots = {worker.connection: slot for slot, worker in self._workers.items() if worker.busy}
        if not slots:
            return []
        ready = wait(list(slots), seconds)
        return [(slots[one], self._receive(slots[one])) for one in ready if isinstance(one, Connection)]

    def halt(self, slot: Slot) -> None:
        """Ask a slot's job to stop at the end of its batch."""
        self._workers[slot].stop.set()

    def kill(self, slot: Slot) -> None:
        """Kill a slot's worker."""
        self._workers[slot].thread.kill()

    def retire(self, slot: Slot) -> None:
        """End a slot's idle worker to free the device memory that it holds."""
        worker = self._workers.pop(slot, None)
        if worker is not None:
            self._dismiss(worker)
            self._end(worker)
            worker.connection.close()

    def close(self) -> None:
        """End all workers, busy ones too."""
        for worker in self._workers.values():
            worker.stop.set()
            if not worker.busy:
                self._dismiss(worker)
        for worker in self._workers.values():
            self._end(worker)
            worker.connection.close()
        self._workers.clear()

    def _receive(self, slot: Slot) -> Event:
        worker = self._workers[slot]
        try:
            event: Event = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            worker.connection.close()
            del self._workers[slot]
            return Failed("lost", f"its worker was lost: {self._cause_of_death(worker)}")
        if isinstance(event, Finished | Halted | Failed):
            worker.busy = False
        return event

    def _launch(self, slot: Slot) -> _Worker:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        stop = spawn.Event()
        threads = self._threads if slot.device.opens == "cpu" else 1
        process = spawn.Process(
            target=serve,
            args=(theirs, stop, slot.device.opens, threads),
            daemon=True,
            name=f"lstm-bench {slot.name}",
        )
        with _signals_blocked():
            process.start()
        theirs.close()
        return _Worker(ours, stop, process)

    def _cause_of_death(self, worker: _Worker) -> str:
        worker.thread.join(_PATIENCE_SECONDS)
        code = worker.thread.exitcode
        return (
            f"killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        )

    def _dismiss(self, worker: _Worker) -> None:
        with suppress(*_GONE):
            worker.connection.send(None)

    def _end(self, worker: _Worker) -> None:
        if not worker.busy:
            worker.thread.join(_PATIENCE_SECONDS)
        if worker.thread.is_alive():
            worker.thread.kill()
            worker.thread.join()


class InlineExecutor(LocalExecutor):
    """A thread of this process per slot: a debugger can step into jobs, and nothing can be killed."""

    def kill(self, slot: Slot) -> None:
        """Do nothing: a thread cannot be killed."""

    def _launch(self, slot: Slot) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        stop = threading.Event()
        thread = threading.Thread(
            target=serve,
            args=(theirs, stop, slot.device.opens, 0),
            daemon=True,
            name=f"lstm-bench {slot.name}",
        )
        thread.start()
        return _Worker(ours, stop, thread)

    def _cause_of_death(self, worker: _Worker) -> str:
        return "its thread ended"

    def _end(self, worker: _Worker) -> None:
        worker.connection.close()
        worker.thread.join(_PATIENCE_SECONDS)


def make_executor(name: ExecutorName, slots: SlotTable, slots_per_device: int | None) -> Executor:
    """Make an executor: ``local`` for processes, ``inline`` for a thread. Workers on the CPU share its cores.

    Raises ``ConfigError`` if ``inline`` would have more than one slot.
    """
    if name == "inline":
        if len(slots.slots) > 1:
            raise ConfigError(
                f"--executor: inline has one slot, got {len(slots.slots)}; use --executor local"
            )
        return InlineExecutor()
    on_cpu = [device for device in slots.devices if device.opens == "cpu"]
    return LocalExecutor(sum(slots_per_device or device.most_slots for device in on_cpu))
