"""Records of a workflow file, key by key: values that pyqlib accepts are accepted, with pyqlib's numbers.

The committed fixtures are what ``make_trading.py`` wrote; with pyqlib at hand it also runs, on another market,
and on real bars where these are at hand too.
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
from pydantic import ValidationError
from tests.oracle.test_evaluation_oracle import write_market

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import LstmBenchError
from lstm_bench.data.provider import Provider
from lstm_bench.evaluate.trading.backtest import REPORT_COLUMNS
from lstm_bench.run.evaluation import Evaluation, evaluate_scores, load_market

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "qlib.md"

REFUSED_HERE = {
    "dates_number": "a day as a number",
    "config_comment": "unknown keys",
    "executor_unknown_key": "unknown keys",
    "risk_freq_week": "`risk_analysis_freq`",
    "enhanced_indexing": "`EnhancedIndexingStrategy`",
    "account_unknown_stock": "a code that the data lacks",
    "benchmark_list_with_unknown": "a code that the data lacks",
    "codes_list_with_unknown": "a code that the data lacks",
    "price_unknown": "a field that the data lacks",
    "limit_zero": "`limit_threshold` of 0",
    "two_other_backtests": "a record twice",
}
"""Variants that pyqlib takes and this package refuses -> how docs/qlib.md names the difference."""

TAKEN_HERE = {
    "kwargs_null": "null for `kwargs`",
    "mse_no_module": "without `module_path`",
    "record_n": "older keys",
    "record_model": "older keys",
    "strategy_no_module": "without `module_path`",
    "strategy_text_topk": "a number in quotes",
    "account_text": "a number in quotes",
    "limit_text": "a number in quotes",
    "signal_absent": "without `signal`",
    "executor_no_kwargs": "an executor without `kwargs`",
    "executor_no_metrics": "an executor without `kwargs`",
    "executor_1day": "`time_per_step: 1day`",
    "executor_d": "`time_per_step: 1day`",
    "settle_null": "`settle_type: null`",
    "dates_no_start": "a backtest without dates",
    "price_two_bare": "without its dollar sign",
    "price_bare_expression": "without its dollar sign",
    "limit_int": "a whole number",
    "subscribe_null": "`subscribe_fields: null`",
    "codes_mapping_alone": "without `filter_pipe`",
    "benchmark_market_alone": "without `filter_pipe`",
    "volume_current": "`volume_threshold`",
    "volume_cum": "`volume_threshold`",
    "volume_all": "`volume_threshold`",
    "volume_buy": "`volume_threshold`",
    "volume_sell": "`volume_threshold`",
    "volume_buy_alone": "`volume_threshold`",
    "volume_both": "`volume_threshold`",
    "volume_three": "`volume_threshold`",
    "volume_no_lots": "`volume_threshold`",
    "volume_impact": "`volume_threshold`",
    "volume_parallel": "`volume_threshold`",
    "volume_held": "`volume_threshold`",
    "volume_weighted_fill": "`volume_threshold`",
    "volume_amount_fill": "`volume_threshold`",
    "volume_unknown": "`volume_threshold`",
    "limit_expressions": "expressions for `limit_threshold`",
    "limit_expressions_one_way": "expressions for `limit_threshold`",
    "limit_expressions_unknown": "expressions for `limit_threshold`",
}
"""Variants that pyqlib refuses and this package takes -> how docs/qlib.md names the difference."""

OTHER_NUMBERS = {
    "freq_1day": "`freq: 1day`",
    "freq_1d": "`freq: 1day`",
    "no_signal_record": "without `SignalRecord`",
    "volume_unknown": "an unknown volume",
}
"""Variants that both take and understand differently -> how docs/qlib.md names the difference."""


@dataclass(frozen=True)
class Reference:
    """pyqlib's results of records, and the data that they trade on."""

    variants: dict[str, Any]
    reports: pd.DataFrame
    scores: pd.DataFrame
    folders: dict[str, Path]

    def table(self, column: str) -> pd.DataFrame:
        return self.scores[column].unstack("instrument").sort_index()  # noqa: PD010

    def evaluate(self, name: str) -> Evaluation:
        """Evaluate the scores as a run with these records does after training."""
        variant = self.variants[name]
        content = load_workflow(ready_folder("configs") / "lstm_alpha158.yaml").to_file()
        folder = self.folders[variant["market"]]
        content["qlib_init"] = {"provider_uri": str(folder), "region": variant["region"]}
        content["task"]["model"]["kwargs"]["seed"] = variant["seed"]
        content["task"]["record"] = variant["records"]
        config = RunConfig.model_validate(content).resolved()
        score, label = (self.table(column) for column in ("score", "label"))
        days = score.index.to_numpy().astype("datetime64[D]")
        scored = days[score.notna().any(axis=1).to_numpy()]
        codes = tuple(score.columns)
        market = load_market(config, Provider(folder), scored, codes)
        values, labels = (table.to_numpy(np.float32) for table in (score, label))
        return evaluate_scores(config, market, values, labels, ~np.isnan(values), days, codes)


