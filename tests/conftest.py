"""What all tests share."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before anything imports a kernel: they run on the processor then


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks gain nothing from threads, and waiting for each other costs them dearly on a busy machine."""
    torch.set_num_threads(1)


@dataclass
class WandbRun:
    """What a file of Weights & Biases holds."""

    name: str = ""
    group: str = ""
    job_type: str = ""
    project: str = ""
    tags: set[str] = field(default_factory=set)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, set[str]] = field(default_factory=dict)
    exit_code: int | None = None

    @property
    def steps(self) -> list[int]:
        return [row["_step"] for row in self.history]


def read_wandb(folder: Path) -> dict[str, WandbRun]:
    """Read the runs that W&B keeps in a folder, by id, with its own reader."""
    messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")  # neither has types
    reader: Any = importlib.import_module("wandb.sdk.internal.datastore")
    runs: dict[str, WandbRun] = {}
    for path in sorted(folder.glob("offline-run-*/run-*.wandb")):
        store, run = reader.DataStore(), WandbRun()
        store.open_for_scan(str(path))
        try:
            while (data := store.scan_data()) is not None:
                record = messages.Record()
                record.ParseFromString(bytes(data))
                _add(run, record)
        finally:
            store.close()
        run_id = path.stem.removeprefix("run-")
        assert run_id not in runs, "two files of one run would be one history twice"
        runs[run_id] = run
    return runs


def _add(run: WandbRun, record: Any) -> None:
    def items(entries: Any) -> dict[str, Any]:
        return {
            entry.key or ".".join(entry.nested_key): json.loads(entry.value_json or "null")
            for entry in entries
        }

    match record.WhichOneof("record_type"):
        case "run":
            told = record.run
            run.name, run.group, run.job_type = told.display_name, told.run_group, told.job_type
            run.project, run.tags = told.project, set(told.tags)
            run.config |= items(told.config.update)
        case "history":
            run.history.append(items(record.history.item))
        case "summary":
            run.summary |= items(record.summary.update)
        case "artifact":
            run.artifacts[record.artifact.type] = {entry.path for entry in record.artifact.manifest.contents}
        case "exit":
            run.exit_code = record.exit.exit_code


@pytest.fixture
def wandb_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, WandbRun]]:
    """Give what reads W&B's files, to one who has never used it: no account, no settings, no variables."""
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "wandb-home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    for name in ("CONFIG", "CACHE", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(home / name.lower()))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    return read_wandb
