"""MLflow, with the names of metrics, parameters and artifacts that Qlib's recorder uses.

The experiment is the study. Qlib pickles its artifacts; here ``pred.pkl`` is ``pred.parquet``, and so on.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from lstm_bench.record.record import Record
from lstm_bench.tracking.from_record import draw_figures, outcome
from lstm_bench.tracking.qlib_artifacts import lay_out
from lstm_bench.tracking.tracker import State, TrackedRun, Tracker, TrackerOptions

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before it is imported

from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

__all__ = ["MlflowTracker"]

_ID = "lstm_bench.id"
_STATUS: Mapping[State, str] = {
    "complete": "FINISHED",
    "pruned": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}
_MOST_PARAMS = 100
"""Of one call, a limit of MLflow's stores."""


class MlflowTracker(Tracker):
    """Logs runs to MLflow. ``note`` is unused: MLflow has nothing to tell the user."""

    def __init__(self, options: TrackerOptions, note: Callable[[str], None]) -> None:
        self._options = options
        self._folder = Path(options.folder)
        self._is_local = not os.environ.get("MLFLOW_TRACKING_URI")
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".mlflow.lock"):  # the first client creates the tables
            uri = f"sqlite:///{self._folder / 'mlflow.db'}" if self._is_local else None
            self._client = MlflowClient(tracking_uri=uri)
            self._client.search_experiments(max_results=1)
        self._runs: dict[str, str] = {}
        self._epochs: dict[str, int] = {}

    def begin(self, run: TrackedRun) -> None:
        """Start a run, or continue the one with its id."""
        if run.id in self._runs:
            return
        experiment = self._experiment(run.study)
        found = self._client.search_runs([experiment], f"tags.`{_ID}` = '{run.id}'", max_results=1)
        if found:
            mlflow_id = str(found[0].info.run_id)
            self._client.update_run(mlflow_id, status="RUNNING")
            logged = [metric.step for metric in self._client.get_metric_history(mlflow_id, "epoch")]
        else:
            tags = {_ID: run.id, "hostname": socket.gethostname()}
            made = self._client.create_run(experiment, run_name=run.name, tags=tags)
            mlflow_id, logged = str(made.info.run_id), []
        self._runs[run.id] = mlflow_id
        self._epochs[run.id] = max(logged, default=-1)
        self._log_config(mlflow_id, run)

    def epoch(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        """Log an epoch as the step of its number."""
        if epoch > self._epochs[run_id]:
            self._log(self._runs[run_id], {**values, "epoch": epoch}, epoch)
            self._epochs[run_id] = epoch

    def table(
        self, run_id: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]
    ) -> None:
        """Replace a table of the run."""
        table = {column: [row[place] for row in rows] for place, column in enumerate(columns)}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.parquet"
            pq.write_table(pa.table(table), path)
            self._client.log_artifact(self._runs[run_id], str(path))

    def end(self, run_id: str, state: State, summary: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """End a run. Numbers of the summary become metrics, the rest tags."""
        mlflow_id = self._runs.pop(run_id)
        numbers = {name: value for name, value in summary.items() if isinstance(value, int | float)}
        texts = {name: str(value) for name, value in summary.items() if name not in numbers}
        self._log(mlflow_id, self._changed(mlflow_id, numbers), 0)
        self._client.log_batch(mlflow_id, tags=_tags({**tags, **texts, "state": state}))
        self._client.set_terminated(mlflow_id, _STATUS[state])

    def recorded(self, run_id: str, record: Path) -> None:
        """End a run. The record's files become artifacts under Qlib's paths."""
        mlflow_id = self._runs[run_id]
        for name, path in draw_figures(Record(record), self._options.figures):
            self._client.log_artifact(mlflow_id, str(path), f"figures/{name}")
        if self._options.record:
            with tempfile.TemporaryDirectory() as folder:
                lay_out(record, Path(folder))
                self._client.log_artifacts(mlflow_id, folder)
        self.end(run_id, *outcome(Record(record)))

    def close(self, seconds: float | None = None) -> None:
        """End open runs as interrupted."""
        for run_id in list(self._runs):
            self.end(run_id, "interrupted", {}, {})

    def _experiment(self, study: str) -> str:
        found: Experiment | None = self._client.get_experiment_by_name(study)
        if found is not None:
            return str(found.experiment_id)
        where = (self._folder / "mlartifacts" / study).as_uri() if self._is_local else None
        try:
            return str(self._client.create_experiment(study, artifact_location=where))
        except MlflowException:
            found = self._client.get_experiment_by_name(study)
            if found is None:
                raise
            return str(found.experiment_id)  # another process was first

    def _log_config(self, mlflow_id: str, run: TrackedRun) -> None:
        """Log the configuration flat, with the task's keys at the top, as Qlib does."""
        content = {**run.config, **run.config.get("task", {})}
        content.pop("task", None)
        logged = self._client.get_run(mlflow_id).data.params  # MLflow refuses new values, such as other paths
        params = [Param(key, str(value)) for key, value in _flat(content) if key not in logged]
        for begin in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(mlflow_id, params=params[begin : begin + _MOST_PARAMS])
        self._client.log_batch(mlflow_id, tags=_tags({**run.tags, "job_type": run.job_type}))

    def _changed(self, mlflow_id: str, figures: Mapping[str, float]) -> dict[str, float]:
        """Leave out values that the run has already: a store would keep them twice."""
        logged = self._client.get_run(mlflow_id).data.metrics
        return {name: value for name, value in figures.items() if logged.get(name) != value}

    def _log(self, mlflow_id: str, figures: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        self._client.log_batch(
            mlflow_id, metrics=[Metric(name, float(value), now, step) for name, value in figures.items()]
        )


def _tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(f"lstm_bench.{key}", value) for key, value in tags.items()]


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) as Qlib flattens a task. A list is one value."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
