"""The Python API against plain pandas, pyqlib's fixtures, and the records that it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lstm_bench
from lstm_bench import InputError, RunConfig
from lstm_bench.data import fingerprint
from lstm_bench.data.qlib_folder import History, write_qlib_folder
from lstm_bench.data.synthetic import synthesize
from lstm_bench.evaluate.headlines import OF_SIGNAL
from lstm_bench.evaluate.trading.backtest import REPORT_COLUMNS

CONFIGS = Path(__file__).parents[1] / "configs"
FIXTURES = Path(__file__).parent / "oracle" / "fixtures"
TERMS: dict[str, Any] = {
    "limit_threshold": 0.095,
    "deal_price": "close",
    "open_cost": 0.0005,
    "close_cost": 0.0015,
    "min_cost": 5,
}

Configure = Callable[..., RunConfig]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "cache_path", lambda: tmp_path / "cache" / "fingerprints.json")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=20, days=320, seed=0)
    return out


@pytest.fixture(scope="module")
def days(market: Path) -> list[str]:
    return (market / "calendars" / "day.txt").read_text().split()


@pytest.fixture(scope="module")
def overrides(market: Path, days: list[str]) -> dict[str, Any]:
    """Make a shipped workflow file small enough to train in a second."""
    return {
        "qlib_init.provider_uri": str(market),
        "data_handler_config.start_time": days[0],
        "data_handler_config.end_time": days[-1],
        "data_handler_config.fit_start_time": days[0],
        "data_handler_config.fit_end_time": days[199],
        "task.dataset.kwargs.segments": {
            "train": [days[0], days[199]],
            "valid": [days[200], days[249]],
            "test": [days[250], days[-2]],
        },
        "task.dataset.kwargs.step_len": 6,
        "portfolio.backtest.start_time": days[250],
        "portfolio.backtest.end_time": days[-2],
        "portfolio.strategy.kwargs.topk": 5,
        "portfolio.strategy.kwargs.n_drop": 1,
        "task.model.kwargs.hidden_size": 8,
        "task.model.kwargs.n_epochs": 2,
        "task.model.kwargs.batch_size": 100,
        "task.model.kwargs.GPU": -1,
    }


@pytest.fixture(scope="module")
def config(overrides: dict[str, Any]) -> RunConfig:
    return lstm_bench.load_workflow(CONFIGS / "lstm_alpha158.yaml", overrides)


def read_bars(market: Path, code: str, field: str) -> pd.Series:
    """A field as plain pandas, by day."""
    content = np.fromfile(market / "features" / code.lower() / f"{field}.day.bin", dtype="<f4")
    calendar = pd.DatetimeIndex((market / "calendars" / "day.txt").read_text().split())
    begin = int(content[0])
    return pd.Series(content[1:], index=calendar[begin : begin + len(content) - 1])


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# the package


def test_every_name_of_the_package_is_there() -> None:
    for name in lstm_bench.__all__:
        assert getattr(lstm_bench, name).__doc__ or name == "__version__"
    assert dir(lstm_bench) == sorted(lstm_bench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'backtests'"):
        lstm_bench.backtests  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_alone_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'pandas', 'numba', 'pyarrow', 'pydantic'} & set(sys.modules)"
    assert python(f"import sys, lstm_bench\nlstm_bench.InputError\nprint({heavy})") == "set()\n"


def test_evaluation_does_without_torch() -> None:
    names = "from lstm_bench import backtest, compute_features, load_panel, load_workflow, signal_metrics"
    assert python(f"import sys\n{names}\nprint('torch' in sys.modules)") == "False\n"


def test_run_is_the_function_whatever_was_imported_before() -> None:
    before = "import lstm_bench.record.record\nfrom lstm_bench.run import runner\n"
    program = f"{before}import lstm_bench\nprint(lstm_bench.run.__name__, lstm_bench.run.__module__)"
    assert python(program) == "run lstm_bench.api.runs\n"
    after = "from lstm_bench import run\nimport lstm_bench.run.runner\nprint(run is lstm_bench.run)"
    assert python(after) == "True\n"


# workflow files and runs


def test_overrides_are_plain_values_and_reach_every_alias(overrides: dict[str, Any]) -> None:
    changed = overrides | {"market": "all", "task.model.kwargs.lr": 5e-4}
    config = lstm_bench.load_workflow(str(CONFIGS / "lstm_alpha158.yaml"), changed)
    assert config.task.dataset.kwargs.handler.kwargs.instruments == "all"
    assert config.task.model.kwargs.lr == 5e-4
    with pytest.raises(lstm_bench.ConfigError, match="did you mean 'lr'"):
        lstm_bench.load_workflow(CONFIGS / "lstm_alpha158.yaml", overrides | {"task.model.kwargs.lrr": 1})


def test_a_run_is_its_record(config: RunConfig, market: Path, days: list[str], tmp_path: Path) -> None:
    result = lstm_bench.run(config, seed=1, out=tmp_path, experiment="api")
    assert result.path.parent == tmp_path / "api"
    assert json.loads((result.path / "metrics.json").read_text()) == result.metrics
    assert json.loads((result.path / "provenance.json").read_text())["seed"] == 1
    assert json.loads((result.path / "analysis.json").read_text()) == result.analysis
    tables = ("pred", "label", "epochs", "ic", "ic_decay", "ic_periods", "report", "holdings", "drawdowns")
    for name in tables:
        pd.testing.assert_frame_equal(getattr(result, name), pd.read_parquet(result.path / f"{name}.parquet"))
    assert len(result.epochs) == 2

    # the API's other functions give the figures back from the tables alone
    metrics = lstm_bench.signal_metrics(result.pred, result.label)
    assert metrics == pytest.approx({name: result.metrics[name] for name in metrics}, abs=1e-12)
    analysis = lstm_bench.signal_analysis(result.pred, result.label)
    pd.testing.assert_frame_equal(analysis.daily, result.ic, atol=1e-12)
    pd.testing.assert_frame_equal(analysis.decay, result.ic_decay, atol=1e-12)
    pd.testing.assert_frame_equal(analysis.periods, result.ic_periods, atol=1e-12)
    assert analysis.sections["signal"] == pytest.approx(result.analysis["signal"], abs=1e-12)
    assert result.report is not None
    report = lstm_bench.backtest(
        result.pred, market, start_time=days[250], end_time=days[-2], topk=5, n_drop=1, **TERMS
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


# datasets


def test_windows_are_qlibs(overrides: dict[str, Any]) -> None:
    """One case of the dataset's fixtures, as a whole workflow file."""
    case = json.loads((FIXTURES / "dataset.json").read_text())["workflow158"]
    changes = {key: value for key, value in overrides.items() if not key.startswith("task.dataset")}
    changes |= {"task.dataset": case["dataset"]}
    dataset = lstm_bench.build_dataset(lstm_bench.load_workflow(CONFIGS / "lstm_alpha158.yaml", changes))
    stored = pd.read_parquet(FIXTURES / "dataset_workflow158_windows.parquet").query("segment == 'test'")
    samples = pd.read_parquet(FIXTURES / "dataset_workflow158_samples.parquet").query("segment == 'test'")
    index, X, _ = dataset.windows("test", "infer")
    assert index.tolist() == list(zip(samples["datetime"], samples["instrument"], strict=True))
    fields = [name for name in stored.columns if name in dataset.feature_names]
    assert fields
    positions = stored["position"].unique()
    expected = stored[fields].to_numpy().reshape(len(positions), -1, len(fields))
    columns = [dataset.feature_names.index(name) for name in fields]
    np.testing.assert_allclose(X[positions][:, :, columns], expected, rtol=1e-5, atol=1e-5)


