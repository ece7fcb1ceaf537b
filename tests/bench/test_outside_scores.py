from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.bench.manifest import Bench
from lstm_bench.bench.outside_scores import EvaluatedScores, evaluate_table
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError
from lstm_bench.run.runner import execute
from lstm_bench.run.score_table import ScoreTable
from lstm_bench.run.scored import Scoring

Configure = Callable[..., RunConfig]


@pytest.fixture
def scoring(configure: Configure, tmp_path: Path) -> Scoring:
    return Scoring(configure().resolved(), tmp_path / "mine")


def table(scoring: Scoring, number: int) -> pd.Series:
    test = scoring.prepared.test
    index = scoring.prepared.dataset.index(test.days, test.instruments)
    return pd.Series(np.random.default_rng(number).normal(size=len(index)), index, name="score")


def evaluated(
    scoring: Scoring, scores: pd.Series, seed: int = 0, label: str = "theirs", *, force: bool = False
) -> EvaluatedScores:
    return evaluate_table(ScoreTable.of_frame(scores), scoring, label, seed, force=force)


def test_scores_of_a_run_come_back_with_its_figures(scoring: Scoring, tmp_path: Path) -> None:
    record, _ = execute(scoring.config, tmp_path / "runs")
    path = record.path / "pred.parquet"
    done = evaluate_table(ScoreTable.read(path), scoring, "again", 0)
    assert done.run.record.metrics() == record.metrics()
    assert done.run.computed
    model = done.run.record.model()
    assert model is not None
    assert (model.kind, list(model.settings)) == ("scores", ["sha256"])
    origin = done.run.record.provenance()["scores"]
    assert origin["file"] == "pred.parquet"
    assert origin["coverage"]["percent"] == 100
    assert not evaluate_table(ScoreTable.read(path), scoring, "again", 0).run.computed
    assert evaluate_table(ScoreTable.read(path), scoring, "again", 0, force=True).run.computed


def test_the_run_id_depends_on_the_scores(scoring: Scoring) -> None:
    scores = table(scoring, 0)
    first = evaluated(scoring, scores).run.record
    changed = scores.copy()
    changed.iloc[0] += 1
    assert evaluated(scoring, changed, label="other").run.record.path != first.path
    assert evaluated(scoring, scores, label="copy").run.record.path == first.path


def test_seeds_join_the_row(scoring: Scoring) -> None:
    for seed in (3, 1):
        row = evaluated(scoring, table(scoring, seed), seed).row
    assert row.seeds == (1, 3)
    assert row.model == {"kind": "scores", "settings": {}}


def test_the_same_scores_are_no_second_seed(scoring: Scoring) -> None:
    scores = table(scoring, 0)
    evaluated(scoring, scores, 4)
    with pytest.raises(ConfigError, match="--seed: got 5, but mine/theirs has the same scores as seed 4"):
        evaluated(scoring, scores, 5)
    assert evaluated(scoring, scores, 4).row.seeds == (4,)


def test_a_seeds_scores_are_replaced_with_a_warning(
    scoring: Scoring, caplog: pytest.LogCaptureFixture
) -> None:
    first = evaluated(scoring, table(scoring, 0))
    caplog.clear()
    with caplog.at_level(logging.WARNING, "lstm_bench"):
        second = evaluated(scoring, table(scoring, 1))
    assert "mine/theirs: the scores of seed 0 are replaced" in caplog.text
    assert second.row.runs == {0: second.run.record.path.name}
    assert second.run.record.path != first.run.record.path


def test_what_is_missing_is_said(scoring: Scoring, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "lstm_bench"):
        done = evaluated(scoring, table(scoring, 0).iloc[5:])
    assert "scores: 5 test samples have no score" in caplog.text
    assert done.coverage.scored == done.coverage.samples - 5
    assert done.run.record.provenance()["scores"]["coverage"] == done.coverage.to_json()
    assert done.run.record.table("pred")["score"].isna().sum() == 5


@pytest.mark.parametrize("label", ["", " a", "a/b", "a|b", "-a", "a\nb", "a" * 61])
def test_labels_that_cannot_name_a_row(scoring: Scoring, label: str) -> None:
    scores = pd.Series(
        [1.0],
        pd.MultiIndex.from_tuples([("2020-01-02", "A")], names=["datetime", "instrument"]),
        name="score",
    )
    with pytest.raises(ConfigError, match="--name: got"):
        evaluated(scoring, scores, label=label)
    assert Bench.load(scoring.experiment) is None
