from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.core.errors import DataError, InputError
from lstm_bench.data.panel import Panel
from lstm_bench.evaluate.trading.backtest import REPORT_COLUMNS, BacktestResult, backtest

Array = npt.NDArray[Any]
FIRST = np.datetime64("2020-01-01")


def config(exchange: dict[str, Any] | None = None, **strategy: Any) -> PortAnalysisConfig:
    read = PortAnalysisConfig.model_validate(
        {
            "strategy": {"kwargs": {"topk": 3, "n_drop": 1, **strategy}},
            "backtest": {"account": 1e6, "exchange_kwargs": {"limit_threshold": 0.095, **(exchange or {})}},
        }
    )
    return resolve(read, "cn")


def panel(close: Array, **fields: Array) -> Panel:
    close = np.asarray(close, dtype=np.float32)
    T, N = close.shape
    bars = {"close": close, "change": np.zeros((T, N)), "factor": np.ones((T, N)), **fields}
    return Panel(
        days=FIRST + np.arange(T),
        offset=0,
        instruments=tuple(f"S{j:02d}" for j in range(N)),
        fields={name: np.asfortranarray(array, dtype=np.float32) for name, array in bars.items()},
        first=np.zeros(N, dtype=np.int64),
        last=np.full(N, T - 1),
    )


def random_market(seed: int = 0, T: int = 40, N: int = 12) -> tuple[Array, Panel]:
    rng = np.random.default_rng(seed)
    change = rng.normal(0, 0.04, (T, N)).astype(np.float32)
    close = 10 * np.cumprod(1 + change, axis=0)
    close[rng.random((T, N)) < 0.05] = np.nan
    score = rng.normal(size=(T, N))
    score[rng.random((T, N)) < 0.05] = np.nan
    return score, panel(close, change=change, factor=rng.uniform(0.5, 2.0, (T, N)))


def trade(score: Array, quotes: Panel, how: PortAnalysisConfig, seed: int = 0) -> BacktestResult:
    return backtest(score, quotes, np.zeros(len(quotes.days), dtype=np.float32), how, seed)


def held_on(result: BacktestResult, d: int) -> list[int]:
    return [int(j) for j in result.positions.instrument[result.positions.day == d]]


def test_the_books_balance() -> None:
    score, quotes = random_market()
    result = trade(score, quotes, config())
    report, held = result.report, result.positions
    D = len(result.days)
    assert tuple(report) == REPORT_COLUMNS
    np.testing.assert_allclose(report["account"], report["value"] + report["cash"])
    np.testing.assert_allclose(np.bincount(held.day, held.amount * held.price, D), report["value"])
    np.testing.assert_allclose(np.bincount(held.day, held.weight, D), report["value"] / report["account"])
    assert (report["cash"] > -0.1 * held.price.max()).all()  # the tenth of a share that rounding forgives
    before = np.concatenate(([1e6], report["account"][:-1]))
    np.testing.assert_allclose(before * (1 + report["return"] - report["cost"]), report["account"])
    np.testing.assert_allclose(np.cumsum(before * report["turnover"]), report["total_turnover"])
    np.testing.assert_allclose(np.cumsum(before * report["cost"]), report["total_cost"])
    assert held.days_held.min() == 1


def test_a_day_by_hand() -> None:
    close = np.array([[10.0, 20.0], [10.0, 20.0], [11.0, 20.0]])
    factor = np.full((3, 2), 0.5)
    score = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    how = config({"open_cost": 0.001, "close_cost": 0.002}, topk=1, n_drop=1)
    result = trade(score, panel(close, factor=factor), how)
    # 950,000 buy 95,000 adjusted shares, 47,500 in the street: whole lots of 100
    assert result.report["account"].tolist() == [1e6, 1e6 - 950.0, 1e6 - 950.0 + 95_000.0]
    assert result.report["cash"].tolist() == [1e6, 50_000.0 - 950.0, 50_000.0 - 950.0]
    assert result.positions.amount.tolist() == [95_000.0, 95_000.0]
    assert result.report["return"][1] == pytest.approx(0.0)
    assert result.trades["count"].tolist() == [0.0, 1.0, 0.0]


def test_amounts_are_whole_lots_of_unadjusted_shares() -> None:
    score, quotes = random_market()
    held = trade(score, quotes, config()).positions
    fresh = held.days_held == 1
    factor = quotes.fields["factor"].astype(np.float64)[held.day, held.instrument]
    lots = held.amount[fresh] * factor[fresh] / 100
    np.testing.assert_allclose(lots, lots.round(), atol=1e-6)


def test_a_missing_factor_turns_rounding_off_for_all() -> None:
    score, quotes = random_market()
    quotes.fields["factor"][5, 0], quotes.fields["close"][5, 0] = np.nan, 10.0
    adjusted = trade(score, quotes, config())
    unrounded = trade(score, quotes, config({"trade_unit": None}))
    for column in REPORT_COLUMNS:
        np.testing.assert_array_equal(adjusted.report[column], unrounded.report[column])


