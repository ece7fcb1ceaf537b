"""Runs a tracker in a separate process, and ends it if it fails or hangs.

Weights & Biases and MLflow talk to servers, disks and databases, start threads and hook into the interpreter. They run
in another process; the training process puts messages into a queue and continues. A tracker that raises, or that
does not answer in time, is ended with one warning.
"""

from __future__ import annotations

import json
import logging
import math
import os
import queue
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lstm_bench.tracking.tracker import State, TrackedRun, Tracker, TrackerOptions

__all__ = ["GuardedTracker"]

logger = logging.getLogger("lstm_bench")

_CHECK_SECONDS = 0.25
"""Seconds between two checks. After more than twice that time, processes were suspended; the excess is ignored."""


class GuardedTracker(Tracker):
    """A tracker in a separate process.

    The options' ``timeout_seconds`` bound each call in the process; the first call includes its start.
    """

    def __init__(self, options: TrackerOptions) -> None:
        self._options = options
        self._outbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._pending = 0
        self._waited = 0.0
        self._is_quiet = False
        self._is_closed = False
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            # in a separate session: Ctrl-C must not end it before it has sent what is pending
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lstm_bench.tracking.process"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._give_up(f"its process cannot be started: {error}")
            return
        self._outbox.put(asdict(options))
        for work in (self._send, self._receive):
            threading.Thread(target=work, args=(self._process,), daemon=True, name="tracker").start()

    # -- the calls of a tracker ----------------------------------------------------------------------------------

    def begin(self, run: TrackedRun) -> None:
        """Queue the call."""
        self._queue("begin", run=asdict(run))

    def epoch(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        """Queue the call."""
        self._queue("epoch", run_id=run_id, epoch=epoch, values=dict(values))

    def table(
        self, run_id: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]
    ) -> None:
        """Queue the call."""
        self._queue(
            "table", run_id=run_id, name=name, columns=list(columns), rows=[list(row) for row in rows]
        )

    def end(self, run_id: str, state: State, summary: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Queue the call."""
        self._queue("end", run_id=run_id, state=state, summary=dict(summary), tags=dict(tags))

    def recorded(self, run_id: str, record: Path) -> None:
        """Queue the call."""
        self._queue("recorded", run_id=run_id, record=str(record.absolute()))

    def close(self, seconds: float | None = None) -> None:
        """Wait for the process to end. If it does not, it is killed, or with ``seconds`` left to finish alone."""
        if self._is_closed or self._process is None:
            return
        self._is_closed = True
        self._outbox.put(None)
        limit = self._options.timeout_seconds if seconds is None else seconds
        checks = math.ceil(limit / _CHECK_SECONDS)
        if not any(self._ended.wait(_CHECK_SECONDS) for _ in range(checks)) and seconds is None:
            self._give_up(f"it has not finished within {limit:g} s")

    def _queue(self, call: str, **arguments: Any) -> None:
        with self._lock:
            if self._is_quiet or self._is_closed:
                return
            if self._pending == 0:
                self._waited = 0.0
            self._pending += 1
        self._outbox.put({"call": call, "arguments": arguments})

    # -- two threads that serve the process -----------------------------------------------------------------------

    def _send(self, process: subprocess.Popen[bytes]) -> None:
        """Write the messages. It may block: the other thread watches the time."""
        assert process.stdin is not None
        with suppress(OSError), process.stdin as pipe:  # the process has ended; the other thread reports it
            while (message := self._outbox.get()) is not None:
                pipe.write(json.dumps(message, default=str).encode() + b"\n")
                pipe.flush()

    def _receive(self, process: subprocess.Popen[bytes]) -> None:
        """Read the answers, and check whether one is overdue."""
        assert process.stdout is not None
        with process.stdout as pipe, selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            rest, checked = b"", time.monotonic()
            while True:
                if selector.select(_CHECK_SECONDS):
                    piece = os.read(pipe.fileno(), 65536)
                    if not piece:
                        break
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        self._handle(json.loads(line))
                before, checked = checked, time.monotonic()
                if self._is_overdue(min(checked - before, 2 * _CHECK_SECONDS)):
                    self._give_up(f"it has not answered for {self._options.timeout_seconds:g} s")
        code = process.wait()
        if code or not self._is_closed:
            self._give_up(f"its process has ended, exit code {code}")
        self._ended.set()

    def _handle(self, answer: dict[str, str]) -> None:
        if "note" in answer:
            logger.warning("%s: %s", self._options.tracker, answer["note"])
        elif "failed" in answer:
            self._give_up(answer["failed"])
        else:
            with self._lock:
                self._pending -= 1
                self._waited = 0.0

    def _is_overdue(self, seconds: float) -> bool:
        """Add seconds to the waiting time; whether it exceeds the time-out."""
        with self._lock:
            self._waited += seconds
            return self._pending > 0 and self._waited > self._options.timeout_seconds

    def _give_up(self, reason: str) -> None:
        """Warn once that tracking stops, and kill the process."""
        with self._lock:
            if self._is_quiet:
                return
            self._is_quiet = True
        logger.warning(
            "%s: %s; tracking stops here, and the work continues without it", self._options.tracker, reason
        )
        self._outbox.put(None)
        if self._process is not None:
            self._process.kill()
