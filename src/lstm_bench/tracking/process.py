"""The process of a tracker: does the calls that come in on stdin, one after the other, and answers each on stdout.

It ends when stdin does, and outlives whoever started it by no more than a call's time-out.
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
_LOOK_SECONDS = 0.5


def main() -> None:
    """Serve until stdin ends."""
    began_by = os.getppid()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
        options = TrackerOptions(**json.loads(sys.stdin.readline()))
        limit = options.timeout_seconds
        threading.Thread(target=_end_after, args=(began_by, limit), daemon=True).start()
        code = _serve(options, answers)
    os._exit(code)  # whatever a library would still do at the end, nobody waits for it


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
    except BrokenPipeError:  # nobody listens any more
        return 1
    except Exception as error:  # whatever a library raises is told
        answer(failed=" ".join(f"{type(error).__name__}: {error}".split()))
        return 1
    return 0


def _make(options: TrackerOptions, note: Callable[[str], None]) -> Tracker:
    module, _, name = _TRACKERS[options.tracker].partition(":")
    made: Tracker = getattr(importlib.import_module(module), name)(options, note)
    return made


def _call(tracker: Tracker, call: str, arguments: dict[str, Any]) -> None:
    match call:
        case "begin":
            tracker.begin(TrackedRun(**arguments["run"]))
        case "recorded":
            tracker.recorded(arguments["run_id"], Path(arguments["record"]))
        case _:
            getattr(tracker, call)(**arguments)


def _end_after(process: int, seconds: float) -> None:
    """Wait until a process is gone, and then give this one so many seconds."""
    while os.getppid() == process:
        time.sleep(_LOOK_SECONDS)
    time.sleep(seconds)
    os._exit(1)


if __name__ == "__main__":
    main()
