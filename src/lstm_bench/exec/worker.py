"""The worker: does one job after the other on the device that it was given, and tells how it goes.

It knows nothing of Optuna. A connection brings jobs and answers, and takes events; whoever holds its other end is
the driver. When that end is gone, so is the reason to go on.
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

__all__ = [
    "Event",
    "Failed",
    "Finished",
    "Halted",
    "Job",
    "Lost",
    "Noted",
    "Opened",
    "Reported",
    "Session",
    "StopFlag",
    "Unopened",
    "serve",
]


# what the processor's allocator, CUDA itself, and cuBLAS and cuDNN say in a plain RuntimeError
_OUT_OF_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Attributes
    ----------
    key : names it, ``trial 12``
    work : ``module:function``; called with the payload and a :class:`Session`, returns plain data
    payload : plain data
    """

    key: str
    work: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """The worker has opened its device, under this name."""

    device: str


@dataclass(frozen=True)
class Reported:
    """The job has come this far, and waits for an answer."""

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
    """The job was stopped at the end of a batch, as asked."""


@dataclass(frozen=True)
class Failed:
    """The job raised; again it would raise the same where its input was wrong."""

    error: str
    traceback: str
    out_of_memory: bool
    wrong_input: bool = False


@dataclass(frozen=True)
class Unopened:
    """The device cannot be opened; the worker is gone."""

    error: str


@dataclass(frozen=True)
class Lost:
    """The worker is gone, and its job with it."""

    reason: str


Event = Opened | Noted | Reported | Finished | Halted | Failed | Lost | Unopened


class StopFlag(Protocol):
    """Tells a worker to stop: an event of ``threading`` or ``multiprocessing``."""

    def is_set(self) -> bool:
        """Tell whether to stop."""
        ...


class _Halt(Exception):  # noqa: N818 - it is no error
    """Leaves a job at the end of a batch."""


class Session:
    """What a job sees of the world.

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
        """Tell how far the job has come; return whether to go on."""
        self.check()
        self._connection.send(Reported(values))
        return bool(self._connection.recv())

    def check(self) -> None:
        """Leave the job here if the driver asked for it; to be called between batches."""
        if self._stop.is_set():
            raise _Halt
        if os.getppid() != self._driver:
            raise EOFError("the driver is gone")


def serve(connection: Connection, stop: StopFlag, opens: str, threads: int) -> None:
    """Do jobs until the connection closes.

    Parameters
    ----------
    connection
        To the driver.
    stop
        Set to halt the job at work.
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
        except Exception as error:  # a driver of any make may refuse it; its own words say why
            if _is_out_of_memory(error):  # others fill it: the job may find room later
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
        connection.close()  # a process closes it by ending, a thread by this


def _send_warnings(connection: Connection) -> None:
    """Tell the driver of warnings: on a worker's own stderr they would tear the live view."""

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
    except Exception as error:  # whatever a job raises is the driver's to record
        return _failure(error)


def _failure(error: Exception) -> Failed:
    return Failed(
        f"{type(error).__name__}: {error}",
        "".join(traceback.format_exception(error)),
        _is_out_of_memory(error),
        isinstance(error, InputError),
    )


def _work(name: str) -> Callable[[dict[str, Any], Session], dict[str, Any]]:
    module, _, function = name.partition(":")
    found: Callable[[dict[str, Any], Session], dict[str, Any]] = getattr(
        importlib.import_module(module), function
    )
    return found


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
