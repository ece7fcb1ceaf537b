"""Jobs for workers that follow a script instead of training; importable where this folder is on the path."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import torch

from lstm_bench.core.errors import ConfigError

PATIENCE_SECONDS = 30.0


def follow(payload: dict[str, Any], session: Any) -> dict[str, Any]:
    """Report the payload's losses, epoch by epoch; have the mishap that the script has for this attempt."""
    log, name = Path(payload["log"]), payload["name"]
    attempt = sum(entry["event"] == "begin" and entry["name"] == name for entry in read(log))
    kind, at = payload["mishaps"][attempt] if attempt < len(payload["mishaps"]) else (None, -1)
    write(log, event="begin", name=name, device=str(session.device), process=os.getpid(),
          seeds=payload["seeds"], workflow=payload["workflow"])  # fmt: skip
    pruned = False
    for epoch in range(max(map(len, payload["losses"].values()))):
        if epoch == at:
            mishap(kind, session)
        time.sleep(payload.get("pause", 0.0))
        losses = {int(seed): curve[epoch] for seed, curve in payload["losses"].items() if epoch < len(curve)}
        write(log, event="epoch", name=name, epoch=epoch)
        pruned = not session.report({"epoch": epoch, "losses": losses})
        if pruned:
            break
    write(log, event="end", name=name, device=str(session.device), process=os.getpid())
    return {"pruned": pruned, "seconds": 0.25, "peak_bytes": payload.get("peak_bytes", 0)}


def mishap(kind: str | None, session: Any) -> None:
    match kind:
        case "raise":
            raise ValueError("the third layer is on fire")
        case "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
            wait_for_halt(session)
        case "hang":
            wait_for_halt(session)


def wait_for_halt(session: Any) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        session.check()
        time.sleep(0.002)
    raise TimeoutError("nobody halted this job")


def gather(payload: dict[str, Any], session: Any) -> dict[str, Any]:
    """Wait until a job runs on every slot, then end."""
    log, name = Path(payload["log"]), payload["name"]
    device = {"device": str(session.device), "process": os.getpid()}
    write(log, event="begin", name=name, **device)
    until = time.monotonic() + PATIENCE_SECONDS
    while len({entry["process"] for entry in read(log)}) < payload["slots"]:
        if time.monotonic() > until:
            raise TimeoutError("some slots stay idle")
        time.sleep(0.01)
    session.report({"epoch": 0, "losses": {seed: float(name) for seed in payload["seeds"]}})
    write(log, event="end", name=name, **device)
    return {"pruned": False, "seconds": 0.0}


def write(log: Path, **entry: Any) -> None:
    with log.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def misled(payload: dict[str, Any], session: Any) -> dict[str, Any]:
    """Find the input wrong."""
    raise ConfigError("batch_size: got 500000")
