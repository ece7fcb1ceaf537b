"""Runs of the Python API against the records that they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import lstm_bench
from lstm_bench import InputError, RunConfig
from lstm_bench.evaluate.headlines import OF_SIGNAL

CONFIGS = Path(__file__).parents[2] / "configs"


def test_a_run_is_its_record(
    config: RunConfig, market: Path, days: list[str], tmp_path: Path, costs: dict[str, Any]
) -> None:
    result = lstm_bench.run(config, seed=1, out=tmp_path, experiment="api")
    assert result.path.parent == tmp_path / "api"
    assert json.loads((result.path / "metrics.json").read_text()) == result.metrics
    assert json.loads((result.path / "provenance.json").read_text())["seed"] == 1
    assert json.loads((result.path / "analysis.json").read_text()) == result.analysis
    tables = ("pred", "label", "epochs", "ic", "ic_decay", "ic_periods", "report", "holdings", "drawdowns")
    for name in tables:
        pd.testing.assert_frame_equal(getattr(result, name), pd.read_parquet(result.path / f"{name}.parquet"))
    assert result.epochs is not None
    assert len(result.epochs) == 2

    # the API's other functions give the figures back from the tables alone
    metrics = lstm_bench.signal_metrics(result.pred, result.label)
    assert metrics == pytest.approx({name: result.metrics[name] for name in metrics}, abs=1e-12)
    analysis = lstm_bench.signal_analysis(result.pred, result.label)
    by_liquidity = [name for name in result.ic.columns if "liquidity" in name]  # needs the bars
    assert len(by_liquidity) == 6
    pd.testing.assert_frame_equal(analysis.daily, result.ic.drop(columns=by_liquidity), atol=1e-12)
    pd.testing.assert_frame_equal(analysis.decay, result.ic_decay, atol=1e-12)
    pd.testing.assert_frame_equal(analysis.periods, result.ic_periods, atol=1e-12)
    assert analysis.sections["signal"] == pytest.approx(result.analysis["signal"], abs=1e-12)
    assert result.report is not None
    report = lstm_bench.backtest(
        result.pred, market, start_time=days[250], end_time=days[-2], topk=5, n_drop=1, **costs
    )
    pd.testing.assert_frame_equal(report, result.report, rtol=1e-12)
    risk = lstm_bench.risk_analysis(report["return"] - report["bench"] - report["cost"])
    name = "1day.excess_return_with_cost"
    assert risk == pytest.approx({key: result.metrics[f"{name}.{key}"] for key in risk}, abs=1e-12)
    measured = lstm_bench.performance(report["return"] - report["cost"])
    for section, figures in measured.items():
        assert figures == pytest.approx(result.analysis["returns"]["return_with_cost"][section], abs=1e-12)


def test_a_run_is_not_computed_twice(config: RunConfig, overrides: dict[str, Any], tmp_path: Path) -> None:
    first = lstm_bench.run(config, out=tmp_path)
    assert first.path.parent == tmp_path / "workflow"
    assert json.loads((first.path / "provenance.json").read_text())["seed"] == 0
    written = (first.path / "provenance.json").stat().st_mtime_ns
    assert lstm_bench.run(config, 0, out=tmp_path).path == first.path
    assert (first.path / "provenance.json").stat().st_mtime_ns == written
    # a file's own seed holds unless another is asked for
    own = lstm_bench.load_workflow(
        CONFIGS / "lstm_alpha158.yaml", overrides | {"task.model.kwargs.seed": 3, "experiment_name": "mine"}
    )
    third = lstm_bench.run(own, out=tmp_path)
    assert third.path.parent == tmp_path / "mine"
    assert json.loads((third.path / "provenance.json").read_text())["seed"] == 3
    assert not third.pred.equals(first.pred)


@pytest.mark.parametrize("name", ["a/b", "../x", ".x", ""])
def test_an_experiment_is_one_visible_folder(config: RunConfig, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"experiment: got {name!r}, expected the name of one folder"):
        lstm_bench.run(config, out=tmp_path / "out", experiment=name)
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_backtest_has_no_report(overrides: dict[str, Any], tmp_path: Path) -> None:
    records = [{"class": "SignalRecord", "module_path": "qlib.workflow.record_temp"}]
    config = lstm_bench.load_workflow(CONFIGS / "lstm_alpha158.yaml", overrides | {"task.record": records})
    result = lstm_bench.run(config, out=tmp_path)
    assert result.report is None
    assert result.holdings is None
    assert result.drawdowns is None
    assert set(result.analysis) == {"signal", "groups"}
    assert set(result.metrics) == {"IC", "ICIR", "Rank IC", "Rank ICIR", *OF_SIGNAL}


def test_a_record_is_read_and_scores_other_days(
    config: RunConfig, market: Path, days: list[str], tmp_path: Path
) -> None:
    result = lstm_bench.run(config, out=tmp_path, experiment="api")
    for name in (result.path, result.path.name[:9]):
        again = lstm_bench.load_run(name, results=tmp_path)
        assert again.path == result.path
        assert again.metrics == result.metrics
        pd.testing.assert_frame_equal(again.pred, result.pred)
    # the run tests to the last day but one
    scores = again.predict()
    assert list(scores.index.unique("datetime")) == [pd.Timestamp(days[-1])]
    some = again.predict(days[260], days[261], market)
    pd.testing.assert_frame_equal(some, result.pred.loc[days[260] : days[261]], rtol=0, atol=1e-7)
    with pytest.raises(InputError, match="start: got 2030-01-01, but the data end on"):
        again.predict("2030-01-01")
    with pytest.raises(InputError, match="run: got 'abc', expected a record's folder"):
        lstm_bench.load_run("abc", results=tmp_path)
    (result.path / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="diverged"):
        lstm_bench.load_run(result.path)


def test_results_print_as_a_short_summary(
    config: RunConfig, market: Path, days: list[str], tmp_path: Path
) -> None:
    result = lstm_bench.run(config, seed=3, out=tmp_path)
    lines = str(result).splitlines()
    assert lines[0] == f"run {result.path}"
    assert lines[1].startswith(f"IC {result.metrics['IC']:.6f}, ICIR ")
    assert f"{len(result.pred):,} scores of {result.pred.index.unique('instrument').size} stocks" in lines[3]
    assert "tables pred, label, epochs, ic, ic_decay, ic_periods, report, holdings, drawdowns" in lines[-1]
    signal = lstm_bench.signal_analysis(result.pred, result.label)
    assert f"IC {signal.decay['ic'].iloc[0]:.6f}" in str(signal)
    bars = lstm_bench.load_panel(market, "csi300")
    for shown in (result, signal, bars, lstm_bench.build_dataset(config)):
        assert len(str(shown).splitlines()) <= 6
        assert len(repr(shown)) < 300
        assert "\n" not in repr(shown)
    assert f"{len(bars.instruments)} instruments on {len(days)} days" in repr(bars)