def test_tables_and_windows_fit_each_other(config: RunConfig) -> None:
    dataset = lstm_bench.build_dataset(config)
    table = dataset.table("learn")
    index, X, y = dataset.windows("train", "learn")
    assert X.shape == (len(index), 6, 20)
    assert X.dtype == np.float32
    assert index.names == ["datetime", "instrument"]
    rows = table.loc[index]
    np.testing.assert_array_equal(
        X[:, -1], rows["feature"].to_numpy()
    )  # the window ends on the sample's own day
    np.testing.assert_array_equal(y, rows["label"].to_numpy()[:, 0])
    assert dataset.table("raw")["feature"].shape[1] == 158
    assert not np.isnan(dataset.table("infer")["feature"].to_numpy()).any()


# features


def test_features_are_plain_pandas(market: Path, days: list[str]) -> None:
    start, end = days[100], days[180]
    codes = sorted(path.name.upper() for path in (market / "features").iterdir())
    panel = lstm_bench.load_panel(market, instruments=codes, start=start, end=end)
    assert panel.days[[0, -1]].astype(str).tolist() == [start, end]
    features = {
        "MA5": "Mean($close, 5)/$close",
        "SO_FAR": "Mean($close, 0)",
        "RETURN": "Ref($close, -2)/Ref($close, -1)-1",
    }
    table = lstm_bench.compute_features(panel, features)
    assert table.index.names == ["datetime", "instrument"]
    assert table.index.is_monotonic_increasing
    assert not table.index.has_duplicates
    assert list(table.columns) == list(features)
    assert set(table.dtypes) == {np.dtype(np.float32)}

    wanted = []
    for code in codes:
        close = read_bars(market, code, "close").astype(np.float64)
        columns = {
            "MA5": close.rolling(5, min_periods=1).mean() / close,
            "SO_FAR": close.loc[start:].expanding().mean(),  # it begins with the span
            "RETURN": close.shift(-2) / close.shift(-1) - 1,
        }
        frame = pd.DataFrame(columns).loc[start:end]
        wanted.append(frame.set_index(pd.MultiIndex.from_product([frame.index, [code]])))
    expected = pd.concat(wanted).sort_index()
    assert len(expected) > 20 * 60
    assert table.index.equals(expected.index)
    np.testing.assert_allclose(table.to_numpy(), expected.to_numpy(), rtol=1e-5, atol=1e-6)


