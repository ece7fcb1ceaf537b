"""Signal metrics against plain pandas and pyqlib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lstm_bench
from lstm_bench import InputError

FIXTURES = Path(__file__).parents[1] / "oracle" / "fixtures"


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


def test_tables_that_are_no_scores_are_refused() -> None:
    pred, label = scores_and_labels()
    cases: list[tuple[Any, str]] = [
        (pred["score"].to_list(), "pred: got list"),
        (pred.assign(other=1.0), "pred: got 2 columns"),
        (pred.reset_index(drop=True), r"pred: got an index \[None\]"),
        (pred.rename_axis(index=["day", "instrument"]), r"pred: got an index \['day', 'instrument'\]"),
        (pred.iloc[:0], "pred: it has no row"),
        (pd.concat([pred, pred.iloc[:3]]), "pred: 3 of its rows are duplicates"),
        (pred.astype(str), "pred: got values of (str|object)"),
        (pred.rename(lambda day: day.replace(hour=9), level="datetime"), "pred: got times within a day"),
        (
            pred.rename(lambda day: day.year, level="datetime"),
            "pred: got a datetime level of int64",
        ),
    ]
    for table, message in cases:
        with pytest.raises(InputError, match=message):
            lstm_bench.signal_metrics(table, label)


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
