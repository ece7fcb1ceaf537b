from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import DataError
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.run.ensemble_scores import check_members, ensemble_scores
from lstm_bench.run.runner import execute_pack
from lstm_bench.run.scored import Scores, Scoring

Configure = Callable[..., RunConfig]
SEEDS = (0, 1, 2)
MODEL = ScoringModel("ensemble", {"members": []})


@pytest.fixture(scope="module")
def scoring(configure: Configure, tmp_path_factory: pytest.TempPathFactory) -> Scoring:
    config = configure("lstm_bench.compat=none", "task.model.kwargs.n_epochs=1").resolved()
    return Scoring(config, tmp_path_factory.mktemp("ensemble"))


@pytest.fixture(scope="module")
def members(scoring: Scoring) -> list[Record]:
    return [run.record for run in execute_pack(scoring.config, SEEDS, scoring.experiment)]


def test_the_scores_are_the_mean_of_z_scores(scoring: Scoring, members: list[Record]) -> None:
    record = scoring.record(MODEL, lambda prepared: ensemble_scores(members, prepared)).record
    tables = [member.table("pred")["score"].astype(np.float64) for member in members]
    days = [table.groupby(level="datetime") for table in tables]
    scaled = [
        (table - day.transform("mean")) / day.transform("std")
        for table, day in zip(tables, days, strict=True)
    ]
    expected = pd.concat(scaled, axis=1).mean(axis=1)
    pd.testing.assert_series_equal(
        record.table("pred")["score"], expected.rename("score").astype(np.float32), atol=1e-6
    )


def test_the_curve_ends_in_the_figures_of_the_record(scoring: Scoring, members: list[Record]) -> None:
    record = scoring.record(MODEL, lambda prepared: ensemble_scores(members, prepared)).record
    curve, metrics = record.table("ensemble"), record.metrics()
    assert curve["members"].tolist() == [1, 1, 1, 2, 2, 2, 3]
    last = curve.iloc[-1]
    for name in ("IC", "ICIR", "Rank IC", "Rank ICIR"):
        assert last[name] == metrics[name]
        singles = [member.metrics()[name] for member in members]
        np.testing.assert_allclose(curve[name][:3], singles, rtol=1e-4)


def test_training_is_that_of_all_members(scoring: Scoring, members: list[Record]) -> None:
    scores = ensemble_scores(members, scoring.prepared)
    each = members[0].provenance()["training"]["parameters"]
    assert (scores.parameters, scores.status, scores.valid_score) == (3 * each, "finished", None)


def test_members_that_do_not_fit_are_refused_by_name(
    scoring: Scoring, members: list[Record], configure: Configure, tmp_path: Path
) -> None:
    other = configure("lstm_bench.compat=none", "task.model.kwargs.n_epochs=1", "task.model.kwargs.lr=0.02")
    (foreign,) = execute_pack(other, [0], tmp_path)
    with pytest.raises(
        DataError, match=f"{foreign.record.path} has a configuration other than {members[0].path}"
    ):
        check_members([*members, foreign.record])
    noise = scoring.record(
        ScoringModel("scores"), lambda prepared: Scores(np.arange(len(prepared.test), dtype=np.float32))
    )
    with pytest.raises(DataError, match=rf"{noise.record.path} has the scores of another model \(Scores\)"):
        check_members([*members, noise.record])
    with pytest.raises(DataError, match="got 1 runs with scores, expected two or more"):
        check_members(members[:1])


def test_members_of_other_samples_are_refused(
    scoring: Scoring, members: list[Record], tmp_path: Path
) -> None:
    import shutil

    cut = Path(shutil.copytree(members[0].path, tmp_path / members[0].path.name))
    pd.read_parquet(cut / "pred.parquet").iloc[1:].to_parquet(cut / "pred.parquet")
    with pytest.raises(DataError, match=f"{cut} has scores of other samples"):
        ensemble_scores([members[1], Record(cut)], scoring.prepared)
