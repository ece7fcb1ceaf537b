"""A workflow file fitted to a data folder."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.config.workflow import load_workflow
from lstm_bench.core.errors import DataError, InputError
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import History, write_qlib_folder
from lstm_bench.dataset.starter import Starter, fit_starter

CODES = {
    "cn": [f"SH6000{k:02d}" for k in range(30)],
    "us": [f"TK{k:02d}" for k in range(30)],
    "tw": [f"{2300 + k}" for k in range(30)],
}
INDICES = {"cn": "SH000300", "us": "EQUALWEIGHT", "tw": "^TWII"}


def folder(
    out: Path,
    codes: list[str],
    indices: tuple[str, ...] = (),
    days: int = 600,
    late: int = 0,
    markets: tuple[str, ...] = ("all",),
) -> Provider:
    """Bars of a business-day calendar; ``late`` days go by before all but the first code begin."""
    calendar = np.busday_offset("2018-01-02", np.arange(days), roll="forward")
    histories = []
    for position, code in enumerate([*codes, *indices]):
        begin = late if 0 < position < len(codes) else 0
        close = np.linspace(10, 20, days - begin, dtype=np.float32)
        histories.append(History(code, begin, {"close": close, "change": np.zeros_like(close)}))
    spans = [(code, calendar[0], calendar[-1]) for code in codes]
    write_qlib_folder(out, calendar, dict.fromkeys(markets, spans), histories)
    return Provider(out)


def fitted(provider: Provider, **options: str) -> Starter:
    return fit_starter(provider, str(provider.root), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
@pytest.mark.parametrize("region", ["cn", "us", "tw"])
def test_the_file_is_read_back_as_decided(tmp_path: Path, region: str, features: str) -> None:
    provider = folder(tmp_path / "data", CODES[region], (INDICES[region],))
    starter = fitted(provider, features=features)
    assert (starter.region, starter.benchmark, starter.market) == (region, INDICES[region], "all")
    path = tmp_path / "workflow.yaml"
    path.write_text(starter.text)
    config = load_workflow(path)
    assert config.qlib_init.region == region
    assert config.qlib_init.provider_uri == str(provider.root)
    portfolio = config.portfolio_analysis
    assert portfolio is not None
    assert (portfolio.strategy.kwargs.topk, portfolio.strategy.kwargs.n_drop) == (5, 1)
    exchange = portfolio.backtest.exchange_kwargs
    limits = {"cn": (0.095, 100), "us": (None, 1), "tw": (0.1, 1000)}
    assert (exchange.limit_threshold, exchange.trade_unit) == limits[region]


def test_segments_keep_look_back_proportion_and_label(tmp_path: Path) -> None:
    provider = folder(tmp_path / "data", CODES["us"], ("SPY",), days=662)
    segments = fitted(provider).segments
    days = [date.fromisoformat(str(day)) for day in provider.calendar]
    lengths = [days.index(last) - days.index(first) + 1 for first, last in segments.values()]
    assert lengths == [333, 96, 171]  # of 600 = 662 - 60 of look-back - 2 of the label
    assert segments["train"].first == days[60]
    assert segments["test"].last == days[-3]
    joints = list(segments.values())
    assert all(days.index(b.first) == days.index(a.last) + 1 for a, b in pairwise(joints))


def test_days_on_which_few_stocks_trade_are_left_out(tmp_path: Path) -> None:
    provider = folder(tmp_path / "data", CODES["us"], ("SPY",), days=700, late=100)
    assert fitted(provider).segments["train"].first == date.fromisoformat(str(provider.calendar[160]))


def test_the_portfolio_is_a_sixth_of_the_universe_and_at_most_qlibs(tmp_path: Path) -> None:
    sizes = {6: (1, 1), 90: (15, 2), 600: (50, 5)}
    for count, expected in sizes.items():
        codes = [f"SZ{k:06d}" for k in range(count)]
        starter = fitted(folder(tmp_path / str(count), codes, ("SH000300",), days=320))
        assert (starter.topk, starter.n_drop) == expected


def test_a_named_market_comes_before_all_and_several_ask(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", CODES["us"], ("SPY",), markets=("all", "us"))
    assert fitted(one).market == "us"
    two = folder(tmp_path / "two", CODES["us"], ("SPY",), markets=("all", "large", "small"))
    with pytest.raises(InputError, match=r"--market: .*expected one of: large, small"):
        fitted(two)
    assert fitted(two, market="small").market == "small"
    with pytest.raises(InputError, match=r"no market 'smal'.*'small'"):
        fitted(two, market="smal")


def test_the_benchmark_is_an_index_of_the_folder_or_asked_for(tmp_path: Path) -> None:
    two = folder(tmp_path / "two", CODES["us"], ("IDX1", "IDX2"))
    with pytest.raises(InputError, match=r"--benchmark: .*IDX1, IDX2"):
        fitted(two)
    assert fitted(two, benchmark="idx2").benchmark == "IDX2"
    with pytest.raises(InputError, match="no bars of 'SPY'"):
        fitted(two, benchmark="SPY")
    none = folder(tmp_path / "none", CODES["us"])
    with pytest.raises(InputError, match="expected the code of an index"):
        fitted(none)


def test_too_little_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"got 249 days .*expected at least 250"):
        fitted(folder(tmp_path / "short", CODES["us"], ("SPY",), days=249))
    with pytest.raises(DataError, match=r"got 4 stocks .*expected at least 5"):
        fitted(folder(tmp_path / "few", CODES["us"][:4], ("SPY",)))


def test_a_path_with_quotes_is_read_back(tmp_path: Path) -> None:
    provider = folder(tmp_path / 'a "quoted": #folder', CODES["us"], ("SPY",))
    path = tmp_path / "workflow.yaml"
    path.write_text(fitted(provider).text)
    assert load_workflow(path).qlib_init.provider_uri == str(provider.root)
