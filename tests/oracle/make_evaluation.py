"""Make the evaluation fixtures: pyqlib's reports on a synthetic market, option by option.

Run it with the interpreter of pyqlib's environment::

    python tests/oracle/make_evaluation.py [OUT] [--seed S]

It needs pyqlib only, and writes to OUT (the committed ``fixtures`` folder where not given):

- ``evaluation_bars.parquet``: the market's bars;
- ``evaluation_market.json``: its calendar, its spans and the variants;
- ``evaluation_scores.parquet``: the scores to trade on, with the raw label;
- ``evaluation_reports.parquet``: pyqlib's daily report with its trade indicators, per variant;
- ``evaluation_positions.parquet``, ``evaluation_metrics.parquet``: its holdings and its metrics, per variant;
- ``evaluation_signal.parquet``: pyqlib's daily IC, Rank IC, long-short returns and precision, and what its graphs of a
  model's performance show: group returns, autocorrelation and turnover of the scores.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

STOCKS, DAYS = 24, 110
BENCHMARK = "SH000300"
FIELDS = ("open", "close", "vwap", "change", "factor", "volume")

BASE: dict[str, Any] = {
    "region": "cn",
    "seed": 0,
    "executor": {},
    "strategy": {"topk": 8, "n_drop": 2},
    "backtest": {
        "start_time": "2020-01-09",
        "end_time": "2020-05-26",
        "account": 1_000_000,
        "benchmark": BENCHMARK,
    },
    "exchange": {"limit_threshold": 0.095, "deal_price": "close", "open_cost": 0.0005, "close_cost": 0.0015},
}

VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "no_drop": {"strategy": {"n_drop": 0}},
    "many_drops": {"strategy": {"topk": 5, "n_drop": 7}},
    "larger_than_market": {"strategy": {"topk": 30, "n_drop": 3}},
    "hold_thresh": {"strategy": {"hold_thresh": 6}},
    "only_tradable": {"strategy": {"only_tradable": True}},
    "only_tradable_no_drop": {"strategy": {"only_tradable": True, "n_drop": 0}},
    "one_way_limits": {"strategy": {"forbid_all_trade_at_limit": False}},
    "one_way_limits_only_tradable": {"strategy": {"forbid_all_trade_at_limit": False, "only_tradable": True}},
    "risk_degree": {"strategy": {"risk_degree": 0.5}},
    "buy_random": {"strategy": {"method_buy": "random"}, "seed": 3},
    "sell_random": {"strategy": {"method_sell": "random"}, "seed": 4, "scores": "full"},
    "both_random": {
        "strategy": {"method_sell": "random", "method_buy": "random", "only_tradable": True},
        "seed": 5,
        "scores": "full",
    },
    "us": {"region": "us", "exchange": {"limit_threshold": None}},
    "tw": {"region": "tw", "backtest": {"account": 20_000_000}, "exchange": {"limit_threshold": None}},
    "vwap": {"exchange": {"deal_price": "$vwap"}},
    "two_prices": {"exchange": {"deal_price": ["$open", "$vwap"]}},
    "impact_cost": {"exchange": {"impact_cost": 0.1}, "backtest": {"account": 30_000_000}},
    "free": {"exchange": {"open_cost": 0.0, "close_cost": 0.0, "min_cost": 0}},
    "small_account": {"backtest": {"account": 12_000}, "exchange": {"min_cost": 20}},
    "poor": {"backtest": {"account": 400}, "exchange": {"min_cost": 150, "trade_unit": 1}},
    "all_in": {"strategy": {"risk_degree": 1.0}, "exchange": {"open_cost": 0.01}},
    "no_trade_unit": {"exchange": {"trade_unit": None}},
    "missing_factor": {"market": "missing_factor"},
    "listed_half": {"exchange": {"codes": "half"}},
    "parallel": {"executor": {"trade_type": "parallel"}},
    "benchmark_of_three": {"backtest": {"benchmark": ["SH600001", "SH600002", "SH600005"]}},
    "open_dates": {"backtest": {"start_time": None, "end_time": None}},
    "defaults": {"exchange": None},
}

WITH_POSITIONS = ("base", "hold_thresh", "small_account", "no_trade_unit")
"""Variants whose holdings are kept; the report already depends on the holdings of the others."""


def make_market(seed: int) -> tuple[pd.DatetimeIndex, dict[str, list[tuple[str, str, str]]], pd.DataFrame]:
    """Calendar, spans per market, and bars: a long table indexed by instrument and datetime."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", periods=DAYS)
    codes = [f"SH60{i:04d}" for i in range(STOCKS)]
    bars, listed = [], []
    for i, code in enumerate([BENCHMARK, *codes]):
        begin = 30 if i == 4 else 0  # a listing in the middle
        end = 70 if i in (2, 9) else DAYS  # delistings
        n = end - begin
        move = rng.normal(0.0, 0.03, n).astype(np.float32)
        if i > 0:
            limit = rng.random(n) < 0.08
            move[limit] = np.where(rng.random(limit.sum()) < 0.5, np.float32(0.1), np.float32(-0.1))
            move[rng.random(n) < 0.03] = np.float32(0.095)  # exactly at the threshold
        close = (np.exp(rng.uniform(1.0, 5.0)) * np.cumprod(1.0 + move)).astype(np.float32)
        factor = np.full(n, rng.uniform(0.2, 3.0), dtype=np.float32)
        if i == 5:
            factor[n // 2 :] *= np.float32(2.0)  # a split
        frame = pd.DataFrame(
            {
                "open": close * np.float32(0.99),
                "close": close,
                "vwap": (close * rng.uniform(0.98, 1.02, n)).astype(np.float32),
                "change": move,
                "factor": factor,
                "volume": rng.uniform(1e3, 1e6, n).astype(np.float32),
            },
            index=pd.MultiIndex.from_product([[code], days[begin:end]], names=["instrument", "datetime"]),
        )
        if i > 0:
            frame.loc[rng.random(n) < 0.03, "vwap"] = np.nan
            frame.loc[rng.random(n) < 0.03, "vwap"] = 0.0
            frame.loc[rng.random(n) < 0.03, "volume"] = np.nan
            frame.loc[rng.random(n) < 0.03, "volume"] = 0.0
            suspended = rng.random(n) < 0.02
            if i % 6 == 0:
                start = int(rng.integers(10, n - 30))
                suspended[start : start + 20] = True
            frame.loc[suspended, :] = np.nan
            # one is never listed, and one leaves the list before its bars end
            if i != 7:
                last = days[80] if i == 12 else days[end - 1]
                listed.append((code, str(days[begin].date()), str(last.date())))
        bars.append(frame)
    return days, {"all": listed, "half": listed[::2]}, pd.concat(bars)


def make_scores(seed: int, days: pd.DatetimeIndex, bars: pd.DataFrame) -> pd.DataFrame:
    """Scores with gaps and departures, without gaps, and the raw label; by datetime and instrument."""
    rng = np.random.default_rng(seed + 1)
    codes = [code for code in bars.index.get_level_values(0).unique() if code != BENCHMARK]
    index = pd.MultiIndex.from_product([days[5:104], codes], names=["datetime", "instrument"])
    scores = pd.DataFrame({"full": rng.normal(size=len(index)).astype(np.float32)}, index=index)
    # what is good stays good for a while: holdings are not all replaced within days
    scores["full"] = (
        scores.groupby("instrument")["full"].transform(lambda s: s.ewm(span=15).mean()).astype(np.float32)
    )
    score = scores["full"].copy()
    score[rng.random(len(score)) < 0.05] = np.nan
    day = score.index.get_level_values(0)
    score[(score.index.get_level_values(1) == codes[10]) & (day > days[60])] = np.nan  # left the universe
    score[day == days[40]] = np.nan  # a day without any
    scores["gaps"] = score
    label = rng.normal(0.0, 0.02, len(index)).astype(np.float32)
    label[rng.random(len(index)) < 0.05] = np.nan
    scores["label"] = label
    # for the signal metrics: ties, a constant day, a day with one stock
    tied = (score * 4).round() / 4
    tied[day == days[20]] = 0.5
    tied[(day == days[21]) & (score.index.get_level_values(1) != codes[3])] = np.nan
    scores["tied"] = tied.astype(np.float32)
    return scores


def write_folder(root: Path, days: pd.DatetimeIndex, markets: dict[str, Any], bars: pd.DataFrame) -> None:
    """Write a Qlib data folder."""
    for part in ("calendars", "instruments", "features"):
        (root / part).mkdir(parents=True)
    (root / "calendars" / "day.txt").write_text("".join(f"{day.date()}\n" for day in days))
    for name, spans in markets.items():
        (root / "instruments" / f"{name}.txt").write_text("".join("\t".join(span) + "\n" for span in spans))
    for code, frame in bars.groupby(level="instrument"):
        folder = root / "features" / str(code).lower()
        folder.mkdir()
        begin = int(days.searchsorted(frame.index.get_level_values("datetime")[0]))
        for field in FIELDS:
            np.append(begin, frame[field].to_numpy()).astype("<f4").tofile(folder / f"{field}.day.bin")


def merge(variant: dict[str, Any]) -> dict[str, Any]:
    """Lay a variant over the base."""
    merged = copy.deepcopy(BASE)
    for key, value in variant.items():
        if isinstance(value, dict):
            merged[key].update(value)
        else:
            merged[key] = {} if value is None else value
    return merged


def run_variant(
    name: str, variant: dict[str, Any], folders: dict[str, Path], scores: pd.DataFrame
) -> list[pd.DataFrame]:
    """Pyqlib's report, positions and metrics of one variant."""
    import qlib
    from qlib.backtest import backtest
    from qlib.backtest.position import Position
    from qlib.contrib.evaluate import indicator_analysis, risk_analysis
    from qlib.utils import get_date_by_shift

    folder = folders[variant.get("market", "plain")]
    qlib.init(provider_uri=str(folder), region=variant["region"], kernels=1, logging_level=50)
    column = variant.get("scores", "gaps")
    pred = scores[column].dropna().to_frame("score")
    span = copy.deepcopy(variant["backtest"])
    dates = pred.index.get_level_values("datetime")
    span["start_time"] = span["start_time"] or dates.min()
    span["end_time"] = span["end_time"] or get_date_by_shift(dates.max(), 1)
    np.random.seed(variant["seed"])  # noqa: NPY002
    # pyqlib fails on a day whose orders mix str and numpy.str_, as method_buy: random makes them; and it
    # walks its holdings as a set, in an order that changes from run to run
    draw: Any = np.random.choice
    held: Any = Position.get_stock_list
    with (
        mock.patch.object(np.random, "choice", lambda *args, **kwargs: draw(*args, **kwargs).tolist()),
        mock.patch.object(Position, "get_stock_list", lambda self: sorted(held(self))),
    ):
        portfolio, indicators = backtest(
            strategy={
                "class": "TopkDropoutStrategy",
                "module_path": "qlib.contrib.strategy",
                "kwargs": {"signal": pred, **variant["strategy"]},
            },
            executor={
                "class": "SimulatorExecutor",
                "module_path": "qlib.backtest.executor",
                "kwargs": {"time_per_step": "day", "generate_portfolio_metrics": True, **variant["executor"]},
            },
            exchange_kwargs=copy.deepcopy(variant["exchange"]),
            **span,
        )
    report, positions = portfolio["1day"]
    trades = indicators["1day"][0].astype(float)
    excess = {
        "excess_return_without_cost": report["return"] - report["bench"],
        "excess_return_with_cost": report["return"] - report["bench"] - report["cost"],
    }
    metrics = {
        f"1day.{key}.{measure}": float(value)
        for key, series in excess.items()
        for measure, value in risk_analysis(series, freq="day")["risk"].items()
    }
    compounded = {**excess, "return_without_cost": report["return"], "bench": report["bench"]}
    metrics |= {
        f"compounded.{key}.{measure}": float(value)
        for key, series in compounded.items()
        for measure, value in risk_analysis(series, N=252, freq=None, mode="product")["risk"].items()
    }
    for method in ("mean", "amount_weighted", "value_weighted"):
        prefix = "1day" if method == "mean" else method
        for key, value in indicator_analysis(trades, method=method)["value"].items():
            metrics[f"{prefix}.{key}"] = float(value)
    holdings = [
        {
            "datetime": day,
            "instrument": code,
            "amount": stock["amount"],
            "price": stock["price"],
            "weight": stock["weight"],
            "days_held": stock["count_day"],
        }
        for day, position in positions.items()
        for code, stock in sorted(position.position.items())
        if isinstance(stock, dict)
    ]
    report = report.join(trades.add_prefix("trades_")).reset_index()
    tables = [report, pd.DataFrame(holdings), pd.DataFrame(metrics.items(), columns=["name", "value"])]
    for table in tables:
        table.insert(0, "variant", name)
    if name not in WITH_POSITIONS:
        tables[1] = tables[1].iloc[:0]
    return tables


def graph_series(score: pd.Series, label: pd.Series) -> dict[str, pd.Series]:
    """Series behind pyqlib's graphs of a model's performance; nothing is drawn, and no plotting package needed."""
    drawing = (
        *("plotly", "plotly.express", "plotly.figure_factory", "plotly.graph_objs", "plotly.offline"),
        *(
            "plotly.subplots",
            "plotly.tools",
            "statsmodels",
            "statsmodels.api",
            "matplotlib",
            "matplotlib.pyplot",
        ),
    )
    with mock.patch.dict(sys.modules, {name: mock.MagicMock() for name in drawing}):
        from qlib.contrib.report.analysis_model import analysis_model_performance as graphs
    table = pd.DataFrame({"score": score, "label": label.astype(float)}).sort_index()
    with mock.patch.multiple(graphs, ScatterGraph=mock.DEFAULT, SubplotsGraph=mock.DEFAULT) as drawn:

        def shown(function: Any) -> pd.DataFrame:
            drawn["ScatterGraph"].reset_mock()
            function(table.copy())
            frame: pd.DataFrame = drawn["ScatterGraph"].call_args.args[0]
            return frame

        turnover = shown(graphs._pred_turnover)
        series = {
            "rank_autocorrelation": shown(graphs._pred_autocorr)["value"],
            "turnover_top": turnover["Top"],
            "turnover_bottom": turnover["Bottom"],
        }
        cumulated = shown(graphs._group_return)
    names = {"long-short": "group_spread", "long-average": "group_excess"}
    names |= {f"Group{i}": f"group_{i}" for i in range(1, 6)}
    return series | {f"cumulated_{names[str(name)]}": cumulated[name] for name in cumulated}


def signal_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Pyqlib's daily signal metrics of each kind of score."""
    from qlib.contrib.eva.alpha import calc_ic, calc_long_short_prec, calc_long_short_return, pred_autocorr

    tables = []
    for column in ("gaps", "tied"):
        pred = scores[column].dropna()
        label = scores["label"]
        ic, rank_ic = calc_ic(pred, label)
        long_short, long_average = calc_long_short_return(pred, label)
        columns = {"ic": ic, "rank_ic": rank_ic, "long_short": long_short, "long_average": long_average}
        columns["long_precision"], columns["short_precision"] = calc_long_short_prec(pred, label)
        columns["long_precision_excess"], columns["short_precision_excess"] = calc_long_short_prec(
            pred, label, is_alpha=True
        )
        columns["autocorrelation"] = pred_autocorr(scores[column])
        table = pd.DataFrame(columns | graph_series(scores[column], label))
        table = table.rename_axis("datetime").reset_index()
        table.insert(0, "scores", column)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    """Make all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent / "fixtures")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    days, markets, bars = make_market(arguments.seed)
    scores = make_scores(arguments.seed, days, bars)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: Path(temporary) / name for name in ("plain", "missing_factor")}
        write_folder(folders["plain"], days, markets, bars)
        missing = bars.copy()
        missing.loc[("SH600003", days[50]), "factor"] = np.nan
        write_folder(folders["missing_factor"], days, markets, missing)
        variants = {name: merge(variant) for name, variant in VARIANTS.items()}
        results = [run_variant(name, variant, folders, scores) for name, variant in variants.items()]
    for kind, tables in zip(("reports", "positions", "metrics"), zip(*results, strict=True), strict=True):
        table = pd.concat(tables, ignore_index=True)
        table.to_parquet(arguments.out / f"evaluation_{kind}.parquet", compression="zstd", index=False)
    bars.to_parquet(arguments.out / "evaluation_bars.parquet", compression="zstd")
    scores.to_parquet(arguments.out / "evaluation_scores.parquet", compression="zstd")
    signal_table(scores).to_parquet(
        arguments.out / "evaluation_signal.parquet", compression="zstd", index=False
    )
    about = {"calendar": [str(day.date()) for day in days], "markets": markets, "variants": variants}
    (arguments.out / "evaluation_market.json").write_text(json.dumps(about) + "\n")


if __name__ == "__main__":
    main()
