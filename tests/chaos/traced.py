"""A driver with workers that log the trials that they train: ``python traced.py STORE STUDY TRIALS RESULTS TRACE``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from lstm_bench.exec.devices import discover
from lstm_bench.exec.worker import Session
from lstm_bench.tune.driver import tune
from lstm_bench.tune.progress import TuneProgress
from lstm_bench.tune.repository.store import open_store
from lstm_bench.tune.training import train_trial


def traced(payload: dict[str, Any], session: Session) -> dict[str, Any]:
    """Train a trial, and append its key to the trace if it was trained to its end now."""
    result = train_trial(payload, session)
    if not result["pruned"] and not result["replayed"]:
        line = f"{Path(payload['outcome']).stem}\n".encode()
        trace = os.open(os.environ["TRACE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(trace, line)
        os.close(trace)
    return result


if __name__ == "__main__":
    store, study, trials, results, trace = sys.argv[1:]
    os.environ["TRACE"] = trace
    tune(
        open_store(store),
        study,
        trials=int(trials),
        devices=discover("cpu"),
        slots_per_device=1,
        results=Path(results),
        progress=TuneProgress(),
        work="traced:traced",
    )
