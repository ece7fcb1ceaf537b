"""Twenty seeds on every path: the mean IC does not depend on the training path."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from lstm_bench.config.workflow import load_workflow
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.path_name import PathName
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.trainer import train_pack

pytestmark = pytest.mark.paths
SEEDS = range(20)
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CONFIG = Path(__file__).parents[2] / "configs" / "demo.yaml"


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, PackSpec, list[MemberSpec]]:
    market = tmp_path_factory.mktemp("paths") / "market"
    synthesize(market, stocks=14, days=2800)
    config = load_workflow(CONFIG, [
        f"qlib_init.provider_uri={market}", "lstm_bench.compat=none", "task.dataset.kwargs.step_len=4",
        "task.model.kwargs.batch_size=1024", "task.model.kwargs.hidden_size=16", "task.model.kwargs.lr=0.01",
        "task.model.kwargs.dropout=0.2", "task.model.kwargs.n_epochs=3",
    ])  # fmt: skip
    kwargs = config.task.model.kwargs
    dataset = build_dataset(config.task.dataset, Provider(market), d_feat=kwargs.d_feat)
    return dataset, PackSpec.of(config), [MemberSpec.of(config.with_seed(seed)) for seed in SEEDS]


def information_coefficients(
    workflow: tuple[Dataset, PackSpec, list[MemberSpec]], name: PathName
) -> npt.NDArray[np.float64]:
    """Each seed's mean IC on test."""
    dataset, spec, members = workflow
    fits = train_pack(
        spec, members, dataset.samples("train", "learn"), dataset.samples("valid", "learn"),
        n_epochs=3, early_stop=3, device=DEVICE, choice=PathChoice(name, "asked for"),
    )  # fmt: skip
    test = dataset.samples("test", "infer")
    resident = ResidentSamples.place(test, DEVICE)
    given = []
    for fit in fits:
        model = LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, dropout=0.0)
        model.load_state_dict(fit.weights)
        scores = predict(model.to(DEVICE), resident).cpu().numpy()
        panel = dataset.scores_to_panel(test, scores)
        given.append(signal_metrics(panel, dataset.raw_label).summary()["IC"])
    return np.array(given)


@pytest.fixture(scope="module")
def reference(workflow: tuple[Dataset, PackSpec, list[MemberSpec]]) -> npt.NDArray[np.float64]:
    return information_coefficients(workflow, "reference")


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_mean_ic_within_two_standard_errors(
    workflow: tuple[Dataset, PackSpec, list[MemberSpec]],
    reference: npt.NDArray[np.float64],
    name: PathName,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "cpu" and DEVICE.type != "cpu":
        pytest.skip("the cpu path is for CPUs")
    if name == "cuda":
        if importlib.util.find_spec("triton") is None:
            pytest.skip("Triton is not installed")
        if DEVICE.type == "cpu":  # the interpreter's time is by program, not by sample
            monkeypatch.setattr("lstm_bench.model.paths.cuda.layers._BLOCK_B", 1024)
            monkeypatch.setattr("lstm_bench.model.paths.cuda.layers._DROPOUT_BLOCK", 65536)
    given = information_coefficients(workflow, name)
    error = reference.std(ddof=1) / len(SEEDS) ** 0.5
    print(
        f"\n{name}: mean IC {given.mean():.5f}, reference {reference.mean():.5f}, standard error {error:.5f}, "
        f"largest difference of a seed {np.abs(given - reference).max():.5f}"
    )
    assert reference.mean() > 4 * error  # there is something to learn, and it was learned
    assert abs(given.mean() - reference.mean()) < 2 * error
