"""Backtests and signal metrics against pyqlib's own, on a synthetic market, option by option.

The committed fixtures are what ``make_evaluation.py`` wrote; with pyqlib at hand it also runs, on another
market.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import History, write_qlib_folder
from lstm_bench.evaluate.returns.risk import compounded_risk, return_series
from lstm_bench.evaluate.signal.groups import group_returns
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.evaluate.signal.precision import precision
from lstm_bench.evaluate.signal.stability import stability
from lstm_bench.evaluate.trading.backtest import REPORT_COLUMNS, BacktestResult, backtest
from lstm_bench.evaluate.trading.quotes import load_benchmark, load_quotes, place

HERE = Path(__file__).parent
VARIANTS = tuple(json.loads((HERE / "fixtures" / "evaluation_market.json").read_text())["variants"])


@dataclass
class Reference:
    """pyqlib's results on a market, and the market itself as data folders."""

    root: Path
    variants: dict[str, Any]
    folders: dict[str, Path]

    def table(self, kind: str) -> pd.DataFrame:
        return pd.read_parquet(self.root / f"evaluation_{kind}.parquet")

    def scores(self, column: str) -> pd.DataFrame:
        return self.table("scores")[column].unstack("instrument").sort_index()  # noqa: PD010

    def run(self, name: str) -> BacktestResult:
        variant = self.variants[name]
        config = resolve(
            PortAnalysisConfig.model_validate(
                {
                    "strategy": {"class": "TopkDropoutStrategy", "kwargs": variant["strategy"]},
                    "backtest": {**variant["backtest"], "exchange_kwargs": variant["exchange"]},
                    "executor": {"class": "SimulatorExecutor", "kwargs": variant["executor"]},
                }
            ),
            variant["region"],
        )
        provider = Provider(self.folders[variant.get("market", "plain")])
        scores = self.scores(variant.get("scores", "gaps"))
        end = len(provider.calendar)
        quotes = load_quotes(provider, config, 0, end, list(scores.columns))
        days = scores.index.to_numpy().astype("datetime64[D]")
        score = place(scores.to_numpy(), days, list(scores.columns), quotes)
        bench = load_benchmark(provider, config.backtest.benchmark, 0, end)
        return backtest(score, quotes, bench, config, seed=variant["seed"])


@pytest.fixture(scope="module", params=["committed", pytest.param("live", marks=pytest.mark.oracle)])
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    root = HERE / "fixtures"
    if request.param == "live":
        python = os.environ.get("LSTM_BENCH_ORACLE_PYTHON")
        if python is None:
            pytest.skip("LSTM_BENCH_ORACLE_PYTHON names no interpreter that has pyqlib")
        root = tmp_path_factory.mktemp("oracle")
        script = [python, str(HERE / "make_evaluation.py"), str(root), "--seed", "20"]
        environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"}
        subprocess.run(script, check=True, cwd=root, env=environment, capture_output=True)
    about = json.loads((root / "evaluation_market.json").read_text())
    bars = pd.read_parquet(root / "evaluation_bars.parquet")
    missing = bars.copy()
    missing.loc[("SH600003", pd.Timestamp(about["calendar"][50])), "factor"] = np.nan
    folders = {}
    for name, table in (("plain", bars), ("missing_factor", missing)):
        folders[name] = tmp_path_factory.mktemp("market") / name
        write_market(folders[name], about, table)
    return Reference(root, about["variants"], folders)


def write_market(folder: Path, about: dict[str, Any], bars: pd.DataFrame) -> None:
    days = np.asarray(about["calendar"], dtype="datetime64[D]")
    histories = []
    for code, frame in bars.groupby(level="instrument"):
        begin = int(np.searchsorted(days, frame.index[0][1].to_datetime64().astype("datetime64[D]")))
        fields = {field: frame[field].to_numpy().astype(np.float32) for field in frame.columns}
        histories.append(History(str(code), begin, fields))
    markets = {
        name: [(code, np.datetime64(first, "D"), np.datetime64(last, "D")) for code, first, last in spans]
        for name, spans in about["markets"].items()
    }
    write_qlib_folder(folder, days, markets, histories)


def assert_close(got: Any, wanted: Any, what: str, *, rtol: float, atol: float) -> None:
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True, err_msg=what)


@pytest.mark.parametrize("name", VARIANTS)
def test_report_is_qlibs(reference: Reference, name: str) -> None:
    result = reference.run(name)
    wanted = reference.table("reports").query("variant == @name")
    np.testing.assert_array_equal(result.days, wanted["datetime"].to_numpy().astype("datetime64[D]"))
    assert wanted["total_turnover"].iloc[-1] > 0
    for column in REPORT_COLUMNS:
        rate = column in ("return", "turnover", "cost", "bench")
        tolerance = {"rtol": 0.0, "atol": 1e-9} if rate else {"rtol": 1e-9, "atol": 1e-5}
        assert_close(result.report[column], wanted[column], f"{name}: {column}", **tolerance)


@pytest.mark.parametrize("name", VARIANTS)
def test_indicators_are_qlibs(reference: Reference, name: str) -> None:
    result = reference.run(name)
    wanted = reference.table("reports").query("variant == @name")
    for column in ("ffr", "deal_amount", "value", "count"):
        assert_close(
            result.trades[column], wanted[f"trades_{column}"], f"{name}: {column}", rtol=1e-9, atol=1e-5
        )
    metrics = reference.table("metrics").query("variant == @name").set_index("name")["value"]
    for key, value in result.metrics.items():
        assert_close(value, metrics[key], f"{name}: {key}", rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["base", "hold_thresh", "small_account", "no_trade_unit"])
