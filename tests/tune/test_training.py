"""The IC on valid, of a trial and of early stopping: of the scores that the path which trained gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.workflow import ResolvedRun, RunConfig, load_workflow
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.guards import embargo_days
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.exec.worker import Session
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.path_name import PathName
from lstm_bench.model.predict import predict_weights
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.select import choose_path
from lstm_bench.model.trainer import train_pack
from lstm_bench.run.preparation import valid_metric
from lstm_bench.run.runner import execute_pack
from lstm_bench.tune.training import train_trial
from lstm_bench.tune.valid_series import measure_valid

CPU = torch.device("cpu")
OTHER: dict[PathName, PathName] = {"reference": "cpu", "cpu": "reference"}

Scores = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=20, days=320, seed=0)
    return out


class Trained:
    """A member that a path trained, and the scores of valid that it had for each epoch's figure."""

    def __init__(self, market: Path, compat: str) -> None:
        self.config = configuration(market, compat)
        self.spec = PackSpec.of(self.config)
        self.dataset = build_dataset(
            self.config.task.dataset, Provider(market), d_feat=self.config.task.model.kwargs.d_feat
        )
        self.valid = self.dataset.samples("valid", "learn")
        self.scores: list[Scores] = []
        measured = valid_metric(self.config, self.valid)
        assert measured is not None

        def metric(scores: Scores) -> float:
            self.scores.append(scores.copy())
            return measured(scores)

        self.choice = choose_path(self.spec, CPU)
        (self.fit,) = train_pack(
            self.spec,
            [MemberSpec.of(self.config)],
            self.dataset.samples("train", "learn"),
            self.valid,
            n_epochs=3,
            early_stop=3,
            device=CPU,
            valid_metric=metric,
            choice=self.choice,
        )

    @property
    def best_scores(self) -> Scores:
        return self.scores[self.fit.best_epoch]

    def scored_by(self, path: PathName) -> Scores:
        return predict_weights(self.spec, self.fit.weights, ResidentSamples.place(self.valid, CPU), path)


class Heedless(Session):
    """A worker's connection without a driver."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def report(self, values: dict[str, Any]) -> bool:
        return True

    def check(self) -> None:
        pass


def configuration(market: Path, compat: str) -> ResolvedRun:
    days = (market / "calendars" / "day.txt").read_text().split()
    spans = {"train": (60, 199), "valid": (200, 249), "test": (250, -2)}
    segments = {name: [days[first], days[last]] for name, (first, last) in spans.items()}
    return load_workflow(
        ready_folder("configs") / "lstm_alpha158.yaml",
        [
            f"qlib_init.provider_uri={market}",
            f"data_handler_config.start_time={days[0]}",
            f"data_handler_config.end_time={days[-1]}",
            f"data_handler_config.fit_start_time={days[60]}",
            f"data_handler_config.fit_end_time={days[199]}",
            f"task.dataset.kwargs.segments={segments}",
            "task.dataset.kwargs.step_len=4",
            "task.model.kwargs.batch_size=200",
            "task.model.kwargs.hidden_size=8",
            "task.model.kwargs.metric=ic",
            f"lstm_bench.compat={compat}",
        ],
    ).resolved()


@pytest.fixture(scope="module", params=[("none", "cpu"), ("qlib", "reference")], ids=lambda param: param[1])
def trained(market: Path, request: pytest.FixtureRequest) -> Trained:
    compat, path = request.param
    found = Trained(market, compat)
    assert found.choice.name == path
    return found


def test_early_stopping_judges_the_scores_of_the_path(trained: Trained) -> None:
    path = trained.choice.name
    np.testing.assert_array_equal(trained.best_scores, trained.scored_by(path))
    assert not np.array_equal(trained.best_scores, trained.scored_by(OTHER[path]))


def test_a_trials_ic_is_of_the_scores_of_the_path(trained: Trained) -> None:
    dataset, valid, path = trained.dataset, trained.valid, trained.choice.name
    span, rows = dataset.rows_of(valid)
    labels = np.where(rows, dataset.raw_label[span], np.float32(np.nan))
    panel = dataset.scores_to_panel(valid, trained.best_scores)[span]
    summary = signal_metrics(panel, labels, rows).summary()

    def found(by: PathName) -> dict[str, float]:
        return measure_valid([trained.fit], trained.spec, dataset, valid, CPU, by)[
            trained.config.seed
        ].means()

    assert found(path) == {name: summary[name] for name in ("IC", "Rank IC")}
    assert found(OTHER[path])["IC"] != summary["IC"]


def test_a_trial_learns_the_permuted_labels_of_its_first_seed(market: Path, tmp_path: Path) -> None:
    true = configuration(market, "none")
    workflow = true.to_file()
    workflow["lstm_bench"]["training"]["permute_labels"] = True
    workflow["task"]["model"]["kwargs"] |= {"n_epochs": 1, "metric": "loss"}
    entry = DatasetCache(tmp_path / "cache").ensure(
        true.task.dataset,
        Provider(market),
        "f" * 64,
        ["train", "valid"],
        d_feat=20,
        embargo=embargo_days(true),
    )
    session = Heedless(CPU)
    results = {}
    for seeds in ([1000, 1001], [1001, 1000]):
        payload = {
            "workflow": workflow, "seeds": seeds, "entry": str(entry.path), "volatility": None,
            "outcome": str(tmp_path / f"{seeds[0]}.json"),
        }  # fmt: skip
        results[seeds[0]] = train_trial(payload, session)
    entry.close()
    assert results[1000]["losses"][1000] != results[1001]["losses"][1000]
    (run,) = execute_pack(RunConfig.model_validate(workflow), [1000], tmp_path / "runs", device="cpu")
    assert results[1000]["losses"][1000] == pytest.approx(
        run.record.table("epochs")["valid_loss"].tolist(), rel=1e-6
    )