def ask(out: Path, *arguments: str | Path) -> None:
    """Let pyqlib make the records."""
    python = os.environ.get("LSTM_BENCH_ORACLE_PYTHON")
    if python is None:
        pytest.skip("LSTM_BENCH_ORACLE_PYTHON names no interpreter that has pyqlib")
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "OMP_NUM_THREADS": "1"}
    script = [python, str(HERE / "make_trading.py"), str(out), *map(str, arguments)]
    done = subprocess.run(script, cwd=out, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=["committed", pytest.param("live", marks=pytest.mark.oracle)])
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    root = market = HERE / "fixtures"
    if request.param == "live":
        root = market = tmp_path_factory.mktemp("oracle")
        ask(root, "--seed", "20", "--with-market")
    about = json.loads((market / "evaluation_market.json").read_text())
    bars = pd.read_parquet(market / "evaluation_bars.parquet")
    missing = bars.copy()
    missing.loc[("SH600003", pd.Timestamp(about["calendar"][50])), "factor"] = np.nan
    folders = {}
    for name, table in (("plain", bars), ("missing_factor", missing)):
        folders[name] = tmp_path_factory.mktemp("market") / name
        write_market(folders[name], about, table)
    scores = pd.read_parquet(market / "evaluation_scores.parquet").rename(columns={"gaps": "score"})
    return read_reference(root, scores, folders)


def read_reference(root: Path, scores: pd.DataFrame, folders: dict[str, Path]) -> Reference:
    variants = json.loads((root / "trading.json").read_text())
    return Reference(variants, pd.read_parquet(root / "trading_reports.parquet"), scores, folders)


VARIANTS = tuple(json.loads((HERE / "fixtures" / "trading.json").read_text()))


def attempt(reference: Reference, name: str) -> Evaluation | str:
    """What comes of the records, or the message that refuses them."""
    try:
        return reference.evaluate(name)
    except (ValidationError, LstmBenchError) as error:
        return str(error)


@pytest.mark.parametrize("name", VARIANTS)
def test_what_qlib_takes_is_taken_and_gives_its_numbers(reference: Reference, name: str) -> None:
    wanted, got = reference.variants[name], attempt(reference, name)
    if isinstance(got, str):
        assert name in REFUSED_HERE or not wanted["accepted"], got
        return
    assert wanted["accepted"] or name in TAKEN_HERE, f"pyqlib refuses it: {wanted['why']}"
    if name not in OTHER_NUMBERS:
        assert_qlibs(reference, name, got)


def assert_qlibs(reference: Reference, name: str, got: Evaluation) -> None:
    wanted = reference.variants[name]
    for metric, value in wanted["metrics"].items():
        loose = metric.startswith("Long") or metric.endswith(
            "MSE"
        )  # pyqlib averages float32 labels in float32
        assert got.metrics[metric] == pytest.approx(value, rel=1e-5 if loose else 1e-8, abs=1e-11), metric
    if "report" not in wanted:
        return
    assert got.portfolio is not None
    table = reference.reports.query("variant == @wanted['report']")
    np.testing.assert_array_equal(got.portfolio.days, table["datetime"].to_numpy().astype("datetime64[D]"))
    for column in REPORT_COLUMNS:
        rate = column in ("return", "turnover", "cost", "bench")
        np.testing.assert_allclose(
            got.portfolio.report[column],
            table[column],
            rtol=0.0 if rate else 1e-9,
            atol=1e-8 if column == "bench" else 1e-9 if rate else 1e-5,
            err_msg=f"{name}: {column}",
        )
    for column, values in got.portfolio.trades.items():
        np.testing.assert_allclose(
            values, table[f"trades_{column}"], rtol=1e-9, atol=1e-5, err_msg=f"{name}: {column}"
        )


