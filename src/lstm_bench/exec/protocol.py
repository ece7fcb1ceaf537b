"""What a driver asks of an executor."""

from __future__ import annotations

from typing import Protocol

from lstm_bench.exec.devices import Slot
from lstm_bench.exec.worker import Event, Job

__all__ = ["Executor"]


class Executor(Protocol):
    """Runs jobs on slots; a slot holds one at a time."""

    def start(self, slot: Slot, job: Job) -> None:
        """Start a job on a slot that holds none."""
        ...

    def answer(self, slot: Slot, go_on: bool) -> None:
        """Answer a report."""
        ...

    def wait(self, seconds: float) -> list[tuple[Slot, Event]]:
        """Wait for events, at the most this long."""
        ...

    def halt(self, slot: Slot) -> None:
        """Ask a slot's job to stop at the end of its batch."""
        ...

    def kill(self, slot: Slot) -> None:
        """End a slot's worker, whatever it does; where it is a thread, it cannot be."""
        ...

    def retire(self, slot: Slot) -> None:
        """End a slot's idle worker, and with it what it holds of the device's memory."""
        ...

    def close(self) -> None:
        """End all workers, whatever they do."""
        ...
