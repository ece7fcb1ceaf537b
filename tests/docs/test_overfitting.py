"""The page on overfitting shows what was measured."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from docs.tools.overfitting import (
    LOSSES,
    PAGE,
    PICTURE,
    RESULTS,
    figures_table,
    loss_curves,
    loss_table,
    with_tables,
)

from lstm_bench.record.evidence import Evidence, read_study


@pytest.fixture(scope="module")
def losses() -> pd.DataFrame:
    return pd.read_csv(LOSSES)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return read_study(RESULTS, "overfitting")


def test_tables_and_picture_are_current(losses: pd.DataFrame, evidence: Evidence) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page, losses, evidence) == page, "python docs/tools/overfitting.py"
    assert loss_curves(losses) == PICTURE.read_text(encoding="utf-8")


def test_figures_are_means_over_seeds_and_differences_of_common_ones(evidence: Evidence) -> None:
    table = {line.split(" | ")[0]: line for line in figures_table(evidence).splitlines()}
    of = {
        label: np.array([run.metrics["Rank IC"] for run in evidence.results if run.row == label])
        for label in ("default", "dropout")
    }
    assert f"| {of['dropout'].mean():.4f}±{of['dropout'].std(ddof=1):.4f} |" in table["| dropout"]
    assert f"| {(of['dropout'] - of['default']).mean():+.4f} [" in table["| dropout"]


def test_the_losses_are_of_the_runs_in_the_evidence(losses: pd.DataFrame, evidence: Evidence) -> None:
    assert len(evidence.results) == 18
    for run in evidence.results:
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
    curves = [
        path
        for path in ET.fromstring(loss_curves(losses)).findall(".//{*}path")
        if path.get("fill") == "none"
    ]
    assert len(curves) == 2 * losses[losses["row"] == "no-stop"]["seed"].nunique()
