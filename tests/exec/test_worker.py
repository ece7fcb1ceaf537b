from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch

from lstm_bench.exec import worker
from lstm_bench.exec.devices import Device, Slot
from lstm_bench.exec.local import InlineExecutor
from lstm_bench.exec.retry import Failed
from lstm_bench.exec.worker import Finished, Halted, Job, Opened, Reported, serve


class Served:
    """A worker in a thread, from the driver's side."""

    def __init__(self, opens: str = "cpu") -> None:
        self.connection, theirs = Pipe()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=serve, args=(theirs, self.stop, opens, 0), daemon=True)
        self.thread.start()

    def do(self, work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Connection:
        monkeypatch.setattr(worker, "_work", lambda _name: work)
        self.connection.send(Job("job", "any:thing", {"x": 1}))
        return self.connection


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    assert one.connection.recv() == Opened("cpu")
    yield one
    one.connection.close()
    one.thread.join(5)
    assert not one.thread.is_alive()


def test_a_job_is_done_on_the_opened_device(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(payload: dict[str, Any], session: Any) -> dict[str, Any]:
        return {"device": session.device, "on": session.report({"x": payload["x"]})}

    for answer in (True, False):
        connection = served.do(work, monkeypatch)
        assert connection.recv() == Reported({"x": 1})
        connection.send(answer)
        assert connection.recv() == Finished({"device": torch.device("cpu"), "on": answer})


def test_what_a_job_raises_is_told_with_its_traceback(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_payload: Any, _session: Any) -> dict[str, Any]:
        raise ValueError("on fire")

    failed = served.do(broken, monkeypatch).recv()
    assert isinstance(failed, Failed)
    assert failed.error == "ValueError: on fire"
    assert "in broken" in failed.traceback
    assert failed.kind == "raised"


def test_work_that_is_not_there_fails_its_job(served: Served) -> None:
    served.connection.send(Job("job", "lstm_bench.tune.training:tarin", {}))
    failed = served.connection.recv()
    assert isinstance(failed, Failed)
    assert "tarin" in failed.error


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("CUDA error: out of memory"), False),
    ],
)  # fmt: skip
def test_short_memory_is_told_from_other_failures(
    error: Exception, is_memory: bool, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(_payload: Any, _session: Any) -> dict[str, Any]:
        raise error

    failed = served.do(work, monkeypatch).recv()
    assert isinstance(failed, Failed)
    assert failed.kind == ("out of memory" if is_memory else "raised")


def test_the_processors_allocator_is_understood(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(_payload: Any, _session: Any) -> dict[str, Any]:
        return {"x": torch.empty(2**62, dtype=torch.uint8)}

    failed = served.do(greedy, monkeypatch).recv()
    assert isinstance(failed, Failed)
    assert failed.kind == "out of memory"


def test_a_job_is_halted_between_batches_and_the_worker_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def batches(_payload: Any, session: Any) -> dict[str, Any]:
        for batch in range(10):
            done.append(batch)
            if batch == 2:
                served.stop.set()
            session.check()
        return {}

    assert served.do(batches, monkeypatch).recv() == Halted()
    assert done == [0, 1, 2]
    served.stop.clear()
    assert served.do(lambda _payload, _session: {"x": 2}, monkeypatch).recv() == Finished({"x": 2})


def test_a_worker_ends_when_its_driver_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Served()
    one.connection.recv()

    def batches(_payload: Any, session: Any) -> dict[str, Any]:
        monkeypatch.setattr(os, "getppid", lambda: 1)
        while True:
            session.check()

    connection = one.do(batches, monkeypatch)
    with pytest.raises(EOFError):
        connection.recv()
    one.thread.join(5)
    assert not one.thread.is_alive()


def test_a_worker_ends_when_nobody_hears_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Served()
    one.connection.recv()
    one.do(lambda _payload, session: {"on": session.report({})}, monkeypatch)
    one.connection.recv()
    one.connection.close()
    one.thread.join(5)
    assert not one.thread.is_alive()


def test_a_device_that_cannot_be_opened_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(opens: str, threads: int) -> None:
        raise RuntimeError("no such device")

    monkeypatch.setattr(worker, "_open", broken)
    executor, slot = InlineExecutor(), Slot(Device("fake", "fake", 1, 1), 0)
    executor.start(slot, Job("job", "any:thing", {}))
    assert executor.wait(5) == [(slot, worker.Unopened("RuntimeError: no such device"))]
    executor.close()


def test_a_device_whose_memory_is_taken_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def occupied(opens: str, threads: int) -> None:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(worker, "_open", occupied)
    executor, slot = InlineExecutor(), Slot(Device("fake", "fake", 1, 1), 0)
    for _ in range(2):  # and the next job gets a new worker
        executor.start(slot, Job("job", "any:thing", {}))
        ((failed_slot, failed),) = executor.wait(5)
        assert failed_slot is slot
        assert isinstance(failed, Failed)
        assert failed.kind == "out of memory"
        executor._workers[slot].thread.join(5)
    executor.close()


def test_a_thread_that_ends_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, slot = InlineExecutor(), Slot(Device("cpu", "cpu", 1, 1), 0)

    def gone(_payload: Any, _session: Any) -> dict[str, Any]:
        raise EOFError

    monkeypatch.setattr(worker, "_work", lambda _name: gone)
    executor.start(slot, Job("job", "any:thing", {}))
    assert executor.wait(5) == [(slot, Opened("cpu"))]
    assert executor.wait(5) == [(slot, Failed("lost", "its worker was lost: its thread ended"))]
    executor.close()
