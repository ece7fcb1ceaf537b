from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lstm_bench.evaluate.signal.periods import ic_by_period, ic_summary


def test_years_and_months_are_those_of_pandas() -> None:
    days = pd.bdate_range("2019-11-20", "2020-02-10")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(0.03, 0.1, (len(days), 2)), index=days, columns=["ic", "rank_ic"])
    table.iloc[3] = np.nan
    series = {name: table[name].to_numpy(np.float64) for name in ("ic", "rank_ic")}
    rows = ic_by_period(series, days.to_numpy().astype("datetime64[D]"))
    assert [(row["span"], row["period"]) for row in rows] == [
        ("year", "2019"), ("year", "2020"),
        ("month", "2019-11"), ("month", "2019-12"), ("month", "2020-01"), ("month", "2020-02"),
    ]  # fmt: skip
    for row in rows:
        own = table.loc[row["period"]]
        assert row["days"] == own["ic"].notna().sum()
        for name in ("ic", "rank_ic"):
            assert row[name] == pytest.approx(own[name].mean())
            assert row[f"{name}ir"] == pytest.approx(own[name].mean() / own[name].std())


def test_a_month_of_one_day_has_a_mean_and_no_ratio() -> None:
    days = np.array(["2020-01-31", "2020-02-03"], dtype="datetime64[D]")
    rows = ic_by_period({"ic": np.array([0.1, np.nan]), "rank_ic": np.array([0.2, np.nan])}, days)
    by_period = {row["period"]: row for row in rows}
    assert by_period["2020-01"]["ic"] == 0.1
    assert np.isnan(by_period["2020-01"]["icir"])
    assert by_period["2020-02"]["days"] == 0
    assert np.isnan(by_period["2020-02"]["ic"])


def test_no_day_at_all() -> None:
    empty = {"ic": np.empty(0), "rank_ic": np.empty(0)}
    assert ic_by_period(empty, np.empty(0, dtype="datetime64[D]")) == []
    assert ic_summary(empty)["days"] == 0
