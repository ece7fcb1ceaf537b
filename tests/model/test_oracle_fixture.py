"""Training against results of pyqlib's LSTM on the same synthetic market, seed for seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.harness import TrainingConfig
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.sample_weights import sample_weights
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.trainer import Fit, train_pack

FIXTURES = Path(__file__).parents[1] / "oracle" / "fixtures"
CASES: dict[str, Any] = json.loads((FIXTURES / "dataset.json").read_text())
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    out = tmp_path_factory.mktemp("oracle") / "market"
    synthesize(out, stocks=20, days=320, seed=0)
    return Provider(out)


def train(
    name: str, market: Provider, seed: int, weights: TrainingConfig | None = None
) -> tuple[Dataset, Fit]:
    kwargs = CASES[name]["model"]["kwargs"]
    dataset = build_dataset(DatasetConfig.model_validate(CASES[name]["dataset"]), market)
    spec = PackSpec(
        d_feat=kwargs["d_feat"],
        hidden_size=kwargs["hidden_size"],
        num_layers=kwargs["num_layers"],
        batch_size=kwargs["batch_size"],
        optimizer=kwargs["optimizer"],
        clip_grad_value=3.0,
        clip_grad_norm=None,
        compat="qlib",
        is_time_series=dataset.config.is_time_series,
    )
    member = MemberSpec(seed, kwargs["lr"], kwargs["dropout"], weight_decay=0.0)
    samples = dataset.samples("train", "learn"), dataset.samples("valid", "learn")
    fits = train_pack(
        spec,
        [member],
        *samples,
        n_epochs=kwargs["n_epochs"],
        early_stop=kwargs["early_stop"],
        device=CPU,
        weights=None if weights is None else sample_weights(weights, samples[0]),
    )
    return dataset, fits[0]


@pytest.mark.parametrize("name", ["workflow158", "workflow360"])
def test_a_seed_gives_qlibs_losses_and_scores(name: str, market: Provider) -> None:
    case = CASES[name]["model"]
    dataset, fit = train(name, market, case["kwargs"]["seed"])
    np.testing.assert_allclose(
        [-e.train_loss for e in fit.epochs], case["scores"]["train"], rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        [-e.valid_loss for e in fit.epochs], case["scores"]["valid"], rtol=0, atol=1e-6
    )

    model = LSTM(case["kwargs"]["d_feat"], case["kwargs"]["hidden_size"], case["kwargs"]["num_layers"], 0.0)
    model.load_state_dict(fit.weights)
    test = dataset.samples("test", "infer")
    scores = predict(model, ResidentSamples.place(test, CPU)).numpy()
    expected = pd.read_parquet(FIXTURES / f"dataset_{name}_pred.parquet")
    index = dataset.index(test.days, test.instruments)
    assert index.get_level_values("instrument").tolist() == expected["instrument"].tolist()
    assert index.get_level_values("datetime").tolist() == expected["datetime"].tolist()
    np.testing.assert_allclose(scores, expected["score"], atol=1e-5)


def test_weights_give_qlibs_losses_with_a_reweighter(market: Provider) -> None:
    case = CASES["workflow158"]["model"]
    decay = TrainingConfig(reweight="exponential", reweight_half_life=60)
    _, fit = train("workflow158", market, case["kwargs"]["seed"], decay)
    for key in ("train", "valid"):
        given = [-(epoch.train_loss if key == "train" else epoch.valid_loss) for epoch in fit.epochs]
        np.testing.assert_allclose(given, case["scores"][f"weighted_{key}"], rtol=0, atol=1e-6)
        assert np.abs(np.subtract(given, case["scores"][key])).max() > 1e-5


def test_another_seed_does_not(market: Provider) -> None:
    case = CASES["workflow158"]["model"]
    _, fit = train("workflow158", market, case["kwargs"]["seed"] + 1)
    assert abs(-fit.epochs[0].train_loss - case["scores"]["train"][0]) > 1e-4
