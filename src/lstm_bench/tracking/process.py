"""The process of a tracker: executes the calls that it reads from stdin, in order, and answers each on stdout.

It ends when stdin is closed. It outlives the process that started it by at most the time-out of a call.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from lstm_bench.tracking.tracker import TrackedRun, Tracker, TrackerOptions

__all__ = ["main"]

_TRACKERS = {
    "wandb": "lstm_bench.tracking.wandb:WandbTracker",
    "mlflow": "lstm_bench.tracking.mlflow:MlflowTracker",
}
_CHECK_SECONDS = 0.5


def main() -> None:
    """Serve until stdin ends."""
    parent = os.getppid()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of libraries must not mix with the answers
        options = TrackerOptions(**json.loads(sys.stdin.readline()))
        limit = options.timeout_seconds
        threading.Thread(target=_end_after, args=(parent, limit), daemon=True).start()
        code = _serve(options, answers)
    os._exit(code)  # without the exit handlers of libraries, which may hang


def _serve(options: TrackerOptions, answers: TextIO) -> int:
    def answer(**content: str) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    try:
        tracker = _make(options, lambda text: answer(note=text))
        for line in sys.stdin:
            message = json.loads(line)
            _call(tracker, message["call"], message["arguments"])
            answer(done=message["call"])
        tracker.close()
    except BrokenPipeError:  # the training process has ended
        return 1
    except Exception as error:  # libraries raise exceptions of any type, which are reported
        answer(failed=" ".join(f"{type(error).__name__}: {error}".split()))
        return 1
    return 0


def _make(options: TrackerOptions, note: Callable[[str], None]) -> Tracker:
    module, _, name = _TRACKERS[options.tracker].partition(":")
    tracker: Tracker = getattr(importlib.import_module(module), name)(options, note)
    return tracker


def _call(tracker: Tracker, call: str, arguments: dict[str, Any]) -> None:
    match call:
        case "begin":
            tracker.begin(TrackedRun(**arguments["run"]))
        case "recorded":
            tracker.recorded(arguments["run_id"], Path(arguments["record"]))
        case _:
            getattr(tracker, call)(**arguments)


def _end_after(parent: int, seconds: float) -> None:
    """End this process some seconds after its parent has ended."""
    while os.getppid() == parent:
        time.sleep(_CHECK_SECONDS)
    time.sleep(seconds)
    os._exit(1)


if __name__ == "__main__":
    main()