def test_positions_are_qlibs(reference: Reference, name: str) -> None:
    result = reference.run(name)
    held = result.positions
    wanted = reference.table("positions").query("variant == @name")
    np.testing.assert_array_equal(
        result.days[held.day], wanted["datetime"].to_numpy().astype("datetime64[D]"), err_msg=name
    )
    assert [result.instruments[j] for j in held.instrument] == wanted["instrument"].to_list()
    np.testing.assert_array_equal(held.days_held, wanted["days_held"])
    for column in ("amount", "price", "weight"):
        assert_close(getattr(held, column), wanted[column], f"{name}: {column}", rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("kind", ["gaps", "tied"])
def test_signal_metrics_are_qlibs(reference: Reference, kind: str) -> None:
    score, label = reference.scores(kind), reference.scores("label")
    # pyqlib counts every pair of its tables: the label's holds all of them
    rows = np.ones(score.shape, dtype=np.bool_)
    got = signal_metrics(score.to_numpy(), label.to_numpy(), rows, long_short=True)
    wanted = reference.table("signal").query("scores == @kind").set_index("datetime").reindex(score.index)
    assert_close(got.ic, wanted["ic"], "IC", rtol=0.0, atol=1e-9)
    assert_close(got.rank_ic, wanted["rank_ic"], "Rank IC", rtol=0.0, atol=1e-9)
    # pyqlib averages float32 labels in float32
    assert_close(got.long_short, wanted["long_short"], "long-short", rtol=0.0, atol=1e-8)
    assert_close(got.long_average, wanted["long_average"], "long average", rtol=0.0, atol=1e-8)
    summary = got.summary()
    assert summary["ICIR"] == pytest.approx(wanted["ic"].mean() / wanted["ic"].std(), abs=1e-9)
    assert summary["Rank ICIR"] == pytest.approx(wanted["rank_ic"].mean() / wanted["rank_ic"].std(), abs=1e-9)
    assert summary["Long-Short Ann Return"] == pytest.approx(wanted["long_short"].mean() * 252, rel=1e-5)
    sharpe = wanted["long_short"].mean() / wanted["long_short"].std() * 252**0.5
    assert summary["Long-Short Ann Sharpe"] == pytest.approx(sharpe, rel=1e-5)


@pytest.mark.parametrize("kind", ["gaps", "tied"])
def test_precision_is_qlibs(reference: Reference, kind: str) -> None:
    score, label = reference.scores(kind), reference.scores("label")
    got = precision(score.to_numpy(), label.to_numpy(), np.ones(score.shape, dtype=np.bool_))
    wanted = reference.table("signal").query("scores == @kind").set_index("datetime").reindex(score.index)
    assert_close(got.long, wanted["long_precision"], "long", rtol=0.0, atol=1e-12)
    assert_close(got.short, wanted["short_precision"], "short", rtol=0.0, atol=1e-12)
    assert_close(got.long_excess, wanted["long_precision_excess"], "long, excess", rtol=0.0, atol=1e-12)
    assert_close(got.short_excess, wanted["short_precision_excess"], "short, excess", rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("kind", ["gaps", "tied"])
def test_stability_is_qlibs(reference: Reference, kind: str) -> None:
    score = reference.scores(kind)
    got = stability(score.to_numpy(), np.ones(score.shape, dtype=np.bool_))
    wanted = reference.table("signal").query("scores == @kind").set_index("datetime").reindex(score.index)
    for name in ("autocorrelation", "rank_autocorrelation"):
        # where all scores of a day are the same, pandas may give a residue in place of nothing
        varied = score.max(axis=1) > score.min(axis=1)
        varied &= varied.shift(1, fill_value=False)
        assert_close(getattr(got, name)[varied], wanted[name][varied], name, rtol=0.0, atol=1e-9)
        assert np.isnan(getattr(got, name)[~varied]).all()
        assert varied.sum() > 90
    # without enough scores, pyqlib fills up with stocks that have none
    enough = score.notna().sum(axis=1) >= len(score.columns) // 5
    enough &= enough.shift(1, fill_value=False)
    for name in ("turnover_top", "turnover_bottom"):
        assert_close(getattr(got, name)[enough], wanted[name][enough], name, rtol=0.0, atol=1e-12)
        assert np.isnan(getattr(got, name)[~enough]).all()
    assert enough.sum() > 90


def test_group_returns_are_qlibs(reference: Reference) -> None:
    # without ties, whose order pyqlib leaves open here
    score, label = reference.scores("gaps"), reference.scores("label")
    got = group_returns(score.to_numpy(), label.to_numpy(), np.ones(score.shape, dtype=np.bool_))
    wanted = reference.table("signal").query("scores == 'gaps'").set_index("datetime").reindex(score.index)
    for name, returns in got.series().items():
        cumulated = pd.Series(returns).cumsum()
        assert_close(cumulated, wanted[f"cumulated_{name}"], name, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("name", ["base", "us", "small_account"])
def test_compounded_risk_is_qlibs(reference: Reference, name: str) -> None:
    series = return_series(reference.run(name).report)
    metrics = reference.table("metrics").query("variant == @name").set_index("name")["value"]
    for key in ("excess_return_without_cost", "excess_return_with_cost", "return_without_cost", "bench"):
        risk = compounded_risk(series[key])
        # pyqlib's first high is the wealth after the first day, ours the wealth before it
        from_day_1 = compounded_risk(series[key][1:])["max_drawdown"]
        assert risk["max_drawdown"] <= from_day_1
        for measure, value in {**risk, "max_drawdown": from_day_1}.items():
            wanted = metrics[f"compounded.{key}.{measure}"]
            assert_close(value, wanted, f"{name}: {key}, {measure}", rtol=1e-7, atol=1e-12)
