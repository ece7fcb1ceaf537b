"""The worker: runs one job after the other on its device and sends events.

The process at the other end of the connection is the driver. The worker ends when that process is gone.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from lstm_bench.core.errors import InputError
from lstm_bench.exec.retry import Failed, FailureKind

__all__ = [
    "Event",
    "Finished",
    "Halted",
    "Job",
    "Noted",
    "Opened",
    "Reported",
    "Session",
    "StopFlag",
    "Unopened",
    "serve",
]

# in the RuntimeError of the CPU allocator, CUDA, cuBLAS and cuDNN
_OUT_OF_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")


@dataclass(frozen=True)
class Job:
    """Work for a worker.

    Attributes
    ----------
    key : its name, such as ``trial 12``
    work : ``module:function``; called with the payload and a :class:`Session`, returns plain data
    payload : plain data
    max_retries : retries of a job that raises
    timeout_seconds : time limit of an attempt, None for no limit
    raised_before : attempts under an earlier driver that raised
    """

    key: str
    work: str
    payload: dict[str, Any]
    max_retries: int = 0
    timeout_seconds: float | None = None
    raised_before: int = 0


@dataclass(frozen=True)
class Opened:
    """The worker has opened its device, under this name."""

    device: str


@dataclass(frozen=True)
class Reported:
    """The job's progress; the worker waits for an answer."""

    values: dict[str, Any]


@dataclass(frozen=True)
class Noted:
    """The worker has logged a warning."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The job is done."""

    result: dict[str, Any]


@dataclass(frozen=True)
class Halted:
    """The job was stopped at the end of a batch, on request."""


@dataclass(frozen=True)
class Unopened:
    """The device cannot be opened; the worker is gone."""

    error: str


Event = Opened | Noted | Reported | Finished | Halted | Failed | Unopened


class StopFlag(Protocol):
    """Tells a worker to stop: an event of ``threading`` or ``multiprocessing``."""

    def is_set(self) -> bool:
        """Whether to stop."""


class _Halt(Exception):  # noqa: N818 - not an error
    """Raised in a job to stop it at the end of a batch."""


class Session:
    """A job's connection to the driver.

    Attributes
    ----------
    device : the opened device, a ``torch.device``
    """

    def __init__(self, connection: Connection, stop: StopFlag, device: Any) -> None:
        self._connection = connection
        self._stop = stop
        self._driver = os.getppid()
        self.device = device

    def report(self, values: dict[str, Any]) -> bool:
        """Send the job's progress to the driver; return whether to continue."""
        self.check()
        self._connection.send(Reported(values))
        return bool(self._connection.recv())

    def check(self) -> None:
        """Stop the job here if the driver requested it. Call this between batches."""
        if self._stop.is_set():
            raise _Halt
        if os.getppid() != self._driver:
            raise EOFError("the driver is gone")


Work = Callable[[dict[str, Any], Session], dict[str, Any]]


def serve(connection: Connection, stop: StopFlag, opens: str, threads: int) -> None:
    """Run jobs until the connection to the driver closes.

    Parameters
    ----------
    stop
        Set to halt the running job.
    opens
        The device, as torch names it.
    threads
        Processor threads to use; 0 leaves them as they are.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):  # they reach the whole group; the driver decides
            signal.signal(number, signal.SIG_IGN)
        _send_warnings(connection)
    try:
        try:
            device = _open(opens, threads)
        except Exception as error:  # device drivers raise many types
            if _is_out_of_memory(error):  # other processes fill the device: a later attempt may succeed
                connection.recv()
                connection.send(_failure(error))
            else:
                connection.send(Unopened(f"{type(error).__name__}: {error}"))
            return
        connection.send(Opened(str(device)))
        while True:
            job: Job | None = connection.recv()
            if job is None:
                return
            connection.send(_do(job, Session(connection, stop, device)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is gone
    finally:
        connection.close()  # needed for threads; the end of a process closes it


def _send_warnings(connection: Connection) -> None:
    """Send warnings to the driver: on a worker's stderr they would break the live view."""

    class ToDriver(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            connection.send(Noted(record.getMessage()))

    logger = logging.getLogger("lstm_bench")
    logger.handlers = [ToDriver(logging.WARNING)]
    logger.propagate = False


def _open(opens: str, threads: int) -> Any:
    import torch

    if threads:
        torch.set_num_threads(threads)
    device = torch.device(opens)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _do(job: Job, session: Session) -> Event:
    try:
        return Finished(_work(job.work)(job.payload, session))
    except _Halt:
        return Halted()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # the driver records whatever a job raises
        return _failure(error)


def _failure(error: Exception) -> Failed:
    kind: FailureKind = "raised"
    if _is_out_of_memory(error):
        kind = "out of memory"
    elif isinstance(error, InputError):
        kind = "wrong input"
    return Failed(kind, f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def _work(name: str) -> Work:
    module, _, function = name.partition(":")
    found: Work = getattr(importlib.import_module(module), function)
    return found


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
