"""MLflow on SQLite: what its own client finds."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from lstm_bench.config.sections.tracking import TrackingConfig
from lstm_bench.config.workflow import RunConfig
from lstm_bench.run.runner import execute_pack
from lstm_bench.tracking.factory import open_tracker
from lstm_bench.tracking.tracker import TrackedRun, Tracker, TrackerOptions

if TYPE_CHECKING:
    from mlflow import MlflowClient

Configure = Callable[..., RunConfig]

MLFLOW = TrackingConfig(tracker="mlflow", timeout_seconds=120.0)
RUN = TrackedRun("0123-s", "trial 3", "s", "search", {"lr": 0.5}, {"features": "Alpha360"})
QLIB_STEMS = {  # of Qlib's SignalRecord, SigAnaRecord, PortAnaRecord and its trained model
    "pred", "label", "sig_analysis/ic", "sig_analysis/ric", "portfolio_analysis/report_normal_1day",
    "portfolio_analysis/positions_normal_1day", "portfolio_analysis/port_analysis_1day",
    "portfolio_analysis/indicator_analysis_1day", "params",
}  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of records; the tables of its store are made once."""
    return tmp_path_factory.mktemp("out")


def client(uri: str) -> MlflowClient:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def new_tracker(folder: Path) -> Tracker:
    """Return MLflow's tracker in this process, with the settings of a tracker's process."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from lstm_bench.tracking.mlflow import MlflowTracker

    return MlflowTracker(TrackerOptions("mlflow", str(folder), record=True, timeout_seconds=1.0), print)


def runs_of(store: MlflowClient, study: str) -> list[Any]:
    experiment = store.get_experiment_by_name(study)
    assert experiment is not None
    return list(store.search_runs([experiment.experiment_id]))


def history(store: MlflowClient, run: Any, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in store.get_metric_history(run.info.run_id, name)]


def files(store: MlflowClient, run: Any, folder: str | None = None) -> set[str]:
    found = store.list_artifacts(run.info.run_id, folder)
    below = (files(store, run, one.path) if one.is_dir else {one.path} for one in found)
    return set().union(*below)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_run_has_qlibs_names(
    configure: Configure, out: Path, tmp_path: Path, wandb_runs: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = configure("lstm_bench.compat=none")
    with open_tracker(MLFLOW, out) as tracker:
        (run,) = execute_pack(config, [4], out / "study", tracker=tracker)
    store = client(f"sqlite:///{out}/mlflow.db")
    (stored,) = runs_of(store, "study")
    assert (stored.info.run_name, stored.info.status) == ("seed 4", "FINISHED")
    metrics = run.record.metrics()
    assert {"IC", "ICIR", "Rank IC", "1day.excess_return_without_cost.annualized_return"} <= set(metrics)
    assert {name: stored.data.metrics[name] for name in metrics} == metrics
    assert stored.data.params["model.kwargs.hidden_size"] == "8"
    assert stored.data.params["dataset.kwargs.handler.class"] == "Alpha158"
    assert stored.data.tags["lstm_bench.path"] == "cpu"
    epochs = run.record.table("epochs")
    for name in ("train_loss", "valid_loss", "valid_score"):
        assert history(store, stored, name) == list(epochs[name].items())

    there = files(store, stored)
    assert {path.rpartition(".")[0] for path in there} >= QLIB_STEMS
    assert not [path for path in there if path.endswith("pkl")]
    assert not (tmp_path / "mlruns").exists()
    place = Path(store.download_artifacts(stored.info.run_id, "", str(tmp_path)))
    ic = run.record.table("ic")
    for name, column in (("ic", "ic"), ("ric", "rank_ic")):
        pd.testing.assert_frame_equal(
            pd.read_parquet(place / "sig_analysis" / f"{name}.parquet"), ic[[column]]
        )
    renamed = {name: f"portfolio_analysis/{name}_normal_1day" for name in ("report", "positions")}
    for source in run.record.path.glob("*.parquet"):
        logged = place / f"{renamed.get(source.stem, source.stem)}.parquet"
        assert logged.read_bytes() == source.read_bytes(), source.name
    risk = pd.read_parquet(place / "portfolio_analysis" / "port_analysis_1day.parquet").set_index("name")[
        "value"
    ]
    assert (
        risk["excess_return_with_cost.max_drawdown"] == metrics["1day.excess_return_with_cost.max_drawdown"]
    )
    assert len(risk) == 10


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_run_that_is_told_again_has_one_history(
    out: Path, tmp_path: Path, wandb_runs: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{out}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(tmp_path)
    tracker = new_tracker(tmp_path / "out")
    tracker.begin(RUN)
    for epoch in range(2):
        tracker.epoch(RUN.id, epoch, {"valid_loss": 3.0 - epoch})
    tracker.close()
    store = client(uri)
    (stored,) = runs_of(store, "s")
    assert (stored.info.status, stored.data.tags["lstm_bench.state"]) == ("KILLED", "interrupted")
    moved = TrackedRun(**{**vars(RUN), "config": {"lr": 0.5, "provider_uri": "elsewhere"}})
    tracker = new_tracker(tmp_path / "out")
    tracker.begin(moved)
    for epoch in range(3):
        tracker.epoch(RUN.id, epoch, {"valid_loss": math.nan if epoch == 2 else 3.0 - epoch})
    tracker.table(RUN.id, "leaderboard", ["row", "IC"], [["default", 0.25]])
    tracker.end(RUN.id, "pruned", {"best_valid_loss": 2.0, "device": "cpu"}, {})
    (again,) = runs_of(store, "s")
    assert again.info.run_id == stored.info.run_id
    assert [step for step, _ in history(store, again, "valid_loss")] == [0, 1, 2]
    assert (again.info.status, again.data.tags["lstm_bench.state"]) == ("FINISHED", "pruned")
    assert again.data.metrics["best_valid_loss"] == 2.0
    assert files(store, again) == {"leaderboard.parquet"}
    assert not (tmp_path / "out" / "mlflow.db").exists()