def test_every_difference_is_one_and_is_named(reference: Reference) -> None:
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    differing = len(REFUSED_HERE) + len(TAKEN_HERE)
    assert f"Of {len(VARIANTS)} variants {len(VARIANTS) - differing} are judged alike" in text
    for names, accepted in ((REFUSED_HERE, True), (TAKEN_HERE, False), (OTHER_NUMBERS, True)):
        for name, phrase in names.items():
            assert reference.variants[name]["accepted"] is accepted or name in TAKEN_HERE, name
            assert phrase in text, f"docs/qlib.md does not name {phrase}"
            got = attempt(reference, name)
            assert isinstance(got, str) is (names is REFUSED_HERE), f"{name}: {got}"


REAL = {
    "bare": "PortAnaRecord",
    "volume": {
        "volume_threshold": {
            "all": ["cum", "0.0002 * $volume"],
            "sell": ["current", "0.0001*Mean($volume, 5)"],
        }
    },
    "limits": {
        "limit_threshold": ["$change > 0.03", "$close/Ref($close, 1) < 0.97"],
        "deal_price": ["$open", "($high+$low)/2"],
    },
    "codes": {"codes": ["SH600000", "SH600036", "SH600519", "SH601318", "SZ000001", "SZ000002", "SZ000651"]},
}
"""Records for real bars, by the changed setting of the exchange."""


@pytest.mark.oracle
@pytest.mark.real
def test_real_bars_give_qlibs_numbers(tmp_path: Path) -> None:
    folder = os.environ.get("LSTM_BENCH_REAL_DATA")
    if folder is None:
        pytest.skip("LSTM_BENCH_REAL_DATA names no Qlib folder")
    provider = Provider(folder)
    begin, end = provider.locate("2019-01-01", "2019-06-30", "test")
    listed = provider.universe("csi300").between(provider.calendar[begin], provider.calendar[end - 1])
    bars = provider.panel(listed.instruments, ["close", "volume"], begin - 5, end)
    close = bars.fields["close"]
    move = np.where(bars.fields["volume"] > 0, close / np.roll(close, 5, axis=0), np.nan)[5:]
    scores = pd.DataFrame({"score": move.ravel(), "label": move.ravel()}).set_index(
        pd.MultiIndex.from_product(
            [bars.days[5:].astype("datetime64[ns]"), bars.instruments], names=["datetime", "instrument"]
        )
    )
    scores.to_parquet(tmp_path / "scores.parquet")
    records: dict[str, Any] = {"bare": ["SignalRecord", REAL["bare"]]}
    base = next(iter(json.loads((HERE / "fixtures" / "trading.json").read_text()).values()))["records"][1]
    for name, exchange in list(REAL.items())[1:]:
        record = json.loads(json.dumps(base))
        record["kwargs"]["config"]["backtest"] |= {
            "start_time": "2019-01-10",
            "end_time": "2019-06-20",
            "account": 1e8,
        }
        record["kwargs"]["config"]["backtest"]["exchange_kwargs"] |= exchange
        records[name] = ["SignalRecord", record]
    (tmp_path / "records.json").write_text(json.dumps(records))
    ask(
        tmp_path,
        "--provider",
        folder,
        "--scores",
        tmp_path / "scores.parquet",
        "--records",
        tmp_path / "records.json",
    )
    reference = read_reference(tmp_path, scores, {"plain": Path(folder)})
    assert len({outcome["report"] for outcome in reference.variants.values()}) == len(REAL)
    for name in REAL:
        assert_qlibs(reference, name, reference.evaluate(name))
