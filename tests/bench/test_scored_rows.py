from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.bench.manifest import Bench, BenchRow
from lstm_bench.bench.scored_rows import add_scored_row, check_row
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.run.publication import PackRun
from lstm_bench.run.scored import Scores, Scoring

Configure = Callable[..., RunConfig]


def record(scoring: Scoring, seed: int, model: ScoringModel) -> PackRun:
    """Record random scores."""
    values = np.random.default_rng(seed).normal(size=len(scoring.prepared.test)).astype(np.float32)
    return scoring.record(model, lambda _: Scores(values, valid_score=0.5, parameters=9), seed=seed)


def scores(seed: int) -> ScoringModel:
    return ScoringModel("scores", {"sha256": f"{seed:064x}"})


def test_a_row_takes_further_seeds(configure: Configure, tmp_path: Path) -> None:
    scoring = Scoring(configure().resolved(), tmp_path / "mine")
    for seed in (4, 2):
        run = record(scoring, seed, scores(seed))
        row = add_scored_row(scoring.experiment, "theirs", scoring.config, scores(seed), [run])
    assert row.seeds == (2, 4)
    assert row.model == {"kind": "scores", "settings": {}}
    assert Bench.load(scoring.experiment) == Bench(rows={"theirs": row})

    (evidence,) = collect(tmp_path).values()
    assert [(one.row, one.seed, one.status, one.epochs) for one in evidence.results] == [
        ("theirs", 2, "complete", 0), ("theirs", 4, "complete", 0),
    ]  # fmt: skip
    assert [one.model for one in evidence.results] == [scores(2).text(), scores(4).text()]
    assert {(one.valid_score, one.parameters, one.training_path) for one in evidence.results} == {
        (0.5, 9, None)
    }


def test_a_seed_keeps_its_evidence_only_if_the_model_is_the_same(
    configure: Configure, tmp_path: Path
) -> None:
    scoring = Scoring(configure().resolved(), tmp_path / "mine")
    mild, strong = (ScoringModel("ridge", {"penalty": penalty}) for penalty in (1.0, 9.0))
    runs = {seed: record(scoring, seed, mild) for seed in (0, 1)}
    add_scored_row(scoring.experiment, "ridge", scoring.config, mild, runs.values())
    collect(tmp_path)
    for path in runs[0].record.path.iterdir():
        path.unlink()
    (evidence,) = collect(tmp_path).values()
    assert [one.status for one in evidence.results] == ["complete", "complete"]
    row = add_scored_row(scoring.experiment, "ridge", scoring.config, strong, [record(scoring, 1, strong)])
    assert row.seeds == (1,)
    (evidence,) = collect(tmp_path).values()
    assert [(one.seed, one.model) for one in evidence.results] == [(1, strong.text())]


def test_a_row_of_another_model_is_not_replaced(configure: Configure, tmp_path: Path) -> None:
    config = configure().resolved()
    scoring = Scoring(config, tmp_path / "mine")
    lstm = BenchRow(label="lstm", study="mine", features="Alpha158", trial=None, seeds=(0,), workflow={})
    Bench.change(scoring.experiment, "lstm", lambda _: lstm)
    run = record(scoring, 0, scores(0))
    add_scored_row(scoring.experiment, "theirs", scoring.config, scores(0), [run])
    for label, name in {"lstm": "an LSTM", "theirs": "Scores"}.items():
        with pytest.raises(ConfigError, match=f"got '{label}', but mine/{label} is a row of {name}"):
            add_scored_row(scoring.experiment, label, scoring.config, ScoringModel("ridge"), [run])
        with pytest.raises(ConfigError, match=f"--row: got '{label}', but mine/{label}"):
            check_row(scoring.experiment, label, ScoringModel("ridge"), "--row")


def test_a_row_of_other_settings_is_begun_anew(configure: Configure, tmp_path: Path) -> None:
    model = ScoringModel("ridge")
    for days, expected in {"20": (0, 1), "10": (5,)}.items():
        config = configure("task.dataset.kwargs.step_len=" + days).resolved()
        scoring = Scoring(config, tmp_path / "mine")
        for seed in expected:
            run = record(scoring, seed, model)
            row = add_scored_row(scoring.experiment, "ridge", scoring.config, model, [run])
        assert row.seeds == expected


def test_an_experiment_needs_a_name_for_its_evidence(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names files of evidence too"):
        check_row(tmp_path / "a b", "ridge", ScoringModel("ridge"))