def test_the_first_day_has_no_signal_and_the_last_day_works() -> None:
    score, quotes = random_market()
    result = trade(score, quotes, config())
    assert len(result.days) == len(quotes.days)
    assert held_on(result, 0) == []
    assert len(held_on(result, 1)) > 0
    assert result.trades["count"][-1] > 0


def test_a_day_trades_on_the_scores_of_the_day_before() -> None:
    close = np.full((4, 3), 10.0)
    score = np.full((4, 3), np.nan)
    score[1] = [0.0, 2.0, 1.0]
    result = trade(score, panel(close), config(topk=1, n_drop=1))
    assert result.days[0] == FIRST + 1  # the first day with a score; the last is the day after the last score
    assert result.days[-1] == FIRST + 2
    assert held_on(result, 0) == []
    assert held_on(result, 1) == [1]


def test_equal_scores_are_taken_by_instrument() -> None:
    result = trade(np.zeros((4, 8)), panel(np.full((4, 8), 10.0)), config(topk=3, n_drop=1))
    assert held_on(result, 1) == [0, 1, 2]
    assert held_on(result, 2) == [0, 1, 2]


def test_a_stock_that_is_delisted_stays_at_its_last_price() -> None:
    close = np.full((6, 3), 10.0)
    close[2, 0], close[3:, 0] = 12.0, np.nan
    score = np.tile([3.0, 2.0, 1.0], (6, 1))
    score[2:, 0] = np.nan
    result = trade(score, panel(close), config(topk=2, n_drop=1))
    held = result.positions
    mine = held.instrument == 0
    assert held.price[mine].tolist() == [10.0, 12.0, 12.0, 12.0, 12.0]
    assert held.days_held[mine].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("change", "bought"), [(np.float32(0.095), False), (0.0949, True), (-0.1, False)])
def test_nothing_is_bought_at_a_limit(change: float, bought: bool) -> None:
    score, quotes = np.array([[1.0], [1.0]]), panel(np.full((2, 1), 10.0), change=np.full((2, 1), change))
    assert (held_on(trade(score, quotes, config(topk=1)), 1) == [0]) is bought


def test_a_limit_down_stops_selling_alone_where_the_strategy_allows() -> None:
    quotes = panel(np.full((2, 1), 10.0), change=np.full((2, 1), -0.1))
    how = config(topk=1, forbid_all_trade_at_limit=False)
    assert held_on(trade(np.ones((2, 1)), quotes, how), 1) == [0]


def test_a_deal_price_of_nothing_is_the_close() -> None:
    score, quotes = random_market()
    fields = {**quotes.fields, "vwap": np.zeros(quotes.shape, dtype=np.float32)}
    priced = dataclasses.replace(quotes, fields=fields)
    at_vwap, at_close = trade(score, priced, config({"deal_price": "$vwap"})), trade(score, quotes, config())
    np.testing.assert_array_equal(at_vwap.report["account"], at_close.report["account"])


def test_nothing_looks_ahead() -> None:
    score, quotes = random_market()
    base = trade(score, quotes, config())
    t = 20
    later = score.copy()
    later[t:] = -later[t:]
    bars = {name: array.copy(order="F") for name, array in quotes.fields.items()}
    for array in bars.values():
        array[t + 1 :] *= 1.5
    moved = trade(later, dataclasses.replace(quotes, fields=bars), config())
    for column in REPORT_COLUMNS:
        np.testing.assert_array_equal(base.report[column][: t + 1], moved.report[column][: t + 1])
    assert base.report["account"][t + 1] != moved.report["account"][t + 1]


