"""ICs by liquidity: terciles against a plain loop, and ICs against those of the stocks alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.evaluate.signal.liquidity import (
    LIQUIDITY_WINDOW,
    TERCILES,
    Liquidity,
    liquidity_ics,
    liquidity_terciles,
)
from lstm_bench.evaluate.signal.metrics import signal_metrics


@settings(max_examples=50, deadline=None, derandomize=True)
@given(T=st.integers(1, 5), N=st.integers(1, 12), seed=st.integers(0, 2**16))
def test_terciles_are_those_of_a_plain_loop(T: int, N: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    amount = rng.integers(-1, 6, (T, N)).astype(np.float32)  # ties, zeros and a wrong sign
    amount[rng.random((T, N)) < 0.2] = np.nan
    rows = rng.random((T, N)) < 0.8
    got = liquidity_terciles(amount, rows)
    for t in range(T):
        known = sorted((amount[t, j], j) for j in range(N) if rows[t, j] and amount[t, j] > 0)
        expected = np.full(N, -1)
        for position, (_, j) in enumerate(known):
            expected[j] = position * 3 // len(known)
        np.testing.assert_array_equal(got[t], expected)


def test_an_ic_of_a_tercile_is_that_of_its_stocks_alone() -> None:
    rng = np.random.default_rng(0)
    score, label = rng.standard_normal((2, 6, 20))
    amount, rows = np.exp(rng.standard_normal((6, 20))), rng.random((6, 20)) < 0.9
    series = liquidity_ics(score, label, rows, amount)
    tercile = liquidity_terciles(amount, rows)
    assert len(series) == 6
    for t in range(6):
        for position, name in enumerate(TERCILES):
            inside = tercile[t] == position
            expected = np.corrcoef(score[t, inside], label[t, inside])[0, 1]
            assert series[f"ic_liquidity_{name}"][t] == pytest.approx(expected, abs=1e-12)
            alone = signal_metrics(score[t : t + 1, inside], label[t : t + 1, inside])
            assert series[f"rank_ic_liquidity_{name}"][t] == alone.rank_ic[0]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=12, days=250, seed=1)
    return out


def test_liquidity_is_the_mean_amount_of_days_up_to_its_own(market: Path) -> None:
    provider = Provider(market)
    codes = provider.universe("csi300").instruments
    begin, end = 60, 90
    liquidity = Liquidity.load(provider, codes, begin, end)
    assert liquidity is not None
    got = liquidity.on(provider.calendar[begin:end], codes)
    bars = provider.panel(codes, ["close", "volume"], 0, end)
    amount = (bars.fields["close"] * bars.fields["volume"]).astype(np.float64)
    for t in range(begin, end):
        window = amount[t - LIQUIDITY_WINDOW + 1 : t + 1]
        known = np.isfinite(window).any(axis=0)
        expected = np.nanmean(window[:, known], axis=0)
        np.testing.assert_allclose(got[t - begin, known], expected, rtol=1e-5)


def test_liquidity_of_other_days_and_stocks_is_unknown(market: Path) -> None:
    provider = Provider(market)
    codes = provider.universe("csi300").instruments
    liquidity = Liquidity.load(provider, codes[1:], 60, 90)
    assert liquidity is not None
    days = provider.calendar[55:95:2]
    got = liquidity.on(days, (codes[2], codes[0], codes[1]))
    assert np.isnan(got[:, 1]).all()
    outside = (days < provider.calendar[60]) | (days >= provider.calendar[90])
    assert np.isnan(got[outside]).all()
    whole = liquidity.on(provider.calendar[60:90], codes)
    np.testing.assert_array_equal(got[~outside][:, 2], whole[np.isin(provider.calendar[60:90], days)][:, 1])


def test_without_volume_there_is_no_liquidity(market: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(market, tmp_path / "copy"))
    for path in copy.glob("features/*/volume.day.bin"):
        path.unlink()
    assert Liquidity.load(Provider(copy), ("SH600000",), 60, 90) is None
