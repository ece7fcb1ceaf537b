"""The metrics of a row by regime."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.report.leaderboard.row_regimes import REGIME_HEADER, regime_lines, regime_object, row_regimes
from lstm_bench.report.leaderboard.rows import Row


def test_all_days_are_the_rows_cells(rows: list[Row]) -> None:
    whole = row_regimes(rows[0])[0]
    assert list(whole.metrics) == list(MEASURES)
    for metric, found in whole.metrics.items():
        cell = rows[0].cell(metric).interval
        assert (found.value, found.low, found.high) == pytest.approx((cell.value, cell.low, cell.high))


def test_a_regime_is_of_its_days_over_all_seeds(rows: list[Row]) -> None:
    found = {one.label: one for one in row_regimes(rows[0])}
    assert not [label for label in found if "liquidity" in label]
    daily = [rows[0].daily[result.seed] for result in rows[0].complete]
    months = daily[0].days.astype("datetime64[M]")
    # the seeds of this fixture have benchmarks of their own; the last one's is taken
    bench = daily[-1].series["bench"]
    up = np.array([bench[months == month].sum() > 0 for month in months])
    ics = [one.series["rank_ic"][up].mean() for one in daily]
    assert found["market up"].metrics["Rank IC"].value == pytest.approx(np.mean(ics))
    assert found["market up"].days == up.sum()


def test_short_regimes_have_no_interval(rows: list[Row]) -> None:
    lines = {line[0]: line for line in regime_lines(rows[0])}
    assert all(len(line) == len(REGIME_HEADER) for line in lines.values())
    assert lines["all days"][3].startswith("[")
    assert int(lines["volatility low"][1]) < 60
    assert lines["volatility low"][3] == "–"
    plain = next(one for one in regime_object(rows[0]) if one["group"] == "volatility")
    assert plain["metrics"]["Rank IC"]["low"] is None
