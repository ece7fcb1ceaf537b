"""Findings about a run's figures after training."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.record.record import Record
from lstm_bench.run.judgement.result import judge_result
from lstm_bench.run.runner import execute

Configure = Callable[..., RunConfig]
Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def recorded(configure: Configure, tmp_path_factory: pytest.TempPathFactory) -> Record:
    config = configure("lstm_bench.compat=none", "task.model.kwargs.lr=1e-4")
    return execute(config, tmp_path_factory.mktemp("results"), device="cpu")[0]


def provenance(**changes: Any) -> Change:
    """Change keys of the provenance, or of its ``training``."""

    def change(folder: Path) -> None:
        path = folder / "provenance.json"
        content = json.loads(path.read_text())
        for key, value in changes.items():
            (content if key in content else content["training"])[key] = value
        path.write_text(json.dumps(content))

    return change


def table(name: str, column: str, value: float, days: slice = slice(None)) -> Change:
    def change(folder: Path) -> None:
        record = Record(folder)
        found = record.table(name)  # type: ignore[arg-type]
        chosen = found.index.unique("datetime")[days]
        found.loc[found.index.get_level_values("datetime").isin(chosen), column] = value
        found.to_parquet(folder / f"{name}.parquet")

    return change


def judged(record: Record) -> list[str]:
    return [str(finding) for finding in judge_result(record)]


def test_nothing_is_said_of_an_ordinary_record_nor_of_one_of_an_earlier_version(
    recorded: Record, tmp_path: Path
) -> None:
    assert judged(recorded) == []
    training = recorded.provenance()["training"]
    assert 0.9 < training["constant_loss"] < 1.1  # of CSRankNorm's labels
    old = Path(shutil.copytree(recorded.path, tmp_path / "old"))
    content = json.loads((old / "provenance.json").read_text())
    del content["training"]["constant_loss"]
    (old / "provenance.json").write_text(json.dumps(content))
    for name in ("ic", "pred", "report"):
        (old / f"{name}.parquet").unlink()
    assert judged(Record(old)) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (provenance(status="diverged", epochs=5, best_epoch=1), "training: diverged in epoch 4, .* weights of epoch 1"),
        (provenance(constant_loss=0.5), "training: the validation loss of the best epoch is .*than 0.5"),
        (provenance(permuted_labels=True), "labels: those of train and valid were permuted: a control"),
        (table("pred", "score", 0.25), "scores: all stocks have the same score on 69 of 69 days"),
        (table("pred", "score", 0.25, slice(10, 20)), "scores: all stocks have the same score on 10 of 69 days"),
        (table("ic", "ic", np.nan), "IC: 69 of 69 days have none .*: it is NaN"),
        (table("ic", "ic", np.nan, slice(40)), "IC: 40 of 68 days have none .*: it is the mean of the others"),
        (table("report", "turnover", 0.0), "backtest: nothing was bought on any of 69 days"),
    ],
)  # fmt: skip
def test_figures_that_mean_nothing_are_said(
    recorded: Record, tmp_path: Path, change: Change, text: str
) -> None:
    folder = Path(shutil.copytree(recorded.path, tmp_path / "record"))
    change(folder)
    (message,) = judged(Record(folder))
    assert re.match(text, message), message


def test_a_learning_rate_beyond_any_use_shows_in_the_result(configure: Configure, tmp_path: Path) -> None:
    config = configure("lstm_bench.compat=none", "task.model.kwargs.lr=1e9")
    message = judged(execute(config, tmp_path, device="cpu")[0])
    assert any(text.startswith("training: the validation loss of the best epoch is ") for text in message)


def test_a_run_that_diverged_at_once_has_words_of_its_own(recorded: Record, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(recorded.path, tmp_path / "record"))
    (folder / "metrics.json").write_text("{}")
    assert judged(Record(folder)) == []
