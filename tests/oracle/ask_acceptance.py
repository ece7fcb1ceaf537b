"""Let pyqlib judge workflow files: ``python ask_acceptance.py REQUEST OUT``.

``REQUEST`` is JSON: name -> ``path`` of a file, ``environment`` of its template, and ``until``, the stage to go to.
The answer, ``acceptance.json``, is name -> ``stage`` that was reached last, ``error`` where it failed, and ``samples``:
what each segment holds. Files are read by qrun's own function, all in this process, and share what was computed.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import numpy as np
import pandas as pd
import qlib
import qlib.cli.run as qrun
from qlib.config import C
from qlib.data.cache import H
from qlib.data.data import DatasetProvider
from qlib.model.trainer import fill_placeholder
from qlib.utils import auto_filter_kwargs, init_instance_by_config

DATASETS = 8
"""How many datasets are kept, the first ones: those of the unchanged files are among them."""

KEYS = {"train": "learn", "valid": "learn", "test": "infer"}

_init = qlib.init
_calculate = DatasetProvider.inst_calculator
_calculated: dict[str, pd.DataFrame] = {}
_datasets: dict[str, tuple[Any, dict[str, Any]]] = {}


def calculate_once(*arguments: Any) -> pd.DataFrame:
    """Compute the columns of one instrument, which most files have in common, once."""
    instrument, start, end, freq, columns, spans, config, processors = arguments
    key = repr((instrument, start, end, freq, list(columns), spans, config["provider_uri"], processors))
    if key not in _calculated:
        _calculated[key] = _calculate(*arguments)
    return _calculated[key].copy()


class FakeRecorder:
    """Keeps the objects that a record saves, in place of MLflow."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}

    def save_objects(self, artifact_path: str | None = None, **objects: Any) -> None:
        prefix = f"{artifact_path}/" if artifact_path else ""
        self.objects |= {prefix + name: value for name, value in objects.items()}

    def load_object(self, name: str) -> Any:
        return self.objects[name]

    def list_artifacts(self, artifact_path: str | None = None) -> list[str]:
        prefix = f"{artifact_path}/" if artifact_path else ""
        return [name for name in self.objects if name.startswith(prefix)]

    def log_metrics(self, step: int | None = None, **metrics: float) -> None:
        self.metrics |= metrics


class Judge:
    """Goes through a task as ``task_train`` does, and remembers how far it came."""

    def __init__(self, until: str) -> None:
        self.until = until
        self.verdict: dict[str, Any] = {"stage": "read"}

    def init(self, **arguments: Any) -> None:
        """Initialise pyqlib, with one process and the cache of the files before unless the file says otherwise."""
        _init(**{"kernels": 1, "logging_level": 50, "clear_mem_cache": False, **arguments})
        self.verdict["stage"] = "init"

    def train(self, task: Any, experiment_name: str) -> FakeRecorder:
        recorder = FakeRecorder()
        model = init_instance_by_config(task["model"])
        self.verdict["stage"] = "model"
        key = repr((C["provider_uri"], task["dataset"]))
        if key in _datasets:  # many files differ elsewhere
            dataset, self.verdict["samples"] = _datasets[key]
        else:
            dataset = init_instance_by_config(task["dataset"])
            self.verdict["stage"] = "dataset"
            self.verdict["samples"] = {segment: samples(dataset, segment) for segment in KEYS}
            if len(_datasets) < DATASETS:
                _datasets[key] = dataset, self.verdict["samples"]
        self.verdict["stage"] = "samples"
        if self.until != "record":
            auto_filter_kwargs(model.fit)(dataset, reweighter=task.get("reweighter", None))
            self.verdict["stage"] = "train"
        task = fill_placeholder(task, {"<MODEL>": model, "<DATASET>": dataset})
        records = task.get("record", [])
        for record in [records] if isinstance(records, dict) else records:
            made = init_instance_by_config(
                record,
                recorder=recorder,
                default_module="qlib.workflow.record_temp",
                try_kwargs={"model": model, "dataset": dataset},
            )
            if self.until == "generate":
                made.generate()
        self.verdict["stage"] = self.until
        if recorder.metrics:
            self.verdict["metrics"] = {name: float(value) for name, value in recorder.metrics.items()}
        return recorder


def samples(dataset: Any, segment: str) -> dict[str, Any]:
    """Describe a segment as the model gets it: its samples, their first and last, and sums over their values."""
    data = dataset.prepare(segment, col_set=["feature", "label"], data_key=KEYS[segment])
    if isinstance(data, pd.DataFrame):
        index = data.index
        label = data["label"].to_numpy(np.float64)[:, -1]
        values = data["feature"].to_numpy(np.float64)
    else:
        data.config(fillna_type="ffill+bfill")
        index = data.get_index()
        cells = data[list(range(len(index)))].astype(np.float64) if len(index) else np.zeros((0, 1, 1))
        values, label = cells[:, :, :-1], cells[:, -1, -1] if len(index) else np.zeros(0)
    found: dict[str, Any] = {"count": len(index)}
    if len(index):
        ends = (index[0], index[-1])
        found["ends"] = [f"{day.date()} {code}" for day, code in (sorted_pair(end) for end in ends)]
        found["missing"] = [int(np.isnan(values).sum()), int(np.isnan(label).sum())]
        found["sums"] = [float(np.nansum(part)) for part in (values, np.abs(values), label, np.abs(label))]
    return found


def sorted_pair(entry: tuple[Any, Any]) -> tuple[pd.Timestamp, str]:
    """Put the day of an index entry first."""
    return entry if isinstance(entry[0], pd.Timestamp) else (entry[1], entry[0])


def judge(path: str, environment: dict[str, str], until: str) -> dict[str, Any]:
    judge = Judge(until)
    for unit in ("c", "i"):  # calendar and instruments are not to be remembered from another folder
        H[unit].clear()
    before = dict(os.environ)
    os.environ.update(environment)
    qlib.init, qrun.qlib.init, qrun.task_train = judge.init, judge.init, judge.train
    exp_manager = copy.deepcopy(qrun.C["exp_manager"])
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            qrun.workflow(path)
    except Exception as error:  # whatever a file makes pyqlib raise is its verdict
        text = re.sub(r"(/[\w.-]+)+/", "", " ".join(str(error).split()))  # folders differ from call to call
        judge.verdict["error"] = f"{type(error).__name__}: {text}"[:200]
    finally:
        qrun.C["exp_manager"] = exp_manager
        os.environ.clear()
        os.environ.update(before)
    return judge.verdict


def main(request: str, out: Path) -> None:
    warnings.simplefilter("ignore")
    DatasetProvider.inst_calculator = staticmethod(calculate_once)
    for unit in ("c", "i", "f"):
        H[unit].set_limit_size(0)  # no limit: all files share what was computed
    verdicts = {}
    for name, entry in json.loads(Path(request).read_text()).items():
        verdicts[name] = judge(entry["path"], entry["environment"], entry["until"])
        print(name, verdicts[name].get("error", "accepted"), flush=True)
    lines = (f"{json.dumps(name)}: {json.dumps(verdict)}" for name, verdict in verdicts.items())
    (out / "acceptance.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
