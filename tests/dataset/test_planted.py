"""Planted features in windows of every kind of dataset."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.planted import oracle_feature, with_planted
from lstm_bench.evaluate.signal.metrics import signal_metrics


@pytest.mark.parametrize("name", ["workflow158", "workflow360"])
def test_a_planted_feature_is_the_last_and_of_each_steps_day(
    name: str, request: pytest.FixtureRequest, provider: Provider
) -> None:
    config: DatasetConfig = request.getfixturevalue(name)
    dataset = build_dataset(config, provider)
    train = dataset.samples("train", "learn")
    T, N = len(dataset.days), len(dataset.instruments)
    feature = np.arange(1, T * N + 1, dtype=np.float32).reshape(T, N)
    planted = with_planted(train, feature)
    days, instruments = (torch.from_numpy(one[:300]) for one in (train.days, train.instruments))
    plain, windows = (one.windows.to("cpu").gather(days, instruments).numpy() for one in (train, planted))
    L, F = plain.shape[1:]
    assert (planted.windows.step_len, planted.windows.n_features) == (L, F + 1)
    np.testing.assert_array_equal(windows[:, :, :F], plain)
    for i in range(300):
        for step in range(L):
            day = int(days[i]) - (L - 1 - step)
            expected = feature[day, int(instruments[i])] if day >= 0 else 0.0
            assert windows[i, step, F] == expected
    assert windows.flags.c_contiguous


@pytest.mark.parametrize("correlation", [0.2, 0.8])
def test_an_oracle_has_the_requested_ic(
    correlation: float, workflow158: DatasetConfig, provider: Provider
) -> None:
    dataset = build_dataset(workflow158, provider)
    feature = oracle_feature(dataset, correlation)
    assert np.isfinite(feature).all()
    assert feature.dtype == np.float32
    ic = signal_metrics(feature, dataset.raw_label, dataset.member).ic
    assert np.nanmean(ic) == pytest.approx(correlation, abs=0.05)
    unlabelled = feature[np.isnan(dataset.raw_label)]
    assert unlabelled.std() == pytest.approx(np.sqrt(1 - correlation**2), rel=0.1)
    assert not np.array_equal(feature, oracle_feature(dataset, correlation, seed=1))
