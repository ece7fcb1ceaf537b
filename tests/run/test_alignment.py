from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import DataError
from lstm_bench.run.alignment import align
from lstm_bench.run.preparation import Prepared
from lstm_bench.run.score_table import ScoreTable
from lstm_bench.run.scored import Scoring

Configure = Callable[..., RunConfig]


@pytest.fixture(scope="module")
def prepared(configure: Configure, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Scoring(configure().resolved(), tmp_path_factory.mktemp("experiment")).prepared


@pytest.fixture(scope="module")
def scores(prepared: Prepared) -> pd.Series:
    """A score of each test sample, in the order of the samples."""
    index = prepared.dataset.index(prepared.test.days, prepared.test.instruments)
    return pd.Series(np.random.default_rng(0).normal(size=len(index)), index, name="score")


def test_scores_keep_the_order_of_the_samples(prepared: Prepared, scores: pd.Series) -> None:
    for order in (scores, scores.sort_index(), scores.sample(frac=1, random_state=3)):
        aligned = align(ScoreTable.of_frame(order), prepared)
        np.testing.assert_array_equal(aligned.values, scores.to_numpy(np.float32))
        assert aligned.coverage.percent == 100
        assert list(aligned.coverage.shortfalls()) == []
    assert aligned.coverage.text() == f"{len(scores):,} of {len(scores):,} test samples have a score (100 %)"


def test_what_is_missing_or_too_much_is_counted(prepared: Prepared, scores: pd.Series) -> None:
    days = scores.index.get_level_values("datetime")
    first, last = days.min(), days.max()
    kept = scores[days != first].copy()
    kept.iloc[:3] = np.nan
    kept = kept.drop(kept.index[4])
    outside = pd.Series(
        1.0,
        pd.MultiIndex.from_tuples(
            [("1999-01-04", "SH600000"), (last, "XX000000"), (first, "XX000000")], names=scores.index.names
        ),
        name="score",
    )
    aligned = align(ScoreTable.of_frame(pd.concat([kept, outside])), prepared)
    coverage, on_first = aligned.coverage, int((days == first).sum())
    assert (coverage.samples, coverage.scored) == (len(scores), len(scores) - on_first - 4)
    assert (coverage.on_other_days, coverage.not_members) == (1, 2)
    assert coverage.days_without == (str(first.date()),)
    assert coverage.percent == pytest.approx(100 * coverage.scored / len(scores))
    assert coverage.to_json()["percent"] == coverage.percent
    said = " ".join(coverage.shortfalls())
    for part in (
        f"{on_first + 4} test samples have no score",
        f"1 of {coverage.days} test days has no score at all: {first.date()}",
        "are on days that are not in the test segment; they are ignored",
        "are of stocks that are no test sample on their day; they are ignored",
    ):
        assert part in said
    expected = kept.reindex(scores.index).to_numpy(np.float32)
    np.testing.assert_array_equal(aligned.values, expected)


def test_a_share_just_below_all_is_not_all(prepared: Prepared, scores: pd.Series) -> None:
    aligned = align(ScoreTable.of_frame(scores.iloc[1:]), prepared)
    assert "(100" not in aligned.coverage.text()


def test_the_digest_is_of_the_scores_alone(prepared: Prepared, scores: pd.Series, tmp_path: Path) -> None:
    scores = scores.astype(np.float32)
    scores.iloc[7] = 0.0

    def digest(table: pd.Series) -> str:
        return align(ScoreTable.of_frame(table), prepared).sha256

    expected = digest(scores)
    outside = pd.Series(
        [1.0], pd.MultiIndex.from_tuples([("1999-01-04", "SH600000")], names=scores.index.names), name="score"
    )
    negative = scores.copy()
    negative.iloc[7] = -0.0
    same = [
        scores.sample(frac=1, random_state=0), pd.concat([scores, outside]), negative, scores.rename("0"),
        scores.swaplevel(), scores.astype(np.float64),
    ]  # fmt: skip
    assert {digest(one) for one in same} == {expected}
    scores.to_frame().to_csv(tmp_path / "scores.csv")
    assert align(ScoreTable.read(tmp_path / "scores.csv"), prepared).sha256 == expected

    changed, missing, swapped = scores.copy(), scores.copy(), scores.copy()
    changed.iloc[5] = np.nextafter(changed.iloc[5], np.float32(9))
    missing.iloc[5] = np.nan
    swapped.iloc[5], swapped.iloc[6] = float(swapped.iloc[6]), float(swapped.iloc[5])
    assert len({expected, *map(digest, (changed, missing, swapped))}) == 4


def test_tables_of_other_stocks_or_days_are_refused(prepared: Prepared, scores: pd.Series) -> None:
    days, codes = (scores.index.get_level_values(name) for name in ("datetime", "instrument"))
    elsewhere = [
        scores.set_axis(pd.MultiIndex.from_arrays([days, codes + ".SH"], names=scores.index.names)),
        scores.set_axis(
            pd.MultiIndex.from_arrays(
                [pd.DatetimeIndex(days) - pd.Timedelta(days=9000), codes], names=scores.index.names
            )
        ),
    ]
    for table in elsewhere:
        with pytest.raises(
            DataError, match=r"no test sample has a score: it has the days .* test segment has"
        ):
            align(ScoreTable.of_frame(table), prepared)
    for code in (elsewhere[0].index[0][1], codes.min()):
        with pytest.raises(DataError, match=code):
            align(ScoreTable.of_frame(elsewhere[0]), prepared)
