from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.array_store import ArrayStore
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.volatility import ensure_volatility, read_volatility, trailing_volatility

WINDOW = 10


def test_volatility_by_a_plain_loop(provider: Provider) -> None:
    codes = tuple(sorted(provider.folders))[:6]
    given_ = trailing_volatility(provider, codes, 30, 100, WINDOW)
    closes = provider.panel(codes, ("close",), 0, 130).fields["close"].astype(np.float64)
    assert given_.shape == (100, 6)
    for row, day in enumerate(range(30, 130)):
        for n in range(6):
            returns = [closes[d, n] / closes[d - 1, n] - 1 for d in range(day - WINDOW + 1, day + 1)]
            known = [one for one in returns if np.isfinite(one)]
            expected = np.std(known, ddof=1) if len(known) > 1 else np.nan
            assert given_[row, n] == pytest.approx(expected, rel=1e-4, nan_ok=True)
    assert np.isfinite(given_).mean() > 0.5


def test_a_calendars_first_days_have_what_there_is(provider: Provider) -> None:
    codes = tuple(sorted(provider.folders))[:3]
    early, late = (trailing_volatility(provider, codes, begin, 40 - begin, WINDOW) for begin in (0, 20))
    assert np.isnan(early[:2]).all()  # there is no return, and then one
    np.testing.assert_array_equal(early[20:], late)


@settings(max_examples=5, derandomize=True)
@given(cut=st.integers(40, 300))
def test_nothing_later_than_the_day_is_looked_at(
    cut: int, provider: Provider, perturbed: Callable[[np.datetime64], Provider]
) -> None:
    codes = tuple(sorted(provider.folders))
    one, other = (
        trailing_volatility(source, codes, 20, 290, WINDOW)
        for source in (provider, perturbed(provider.calendar[cut]))
    )
    known = cut - 20 + 1
    np.testing.assert_array_equal(one[:known], other[:known])
    assert not np.array_equal(one[known : known + 3], other[known : known + 3], equal_nan=True)


def test_a_cached_datasets_volatility_is_kept_beside_it(
    provider: Provider, workflow158: DatasetConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = DatasetCache(tmp_path / "cache")
    with_dataset = cache.ensure(workflow158, provider, "data", ("train", "valid"), d_feat=20)
    kept = ensure_volatility(cache.store, with_dataset, provider, WINDOW)
    dataset = DatasetCache.open_entry(with_dataset.path, workflow158)
    expected = trailing_volatility(provider, dataset.instruments, dataset.offset, len(dataset.days), WINDOW)
    np.testing.assert_array_equal(read_volatility(kept), expected)
    assert read_volatility(kept).shape == dataset.raw_label.shape
    assert {entry.content["identity"].get("volatility_window") for entry in cache.store.info()} == {
        None,
        WINDOW,
    }

    monkeypatch.setattr(Provider, "panel", lambda *_: pytest.fail("it is there already"))
    again = ensure_volatility(ArrayStore(tmp_path / "cache"), with_dataset, provider, WINDOW)
    assert again.path == kept.path
