"""The committed dataset fixtures are what pyqlib says today."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lstm_bench.data.synthetic import synthesize

pytestmark = pytest.mark.oracle

FIXTURES = Path(__file__).parent / "fixtures"


def test_the_dataset_fixtures_are_current(ask_oracle: Callable[..., Path], tmp_path: Path) -> None:
    synthesize(tmp_path / "market", stocks=20, days=320, seed=0)
    answer = ask_oracle("make_dataset.py", tmp_path / "market")
    committed = sorted(path.name for path in FIXTURES.glob("dataset_*.parquet"))
    assert committed == sorted(path.name for path in answer.glob("*.parquet"))
    for name in committed:
        pd.testing.assert_frame_equal(
            pd.read_parquet(answer / name), pd.read_parquet(FIXTURES / name), rtol=1e-5, atol=1e-5, obj=name
        )
    cases, known = (json.loads((folder / "dataset.json").read_text()) for folder in (answer, FIXTURES))
    scores, known_scores = (
        {name: case.get("model", {}).pop("scores", {}) for name, case in found.items()}
        for found in (cases, known)
    )
    assert cases == known
    for name, series in known_scores.items():
        for key, values in series.items():
            assert scores[name][key] == pytest.approx(values, abs=1e-6)
