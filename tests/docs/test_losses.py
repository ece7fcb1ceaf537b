"""The page on overfitting shows what was measured."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest

from docs.tools.losses import LOSSES, PAGE, PICTURE, loss_curves, loss_table, with_table
from lstm_bench.report.document import check_document
from lstm_bench.report.evidence import read_study

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def losses() -> pd.DataFrame:
    return pd.read_csv(LOSSES)


def test_table_and_picture_are_current(losses: pd.DataFrame) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page, losses) == page, "python docs/tools/losses.py"
    assert loss_curves(losses) == PICTURE.read_text(encoding="utf-8")


def test_its_leaderboard_follows_from_the_evidence() -> None:
    check_document(PAGE, RESULTS, {"overfitting": read_study(RESULTS, "overfitting")})


def test_the_losses_are_of_the_runs_in_the_evidence(losses: pd.DataFrame) -> None:
    evidence = read_study(RESULTS, "overfitting").results
    assert len(evidence) == 18
    for run in evidence:
        epochs = losses[(losses["row"] == run.row) & (losses["seed"] == run.seed)]
        assert len(epochs) == run.epochs
        assert int(epochs["valid_loss"].to_numpy().argmin()) == run.best_epoch


def test_the_table_takes_the_epoch_that_is_kept() -> None:
    losses = pd.DataFrame(
        {
            "row": ["a"] * 5,
            "seed": [0, 0, 0, 1, 1],
            "epoch": [0, 1, 2, 0, 1],
            "train_loss": [1.0, 0.9, 0.8, 1.0, 0.7],
            "valid_loss": [1.1, 1.0, 1.3, 1.2, 1.1],
        }
    )
    assert loss_table(losses).splitlines()[-1] == (
        "| a | 2 | 1.0 | 0.8000, 1.0500 | 0.2500±0.2121 | 2.5 | 0.7500, 1.2000 | 0.4500±0.0707 |"
    )


def test_the_picture_has_a_curve_of_each_seed(losses: pd.DataFrame) -> None:
    curves = [path for path in ET.fromstring(loss_curves(losses)).iter("{*}path") if path.get("fill") == "none"]
    assert len(curves) == 2 * losses[losses["row"] == "no-stop"]["seed"].nunique()
