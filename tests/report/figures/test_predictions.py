"""Figures of predictions: deciles are numbered as groups are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lstm_bench.evaluate.signal.groups import group_returns
from lstm_bench.report.figures.predictions import score_figures


def tables(score: np.ndarray, label: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    index = pd.MultiIndex.from_product(
        [pd.bdate_range("2020-01-01", periods=len(score)), [f"S{i:02}" for i in range(score.shape[1])]],
        names=["datetime", "instrument"],
    )
    return pd.DataFrame({"score": score.ravel()}, index), pd.DataFrame({"LABEL0": label.ravel()}, index)


def deciles(score: np.ndarray, label: np.ndarray) -> list[float]:
    figure = next(one for one in score_figures(*tables(score, label)) if one.name == "score_deciles")
    assert "1 (the highest scores)" in figure.reading
    assert figure.layout["xaxis"]["title"]["text"] == "decile, 1 the highest scores"
    assert figure.traces[0]["x"] == [str(k) for k in range(1, 11)]
    return list(figure.traces[0]["y"])


@pytest.mark.parametrize("stocks", [10, 40])
def test_decile_1_has_the_highest_scores_as_group_1_has(stocks: int) -> None:
    rng = np.random.default_rng(0)
    score, label = rng.normal(size=(2, 8, stocks)).astype(np.float32)
    groups = group_returns(score, label, groups=10).groups
    excess = groups - label.astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(deciles(score, label), excess.mean(axis=1), atol=1e-6)


def test_scores_that_are_the_label_fall_from_left_to_right() -> None:
    label = np.random.default_rng(1).normal(size=(3, 23))
    drawn = deciles(label, label)
    assert drawn == sorted(drawn, reverse=True)


def test_equal_scores_go_by_instrument() -> None:
    drawn = deciles(np.ones((1, 10)), np.arange(10.0)[None])
    assert drawn == [k - 4.5 for k in range(10)]