def test_a_window_sees_no_further_back_than_it_reaches(market: Path, days: list[str]) -> None:
    """An exponential mean is cut off where Qlib cuts it off, N - 1 days before the first."""
    panel = lstm_bench.load_panel(market, instruments=["SH600000"], start=days[100], end=days[120])
    table = lstm_bench.compute_features(panel, {"EMA": "EMA($close, 4)"})
    close = read_bars(market, "SH600000", "close").astype(np.float64)
    expected = close.loc[days[97] : days[120]].ewm(span=4, min_periods=1).mean().loc[days[100] :]
    np.testing.assert_allclose(table["EMA"], expected, rtol=1e-6)


def test_membership_bounds_the_rows_of_a_market(market: Path, days: list[str]) -> None:
    start, end = days[30], days[290]
    panel = lstm_bench.load_panel(market, "csi300", start=start, end=end)
    table = lstm_bench.compute_features(panel, {"close": "$close"})
    expected = set()
    for line in (market / "instruments" / "csi300.txt").read_text().splitlines():
        code, first, last = line.split("\t")
        rows = read_bars(market, code, "close").loc[max(first, start) : min(last, end)]
        expected |= {(day, code) for day in rows.index}
    assert set(table.index) == expected
    everything = lstm_bench.load_panel(market, instruments=panel.instruments, start=start, end=end)
    assert len(lstm_bench.compute_features(everything, {"close": "$close"})) > len(table)


