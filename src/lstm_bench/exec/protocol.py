"""The interface of executors."""

from __future__ import annotations

from typing import Protocol

from lstm_bench.exec.devices import Slot
from lstm_bench.exec.worker import Event, Job

__all__ = ["Executor"]


class Executor(Protocol):
    """Runs jobs on slots; a slot holds one at a time."""

    def start(self, slot: Slot, job: Job) -> None:
        """Start a job on a free slot."""
        ...

    def answer(self, slot: Slot, go_on: bool) -> None:
        """Answer a report."""
        ...

    def wait(self, seconds: float) -> list[tuple[Slot, Event]]:
        """Wait for events for at most ``seconds``."""
        ...

    def halt(self, slot: Slot) -> None:
        """Ask a slot's job to stop at the end of its batch."""
        ...

    def kill(self, slot: Slot) -> None:
        """Kill a slot's worker; a thread cannot be killed."""
        ...

    def retire(self, slot: Slot) -> None:
        """End a slot's idle worker to free the device memory that it holds."""
        ...

    def close(self) -> None:
        """End all workers, busy ones too."""
        ...
