"""Factors against the plain ratio of closes."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.trailing import trailing_values
from lstm_bench.model.baselines.factors import FACTORS, factor_scores


def test_a_factor_is_known_at_the_close_of_its_day(provider: Provider, workflow158: DatasetConfig) -> None:
    dataset = build_dataset(workflow158, provider)
    samples = dataset.samples("test", "infer")
    closes = provider.panel(dataset.instruments, ["close"], 0, len(provider.calendar)).fields["close"]
    at = samples.days + dataset.offset
    code = samples.instruments
    for expression, near, far, sign in ((FACTORS["reversal"], 0, 5, -1), (FACTORS["momentum"], 20, 240, 1)):
        scores = factor_scores(dataset, samples, expression)
        past = np.where(at >= far, closes[at - far, code].astype(np.float64), np.nan)
        expected = sign * (closes[at - near, code] / past - 1)
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)
        assert scores.dtype == np.float32
    assert 0 < np.isnan(factor_scores(dataset, samples, FACTORS["momentum"])).mean() < 0.9


def test_a_factor_without_any_value_is_refused(provider: Provider, workflow158: DatasetConfig) -> None:
    dataset = build_dataset(workflow158, provider)
    with pytest.raises(DataError, match="no sample of segment 'test' has a value"):
        factor_scores(dataset, dataset.samples("test", "infer"), "$close/Ref($close, 400)")
    with pytest.raises(ValueError, match="looks 1 days ahead"):
        trailing_values(provider, dataset.instruments, 0, 10, "Ref($close, -1)/$close")


def test_a_dataset_without_bars_has_no_factors(
    provider: Provider, workflow158: DatasetConfig, tmp_path: object
) -> None:
    entry = DatasetCache(tmp_path, 10**9).ensure(  # type: ignore[arg-type]
        workflow158, provider, "f" * 64, d_feat=20
    )
    dataset = DatasetCache.open_entry(entry.path, workflow158)
    with pytest.raises(ValueError, match="without them"):
        factor_scores(dataset, dataset.samples("test", "infer"), FACTORS["reversal"])
    entry.close()
