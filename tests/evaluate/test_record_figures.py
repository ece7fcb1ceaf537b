from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.evaluate.record_figures import long_short_figures, squared_error
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.evaluate.signal.precision import precision


def test_long_short_figures_by_hand() -> None:
    score = np.tile(np.arange(5.0), (2, 1))
    label = np.array([[-0.02, 0.0, 0.0, 0.0, 0.04], [0.02, 0.0, 0.0, 0.0, 0.04]])
    figures = long_short_figures(signal_metrics(score, label, long_short=True), precision(score, label))
    # half of 0.06 and of 0.02; day one's worst is below the mean, day two's is not
    assert figures["Long-Short Average Return"] == pytest.approx(0.02)
    assert figures["Long-Short Average Sharpe"] == pytest.approx(0.02 / (0.02 / 2**0.5))
    assert (figures["Long precision"], figures["Short precision"]) == (1.0, 0.5)


def test_squared_error_is_of_rows_with_a_label() -> None:
    score = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)
    label = np.array([[0.0, np.nan, 1.0, 9.0]], dtype=np.float32)
    rows = np.array([[True, True, True, False]])
    assert squared_error(score, label, rows) == {"MSE": 2.5, "RMSE": 2.5**0.5}
    assert np.isnan(squared_error(score, label, np.zeros_like(rows))["MSE"])
