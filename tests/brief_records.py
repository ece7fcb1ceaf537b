"""Records with content in their small files only, which is what lists of runs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lstm_bench.config.workflow import load_workflow
from lstm_bench.config.yaml import dump_yaml

CONFIGS = Path(__file__).parents[1] / "configs"


def leave_run(folder: Path, features: str = "alpha158", **values: Any) -> Path:
    """Write the files of a record that lists read, and empty ones for the others."""
    folder.mkdir(parents=True)
    config = load_workflow(CONFIGS / f"lstm_{features}.yaml", values.pop("overrides", []))
    (folder / "config.yaml").write_text(dump_yaml(config.to_file()))
    (folder / "metrics.json").write_text(json.dumps(values.pop("metrics", {"IC": 0.04, "Rank IC": None})))
    for name in ("pred.parquet", "label.parquet", "ic.parquet", "epochs.parquet", "model.safetensors"):
        (folder / name).touch()
    provenance = {
        "run_id": folder.name, "seed": 3, "data_fingerprint": "ab" * 32, "started": "2026-03-04T05:06:07+00:00",
        "training": {"status": "early_stopped", "epochs": 9, "best_epoch": 4}, "seconds": {"dataset": 1, "train": 2.5},
    }  # fmt: skip
    (folder / "provenance.json").write_text(json.dumps(provenance | values))
    return folder