@pytest.mark.parametrize("features", ["Alpha158", "Alpha360"])
def test_feature_sets_are_the_datasets_raw_table(
    features: Any, overrides: dict[str, Any], market: Path, days: list[str]
) -> None:
    file = CONFIGS / f"lstm_{features.lower()}.yaml"
    raw = lstm_bench.build_dataset(lstm_bench.load_workflow(file, overrides)).table("raw")["feature"]
    panel = lstm_bench.load_panel(market, "csi300", start=days[0], end=days[-1])
    table = lstm_bench.compute_features(panel, features)
    pd.testing.assert_frame_equal(table, pd.DataFrame(raw))
    some = [table.columns[7], table.columns[2], table.columns[130]]
    pd.testing.assert_frame_equal(lstm_bench.compute_features(panel, features, columns=some), table[some])


def test_features_are_qlibs(tmp_path: Path) -> None:
    """Every expression of the fixtures, on the hard cases that they were made from, as one table each."""
    about = json.loads((FIXTURES / "features.json").read_text())
    calendar = np.asarray(about["calendar"], "datetime64[D]")
    bars = pd.read_parquet(FIXTURES / "features_bars.parquet")
    histories, spans = [], []
    for code, frame in bars.groupby("instrument"):
        place = np.searchsorted(calendar, frame["datetime"].to_numpy().astype("datetime64[D]"))
        fields = {
            name: frame[name].to_numpy(np.float32) for name in ("open", "high", "low", "close", "volume")
        }
        histories.append(History(str(code), int(place[0]), fields))
        spans.append((str(code), calendar[place[0]], calendar[place[-1]]))
    write_qlib_folder(tmp_path / "market", calendar, {"all": spans}, histories)
    answers = pd.read_parquet(FIXTURES / "features_values.parquet")
    panel = lstm_bench.load_panel(tmp_path / "market", "all", start=about["start"], end=about["end"])
    expected = {str(text): rows for text, rows in answers.groupby("expression", observed=True)}
    assert len(expected) > 600
    table = lstm_bench.compute_features(panel, {text: text for text in expected})
    days = table.index.get_level_values("datetime")
    faults = []
    for text, rows in expected.items():  # of some, pyqlib's values are stored for some days only
        column = table.loc[days.isin(rows["datetime"]), text].astype(np.float64)
        stored = rows.astype({"instrument": str}).set_index(["datetime", "instrument"])["value"]
        wanted = stored[~stored.index.duplicated()].astype(np.float64).reindex(column.index)
        same = (column == wanted) | (column.isna() & wanted.isna())  # infinite values too
        near = (column - wanted).abs() <= 1e-5 * wanted.abs().clip(lower=1.0)
        if not (same | near).all():
            faults.append(text)
    assert not faults


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "expected one of them"),
        ({"market": "csi300", "instruments": ["SH600000"]}, "expected one of them"),
        ({"instruments": "SH600000"}, "expected a list of codes"),
        ({"instruments": ["SH600000", "SH9"]}, "no bars of SH9"),
        ({"market": "csi30"}, "did you mean 'csi300'"),
        ({"market": "csi300", "start": "soon"}, "got 'soon', expected a da"),
        ({"market": "csi300", "start": "1990-01-01", "end": "1990-02-01"}, "no trading day"),
    ],
)
def test_a_panel_that_cannot_be(market: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lstm_bench.load_panel(market, **arguments)


@pytest.mark.parametrize(
    ("features", "columns", "message"),
    [
        ("Alpha159", None, "did you mean 'Alpha158'"),
        ({}, None, "empty mapping"),
        ("Alpha158", ["KMIDD"], "did you mean 'KMID'"),
        ("Alpha158", "KMID", "expected a list"),
        ("Alpha158", ["KMID", "KMID"], "expected a list of different names"),
        ({"x": "Meen($close, 5)"}, None, "Meen"),
    ],
)
def test_features_that_cannot_be(market: Path, features: Any, columns: Any, message: str) -> None:
    panel = lstm_bench.load_panel(market, "csi300")
    with pytest.raises(InputError, match=message):
        lstm_bench.compute_features(panel, features, columns)


def test_no_row_is_said(market: Path) -> None:
    listed = (market / "instruments" / "all.txt").read_text().splitlines()
    days = (market / "calendars" / "day.txt").read_text().split()
    late = next(line.split("\t")[0] for line in listed if line.split("\t")[1] > days[20])
    panel = lstm_bench.load_panel(market, instruments=[late], end=days[10])
    with pytest.raises(lstm_bench.DataError, match="no bars on"):
        lstm_bench.compute_features(panel, {"close": "$close"})


# evaluation


def scores_and_labels(seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [pd.bdate_range("2020-01-01", periods=40), [f"SH{j:06d}" for j in range(25)]],
        names=["datetime", "instrument"],
    )
    label = pd.Series(rng.normal(size=len(index)), index=index, name="LABEL0")
    score = label * 0.1 + rng.normal(size=len(index))
    score[rng.random(len(index)) < 0.05] = np.nan
    pred = score.sample(frac=0.9, random_state=seed).to_frame("score")  # fewer rows, in no order
    return pred, label.sample(frac=0.95, random_state=seed + 1)


def test_signal_metrics_are_plain_pandas() -> None:
    pred, label = scores_and_labels()
    both = pd.concat([pred["score"], label], axis=1)
    daily = {
        "IC": both.groupby("datetime").apply(lambda day: day["score"].corr(day["LABEL0"])),
        "Rank IC": both.groupby("datetime").apply(
            lambda day: day["score"].corr(day["LABEL0"], method="spearman")
        ),
    }
    wanted: dict[str, float] = {}
    for name, series in daily.items():
        wanted |= {name: series.mean(), f"{name}IR": series.mean() / series.std()}
    got = lstm_bench.signal_metrics(pred, label)
    assert got == pytest.approx(wanted, abs=1e-12)
    # neither the order of the rows nor that of the levels matters
    turned = lstm_bench.signal_metrics(pred.swaplevel().sort_index(), label.sort_index().to_frame())
    assert turned == pytest.approx(got, abs=1e-12)


def test_long_short_returns_are_qlibs() -> None:
    scores = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")
    signal = pd.read_parquet(FIXTURES / "evaluation_signal.parquet").query("scores == 'gaps'")
    got = lstm_bench.signal_metrics(
        scores[["gaps"]].dropna(), scores["label"], ana_long_short=True, ann_scaler=100
    )
    assert got["IC"] == pytest.approx(signal["ic"].mean(), abs=1e-9)
    assert got["Rank ICIR"] == pytest.approx(signal["rank_ic"].mean() / signal["rank_ic"].std(), abs=1e-9)
    for name, column in (("Long-Short", "long_short"), ("Long-Avg", "long_average")):
        returns = signal[column].astype(np.float64)
        assert got[f"{name} Ann Return"] == pytest.approx(returns.mean() * 100, rel=1e-5)
        assert got[f"{name} Ann Sharpe"] == pytest.approx(returns.mean() / returns.std() * 10, rel=1e-5)


@pytest.mark.parametrize("evaluate", [lstm_bench.signal_metrics, lstm_bench.signal_analysis])
def test_scores_and_labels_that_do_not_meet_are_refused(evaluate: Callable[..., Any]) -> None:
    label = long_table(["SH600000", "SH600001"], "2020-01-01")
    lower, later = long_table(["sh600000", "sh600001"], "2020-01-01"), long_table(["SH600000"], "2021-01-01")
    with pytest.raises(
        InputError, match=r"no row in common: pred has .* of sh600000\.\.sh600001 and label has"
    ):
        evaluate(lower, label)
    with pytest.raises(InputError, match=r"pred has 2021-01-01\.\.2021-01-07 of SH600000 and label has 2020"):
        evaluate(later, label)
    halves = label.where(np.arange(len(label)) % 2 == 0), label.where(np.arange(len(label)) % 2 == 1)
    with pytest.raises(InputError, match="no row in common"):
        evaluate(*halves)
    with pytest.raises(InputError, match="pred: it has no score"):
        evaluate(label * np.nan, label)
    with pytest.raises(InputError, match="label: it has no value"):
        evaluate(label, label * np.nan)


def test_one_row_in_common_is_enough() -> None:
    label = long_table(["SH600000", "SH600001"], "2020-01-01")
    assert all(np.isnan(value) for value in lstm_bench.signal_metrics(label.iloc[:1], label).values())


def long_table(codes: list[str], first: str) -> pd.Series[float]:
    days = pd.bdate_range(first, periods=5)
    index = pd.MultiIndex.from_product([days, codes], names=["datetime", "instrument"])
    return pd.Series(np.random.default_rng(0).normal(size=len(index)), index=index)


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


def test_tables_that_are_no_scores_are_refused() -> None:
    pred, label = scores_and_labels()
    cases: list[tuple[Any, str]] = [
        (pred["score"].to_list(), "pred: got list"),
        (pred.assign(other=1.0), "pred: got 2 columns"),
        (pred.reset_index(drop=True), r"pred: got an index \[None\]"),
        (pred.rename_axis(index=["day", "instrument"]), r"pred: got an index \['day', 'instrument'\]"),
        (pred.iloc[:0], "pred: it has no row"),
        (pd.concat([pred, pred.iloc[:3]]), "pred: 3 of its rows are duplicates"),
        (pred.astype(str), "pred: got values of str"),
        (pred.rename(lambda day: day.replace(hour=9), level="datetime"), "pred: got times within a day"),
        (
            pred.rename(lambda day: day.year, level="datetime"),
            "pred: got a datetime level of int64",
        ),
    ]
    for table, message in cases:
        with pytest.raises(InputError, match=message):
            lstm_bench.signal_metrics(table, label)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The market of the evaluation fixtures, and the variants that pyqlib traded on it."""
    about = json.loads((FIXTURES / "evaluation_market.json").read_text())
    bars = pd.read_parquet(FIXTURES / "evaluation_bars.parquet")
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
    folder = tmp_path_factory.mktemp("traded") / "market"
    write_qlib_folder(folder, days, markets, histories)
    return folder, about["variants"]


@pytest.mark.parametrize("name", ["base", "hold_thresh", "only_tradable", "buy_random", "no_trade_unit"])
def test_the_report_is_qlibs(traded: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, variants = traded
    variant = variants[name]
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")[variant.get("scores", "gaps")]
    report = lstm_bench.backtest(
        pred.dropna(),
        folder,
        region=variant["region"],
        seed=variant["seed"],
        **variant["backtest"],
        **variant["strategy"],
        **variant["exchange"],
    )
    wanted = (
        pd.read_parquet(FIXTURES / "evaluation_reports.parquet")
        .query("variant == @name")
        .set_index("datetime")
    )
    check_report(report, wanted)


def check_report(report: pd.DataFrame, wanted: pd.DataFrame) -> None:
    """Rates within 1e-9, money within 1e-6 of its value."""
    assert tuple(report.columns) == REPORT_COLUMNS
    assert report.index.name == "datetime"
    assert report.index.tolist() == wanted.index.tolist()
    for column in REPORT_COLUMNS:
        rate = column in ("return", "turnover", "cost", "bench")
        rtol, atol = (0.0, 1e-9) if rate else (1e-6, 1e-5)
        np.testing.assert_allclose(report[column], wanted[column], rtol=rtol, atol=atol, err_msg=column)


def test_open_dates_trade_from_the_first_score_to_the_day_after_the_last(
    traded: tuple[Path, dict[str, Any]],
) -> None:
    folder, _ = traded
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")["full"]
    scored = pred.index.get_level_values("datetime").unique().sort_values()
    some = pred[pred.index.get_level_values("datetime") < scored[20]]
    report = lstm_bench.backtest(some, folder, topk=8, n_drop=2)
    assert report.index[0] == scored[0]
    assert report.index[-1] == scored[20]
    assert report["turnover"].iloc[0] == 0.0
    assert report["account"].iloc[0] == 1e8


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"topkk": 8}, "unknown keyword 'topkk'; did you mean 'topk'"),
        ({"signal": "<PRED>"}, "unknown keyword 'signal'"),
        ({"volume_threshold": 1}, "expected \\[current, expression\\]"),
        ({"topk": None}, "topk"),
        ({"open_cost": -1}, "open_cost: got -1"),
        ({"region": "uk"}, "region: got 'uk'; "),
        ({"benchmark": "SH000301"}, "no instrument 'SH000301'"),
        ({"start_time": "2031-01-01"}, "2031-01-01"),
    ],
)
def test_a_backtest_that_cannot_be(
    traded: tuple[Path, dict[str, Any]], keywords: dict[str, Any], message: str
) -> None:
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")["full"]
    with pytest.raises(InputError, match=message):
        lstm_bench.backtest(pred, traded[0], **({"topk": 8, "n_drop": 2} | keywords))


def test_scores_of_another_market_are_refused(traded: tuple[Path, dict[str, Any]]) -> None:
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")["full"]
    with pytest.raises(lstm_bench.DataError, match=r"none of its 2\d instruments, such as 'sh600000'"):
        lstm_bench.backtest(pred.rename(str.lower, level="instrument"), traded[0], topk=8, n_drop=2)
    with pytest.raises(InputError, match="pred: it has no score"):
        lstm_bench.backtest(pred * np.nan, traded[0], topk=8, n_drop=2)
    with pytest.raises(lstm_bench.ConfigError, match="topk: missing"):
        lstm_bench.backtest(pred, traded[0], n_drop=2)


def test_risk_analysis_is_plain_pandas() -> None:
    returns = pd.Series(np.random.default_rng(0).normal(0, 0.01, 250))
    curve = returns.cumsum()
    assert lstm_bench.risk_analysis(returns) == pytest.approx(
        {
            "mean": returns.mean(),
            "std": returns.std(),
            "annualized_return": returns.mean() * 238,
            "information_ratio": returns.mean() / returns.std() * 238**0.5,
            "max_drawdown": (curve - curve.cummax()).min(),
        }
    )


def test_performance_wants_numbers_that_are_finite() -> None:
    days = pd.bdate_range("2020-01-01", periods=3)
    with pytest.raises(InputError, match="returns: 1 of 3 are infinite, the first on 2020-01-02"):
        lstm_bench.performance(pd.Series([0.1, -np.inf, 0.2], days))
    with pytest.raises(InputError, match=r"returns: got values of .*, expected numbers"):
        lstm_bench.performance(pd.Series(["a", "b", "c"], days))
    whole = lstm_bench.performance(pd.Series([1, 0, None], days, dtype="Int64"))
    assert whole["daily"]["days"] == 2


def test_performance_wants_a_series_by_days() -> None:
    days = pd.bdate_range("2020-01-01", periods=3)
    with pytest.raises(InputError, match="returns: got a ndarray, expected a Series"):
        lstm_bench.performance(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(
        InputError, match="returns: got a Series with a RangeIndex, expected a Series with a DatetimeIndex"
    ):
        lstm_bench.performance(pd.Series([0.1, 0.2]))
    with pytest.raises(InputError, match="returns: its days are not ascending"):
        lstm_bench.performance(pd.Series([0.1, 0.2, 0.3], index=days[::-1]))


def test_performance_counts_the_days_of_the_place() -> None:
    days = pd.DatetimeIndex(["2020-01-31", "2020-02-03", "2020-02-04"])
    wanted = lstm_bench.performance(pd.Series([0.1, -0.2, 0.3], days))
    for index in (days.tz_localize("Asia/Shanghai"), (days + pd.Timedelta("16h")).tz_localize("US/Eastern")):
        assert str(lstm_bench.performance(pd.Series([0.1, -0.2, 0.3], index))) == str(wanted)
    with pytest.raises(InputError, match="returns: its days are not ascending, each once"):
        lstm_bench.performance(
            pd.Series([0.1, 0.2], pd.DatetimeIndex(["2020-01-01 09:30", "2020-01-01 15:00"]))
        )


def test_returns_beyond_a_float64_sum_up_to_infinity() -> None:
    days = pd.bdate_range("2020-01-01", periods=3)
    summed = lstm_bench.performance(pd.Series([1.7e308, 1.7e308, -0.5], days))["summed_238"]
    assert summed["total_return"] == summed["annualized_return"] == np.inf
    assert summed["mean"] == pytest.approx(1.7e308 / 3 * 2)


def test_complex_numbers_are_no_figures() -> None:
    pred, label = scores_and_labels()
    with pytest.raises(InputError, match="pred: got values of complex128, expected numbers"):
        lstm_bench.signal_metrics(pred["score"].astype(complex), label)
    with pytest.raises(InputError, match="returns: got values of complex128, expected numbers"):
        lstm_bench.performance(pd.Series([0.1], pd.DatetimeIndex(["2020-01-01"])).astype(complex))


def test_codes_that_are_numbers_are_taken_as_texts() -> None:
    pred, label = scores_and_labels()
    wanted = lstm_bench.signal_metrics(pred, label)
    places = {code: i for i, code in enumerate(label.index.get_level_values("instrument").unique())}
    numbered = pred["score"].rename(places, level="instrument")
    texts = label.rename({code: str(i) for code, i in places.items()}, level="instrument")
    assert lstm_bench.signal_metrics(numbered, texts) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("days", ["252", 0, -1, np.inf, np.nan, None, True])
def test_a_year_without_days_is_refused(days: Any) -> None:
    pred, label = scores_and_labels()
    with pytest.raises(InputError, match=r"ann_scaler: got .*, expected a number of days above 0"):
        lstm_bench.signal_metrics(pred, label, ana_long_short=True, ann_scaler=days)


# the real CSI 300


def environment_folder(name: str) -> Path:
    folder = os.environ.get(name)
    if folder is None:
        pytest.skip(f"{name} names no folder")
    return Path(folder)


@pytest.mark.real
def test_real_predictions_give_qlibs_figures() -> None:
    data, reference = environment_folder("LSTM_BENCH_REAL_DATA"), environment_folder("LSTM_BENCH_REFERENCE")
    pred = pd.read_parquet(reference / "qlib_pred_alpha158.parquet")
    panel = lstm_bench.load_panel(data, "csi300", start="2017-01-01", end="2020-08-01")
    label = lstm_bench.compute_features(panel, {"LABEL0": "Ref($close, -2) / Ref($close, -1) - 1"})
    assert label.index.equals(pred.sort_index().index)

    metrics = lstm_bench.signal_metrics(pred, label)
    both = pred.join(label).dropna()
    plain = both.groupby("datetime").apply(lambda day: day["score"].corr(day["LABEL0"]))
    ranked = (
        both.groupby("datetime")
        .rank()
        .groupby("datetime")
        .apply(lambda day: day["score"].corr(day["LABEL0"]))
    )
    assert metrics == pytest.approx(
        {
            "IC": plain.mean(),
            "ICIR": plain.mean() / plain.std(),
            "Rank IC": ranked.mean(),
            "Rank ICIR": ranked.mean() / ranked.std(),
        },
        abs=1e-9,
    )
    assert metrics["IC"] == pytest.approx(0.02285891137795608, abs=1e-9)
    assert metrics["Rank ICIR"] == pytest.approx(0.20050127545921514, abs=1e-9)

    report = lstm_bench.backtest(
        pred, data, start_time="2017-01-01", end_time="2020-08-01", topk=50, n_drop=5, **TERMS
    )
    wanted = pd.read_parquet(reference / "qlib_report_alpha158.parquet")
    check_report(report, wanted)
    risk = lstm_bench.risk_analysis(report["return"] - report["bench"] - report["cost"])
    assert risk["information_ratio"] == pytest.approx(0.4284161262498966, abs=1e-9)
