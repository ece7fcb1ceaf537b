from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.core.errors import DataError, InputError
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import History, write_qlib_folder
from lstm_bench.evaluate.trading.quotes import load_benchmark, load_quotes, place, quote_fields, quote_span

DAYS = np.arange("2020-01-01", "2020-01-07", dtype="datetime64[D]")


def config(region: Any = "cn", exchange: dict[str, Any] | None = None, **backtest: Any) -> PortAnalysisConfig:
    section = {"strategy": {"kwargs": {"topk": 2, "n_drop": 1}}, "backtest": {**backtest}}
    section["backtest"]["exchange_kwargs"] = exchange or {}
    return resolve(PortAnalysisConfig.model_validate(section), region)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    close = {
        "A": [1.0, 2, 3, 4, 5, 6],
        "B": [4.0, 2, np.nan, 4, 2, 4],
        "C": [1.0] * 6,
        "INDEX": [8.0, 4, 2, 1, 2, 4],
    }
    histories = [
        History(code, 0, {name: np.asarray(v, dtype=np.float32) for name in ("close", "change", "factor")})
        for code, v in close.items()
    ]
    spans = [("A", DAYS[0], DAYS[3]), ("B", DAYS[0], DAYS[5])]
    write_qlib_folder(tmp_path / "data", DAYS, {"all": spans}, histories)
    return Provider(tmp_path / "data")


def test_only_the_needed_fields_are_read() -> None:
    assert quote_fields(config()) == ("change", "close", "factor")
    assert quote_fields(config("us")) == ("close", "factor")
    assert quote_fields(config(exchange={"trade_unit": None})) == ("change", "close")
    assert quote_fields(config("us", {"deal_price": ["$open", "vwap"], "impact_cost": 0.1})) == (
        "close", "factor", "open", "volume", "vwap",
    )  # fmt: skip


def test_quotes_end_with_the_listing(provider: Provider) -> None:
    quotes = load_quotes(provider, config(), 1, 6)
    assert quotes.instruments == ("A", "B")
    np.testing.assert_array_equal(quotes.fields["close"][:, 0], [2, 3, 4, np.nan, np.nan])
    np.testing.assert_array_equal(quotes.fields["close"][:, 1], [2, np.nan, 4, 2, 4])


def test_what_is_scored_has_a_column_without_quotes(provider: Provider) -> None:
    quotes = load_quotes(provider, config(), 0, 6, ["C"])
    assert quotes.instruments == ("A", "B", "C")
    assert np.isnan(quotes.fields["close"][:, 2]).all()


def test_benchmark_is_the_return_since_the_day_before(provider: Provider) -> None:
    np.testing.assert_array_equal(load_benchmark(provider, "index", 0, 6), [0, -0.5, -0.5, -0.5, 1, 1])
    np.testing.assert_array_equal(load_benchmark(provider, "INDEX", 3, 5), [-0.5, 1])


def test_benchmark_of_several_is_the_mean_of_those_that_trade(provider: Provider) -> None:
    got = load_benchmark(provider, ("A", "B"), 0, 6)
    np.testing.assert_allclose(got, [0, 0.25, 0.5, 1 / 3, -0.125, 0.6], rtol=1e-6)
    assert got.dtype == np.float32


def test_a_missing_benchmark_is_named(provider: Provider) -> None:
    with pytest.raises(DataError, match=r"no instrument 'INDEXX'; did you mean 'INDEX'\?"):
        load_benchmark(provider, "INDEXX", 0, 6)


def test_span_starts_a_day_before_the_first_trade(provider: Provider) -> None:
    scored = DAYS[2:4]
    assert quote_span(provider, config(), scored) == (1, 5)
    assert quote_span(provider, config(start_time="2020-01-01", end_time="2020-01-06"), scored) == (0, 6)
    assert quote_span(provider, config(), DAYS) == (0, 6)


def test_a_span_without_trading_days_is_refused(provider: Provider) -> None:
    with pytest.raises(DataError, match="backtest: starts on 2021-01-01, after its end 2020-01-04"):
        quote_span(provider, config(start_time="2021-01-01"), DAYS[2:4])
    with pytest.raises(DataError, match=r"backtest: 2021-01-01\.\.2021-02-01 holds no trading day"):
        quote_span(provider, config(start_time="2021-01-01", end_time="2021-02-01"), DAYS[2:4])
    with pytest.raises(DataError, match="backtest: no day has a score"):
        quote_span(provider, config(), DAYS[:0])


def test_a_price_that_no_instrument_has_is_named(provider: Provider) -> None:
    with pytest.raises(DataError, match=r"deal_price: the data has no field 'clse'; did you mean 'close'\?"):
        load_quotes(provider, config(exchange={"deal_price": ["close", "clse"]}), 0, 6)


def test_scores_are_placed_on_days_and_instruments(provider: Provider) -> None:
    quotes = load_quotes(provider, config(), 1, 4, ["C"])
    score = np.arange(8.0).reshape(4, 2)
    placed = place(score, DAYS[[0, 1, 3, 5]], ["C", "A"], quotes)
    np.testing.assert_array_equal(placed, [[3, np.nan, 2], [np.nan] * 3, [5, np.nan, 4]])


def test_scores_without_a_column_are_an_error(provider: Provider) -> None:
    quotes = load_quotes(provider, config(), 0, 6)
    with pytest.raises(InputError, match="no column for 1 scored instruments, such as 'Z'"):
        place(np.zeros((1, 1)), DAYS[:1], ["Z"], quotes)
    with pytest.raises(InputError, match=r"expected \(1, 2\)"):
        place(np.zeros((1, 1)), DAYS[:1], ["A", "B"], quotes)
