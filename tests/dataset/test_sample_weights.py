from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.harness import TrainingConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.dataset.sample_weights import sample_weights
from lstm_bench.dataset.volatility import trailing_volatility


class NoWindows:
    step_len = n_features = 1

    def to(self, device: Any) -> NoWindows:
        return self

    def gather(self, days: Any, instruments: Any) -> Any:
        raise NotImplementedError


def samples(days: list[int], labels: list[float] | None = None) -> SampleSet:
    given_ = np.zeros(len(days)) if labels is None else np.asarray(labels)
    instruments = np.arange(len(days), dtype=np.int64)
    return SampleSet("train", "learn", np.asarray(days, dtype=np.int64), instruments, given_, NoWindows())


def training(**own: Any) -> TrainingConfig:
    return TrainingConfig.model_validate(own)


def test_uniform_is_no_weights_at_all() -> None:
    assert sample_weights(training(), samples([1, 2])) is None


def test_old_samples_count_half_after_each_half_life() -> None:
    weights = sample_weights(
        training(reweight="exponential", reweight_half_life=10), samples([0, 10, 15, 20])
    )
    assert weights is not None
    expected = [0.25, 0.5, 0.5**0.5, 1.0]
    assert weights.tolist() == pytest.approx([4 * one / sum(expected) for one in expected])


def test_volatile_stocks_count_less() -> None:
    volatility = np.asarray([[0.01, 0.04, np.nan, 0.02]], dtype=np.float32)
    weights = sample_weights(training(reweight="volatility"), samples([0, 0, 0, 0]), volatility)
    assert weights is not None
    least = np.quantile([0.01, 0.02, 0.04], 0.01)
    expected = np.asarray([1 / least, 25, 50, 50])  # what is not known is the median
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-6)


def test_a_stock_that_does_not_move_does_not_outweigh_all() -> None:
    volatility = np.asarray([[0.0, *np.linspace(0.01, 0.02, 200)]], dtype=np.float32)
    weights = sample_weights(training(reweight="volatility"), samples([0] * 201), volatility)
    assert weights is not None
    assert weights[0] == weights.max() == pytest.approx(weights[1], rel=0.02)
    nothing = sample_weights(
        training(reweight="volatility"), samples([0, 0]), np.full((1, 2), np.nan, np.float32)
    )
    assert nothing is not None
    assert nothing.tolist() == [1, 1]


def test_volatility_has_to_be_given() -> None:
    with pytest.raises(ValueError, match="volatility: reweight 'volatility' needs it"):
        sample_weights(training(reweight="volatility"), samples([0]))


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.booleans(), st.floats(0, 1, width=32)), min_size=2, max_size=30
    ),
    st.sampled_from(["exponential", "volatility"]),
    st.floats(5.0, 500.0),
)
def test_the_mean_over_labelled_samples_is_one(
    drawn: list[tuple[int, bool, float]], reweight: str, half_life: float
) -> None:
    days = [day for day, _, _ in drawn]
    labels = [0.0, *(np.nan if missing else 1.0 for _, missing, _ in drawn[1:])]
    volatility = np.tile(np.asarray([one for _, _, one in drawn], dtype=np.float32), (51, 1))
    config = training(reweight=reweight, reweight_half_life=half_life)
    weights = sample_weights(config, samples(days, labels), volatility)
    assert weights is not None
    assert (weights > 0).all()
    assert weights[~np.isnan(labels)].mean() == pytest.approx(1)


def test_a_samples_weight_is_of_its_own_stock_and_day(provider: Provider, workflow158: DatasetConfig) -> None:
    dataset = build_dataset(workflow158, provider)
    train = dataset.samples("train", "learn")
    volatility = trailing_volatility(provider, dataset.instruments, dataset.offset, len(dataset.days), 20)
    weights = sample_weights(training(reweight="volatility"), train, volatility)
    assert weights is not None
    ordered: npt.NDArray[np.float64] = weights * volatility[train.days, train.instruments]
    usual = np.nanmedian(ordered)
    assert (
        np.abs(ordered[np.isfinite(ordered)] / usual - 1) < 1e-5
    ).mean() > 0.98  # except for the lowest percentile
