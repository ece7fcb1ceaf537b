"""Reads the files of Weights & Biases with its own reader."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class WandbRun:
    """The content of a file of Weights & Biases."""

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
        assert run_id not in runs, "two files of one run: its history is there twice"
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
            content = record.run
            run.name, run.group, run.job_type = content.display_name, content.run_group, content.job_type
            run.project, run.tags = content.project, set(content.tags)
            run.config |= items(content.config.update)
        case "history":
            run.history.append(items(record.history.item))
        case "summary":
            run.summary |= items(record.summary.update)
        case "artifact":
            run.artifacts[record.artifact.type] = {entry.path for entry in record.artifact.manifest.contents}
        case "exit":
            run.exit_code = record.exit.exit_code