@pytest.mark.parametrize("method", [{"method_buy": "random"}, {"method_sell": "random"}])
def test_random_methods_follow_the_seed(method: dict[str, Any]) -> None:
    score, quotes = random_market()
    one, same, other = (trade(score, quotes, config(topk=5, **method), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.report["account"], same.report["account"])
    assert (one.report["account"] != other.report["account"]).any()


def test_float32_scores_are_the_same_scores() -> None:
    score, quotes = random_market()
    single = score.astype(np.float32)
    np.testing.assert_array_equal(
        trade(single, quotes, config()).report["account"],
        trade(single.astype(np.float64), quotes, config()).report["account"],
    )


def test_bench_is_rounded_as_qlib_rounds_it() -> None:
    score, quotes = random_market()
    returns = np.linspace(-0.01, 0.01, len(quotes.days), dtype=np.float32)
    bench = backtest(score, quotes, returns, config()).report["bench"]
    np.testing.assert_array_equal(bench, (returns + np.float32(1)) - np.float32(1))
    assert bench.dtype == np.float64


def test_what_does_not_fit_is_reported() -> None:
    score, quotes = random_market()
    bench = np.zeros(len(quotes.days), dtype=np.float32)
    with pytest.raises(InputError, match=r"got the shapes \(39, 12\) and \(40,\)"):
        backtest(score[1:], quotes, bench, config())
    with pytest.raises(DataError, match="nothing to trade on"):
        backtest(np.full_like(score, np.nan), quotes, bench, config())
    late = config().model_dump(by_alias=True)
    late["backtest"]["start_time"] = "2030-01-01"
    with pytest.raises(DataError, match="2030-01-01"):
        backtest(score, quotes, bench, PortAnalysisConfig.model_validate(late))


def test_a_single_trading_day() -> None:
    score, quotes = random_market()
    how = config().model_dump(by_alias=True)
    how["backtest"] |= {"start_time": str(quotes.days[1]), "end_time": str(quotes.days[1])}
    result = trade(score[:2], first_days(quotes, 2), PortAnalysisConfig.model_validate(how))
    assert result.days.tolist() == [quotes.days[1]]
    assert len(held_on(result, 0)) == 3
    assert result.report["turnover"][0] > 0
    risk = {key.removeprefix("1day.excess_return_with_cost."): value for key, value in result.metrics.items()}
    assert risk["mean"] == pytest.approx(-result.report["cost"][0] + result.report["return"][0])
    assert np.isnan(risk["std"])  # one day has no spread
    assert np.isnan(risk["information_ratio"])


def test_a_single_stock_is_dropped_every_other_day() -> None:
    # the worst n_drop of what is held are sold, as in Qlib, though nothing takes their place; bought back then
    close = np.linspace(10, 11, 6)[:, None]
    result = trade(np.ones((6, 1)), panel(close), config())
    assert [held_on(result, d) for d in range(6)] == [[], [0], [], [0], [], [0]]
    assert result.trades["count"].tolist() == [0, 1, 1, 1, 1, 1]


def test_nothing_is_traded_after_a_day_without_scores() -> None:
    score, quotes = random_market()
    score[10] = np.nan
    result = trade(score, quotes, config())
    day = 11 - int(np.flatnonzero(quotes.days == result.days[0])[0])
    assert result.trades["count"][day] == 0
    assert result.report["turnover"][day] == 0
    assert held_on(result, day) == held_on(result, day - 1)
    assert result.trades["count"][day + 1] > 0


def first_days(quotes: Panel, count: int) -> Panel:
    return dataclasses.replace(
        quotes,
        days=quotes.days[:count],
        fields={name: bars[:count] for name, bars in quotes.fields.items()},
        last=np.minimum(quotes.last, count - 1),
    )


def test_an_account_that_holds_stocks_sells_them_like_others() -> None:
    score = np.tile([1.0, 2.0, 0.0], (4, 1))
    how = config(topk=1, n_drop=1)
    account = {"cash": 1e5, "S02": {"amount": 300.0, "price": 9.0}}
    given = type(how.backtest).model_validate(how.backtest.model_dump(by_alias=True) | {"account": account})
    result = trade(score, panel(np.full((4, 3), 10.0)), how.model_copy(update={"backtest": given}))
    assert held_on(result, 0) == [2]
    assert 2 not in held_on(result, 1)
    # as in Qlib, what is held at the start counts as the first day's return
    assert result.report["return"][0] == pytest.approx(3000.0 / 1e5)
    assert result.report["value"][0] == 3000.0


def test_cash_that_settles_later_buys_on_the_next_day() -> None:
    score, quotes = random_market()
    how = config(risk_degree=1.0)
    later = how.executor.kwargs.model_copy(update={"settle_type": "cash"})
    delayed = how.model_copy(update={"executor": how.executor.model_copy(update={"kwargs": later})})
    at_once, next_day = trade(score, quotes, how), trade(score, quotes, delayed)
    unsettled = next_day.report["account"] - next_day.report["value"] - next_day.report["cash"]
    assert unsettled.max() > 1000.0
    assert unsettled.min() > -1e-6
    np.testing.assert_allclose(at_once.report["account"], at_once.report["value"] + at_once.report["cash"])
    assert not np.allclose(at_once.report["cash"], next_day.report["cash"])


def test_what_volume_leaves_is_sold_on_later_days() -> None:
    score = np.array([[1.0, 0.0], *[[0.0, 1.0]] * 5])
    how = config({"volume_threshold": {"sell": ["current", "$volume"]}, "min_cost": 0.0}, topk=1, n_drop=1)
    quotes = panel(np.full((6, 2), 10.0), **{"$volume": np.full((6, 2), 40_000.0)})
    held = trade(score, quotes, how).positions
    amounts = [float(held.amount[(held.day == d) & (held.instrument == 0)].sum()) for d in range(6)]
    assert amounts == [0.0, 95_000.0, 55_000.0, 15_000.0, 0.0, 0.0]
    assert held.days_held[held.instrument == 0].tolist() == [1, 2, 3]
