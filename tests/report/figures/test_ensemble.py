from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lstm_bench.report.figures.ensemble import ensemble_figures


def test_the_curves_show_mean_and_band_by_size() -> None:
    rng = np.random.default_rng(0)
    sizes = np.repeat([1, 2, 3], [30, 30, 1])
    curve = pd.DataFrame({"members": sizes, "draw": np.arange(61)})
    for name in ("IC", "ICIR", "Rank IC", "Rank ICIR"):
        curve[name] = rng.normal(size=61)
    figures = {figure.name: figure for figure in ensemble_figures(curve)}
    assert list(figures) == ["ensemble_ic", "ensemble_icir", "ensemble_rank_ic", "ensemble_rank_icir"]
    low, high, each, mean = figures["ensemble_rank_ic"].traces
    assert mean["x"] == [1, 2, 3]
    for position, size in enumerate((1, 2, 3)):
        values = curve["Rank IC"][sizes == size]
        assert mean["y"][position] == pytest.approx(values.mean())
        assert [low["y"][position], high["y"][position]] == pytest.approx(np.quantile(values, [0.025, 0.975]))
    assert each["y"] == curve["Rank IC"].tolist()
    assert low["y"][2] == high["y"][2] == mean["y"][2]  # all members: one value
