"""The LSTM beside its baselines where the answer is known: on markets with a linear and a nonlinear signal.

With the configuration of the demonstration, minutes for each market.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from lstm_bench.bench.baselines import Request, score_baselines
from lstm_bench.bench.candidates import Candidate
from lstm_bench.config.workflow import load_workflow
from lstm_bench.data.synthetic import synthesize
from lstm_bench.data.synthetic_signal import SignalName
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.model.baselines.gradient_boosting import is_installed
from lstm_bench.record.daily_panel import daily_panel
from lstm_bench.record.record import Record
from lstm_bench.run.runner import execute_pack
from lstm_bench.statistics.nested import nested_difference
from lstm_bench.statistics.verdict import verdict
from lstm_bench.tracking.progress import Progress

pytestmark = pytest.mark.paths
CONFIG = Path(__file__).parents[2] / "configs" / "demo.yaml"

SEEDS = (0, 1, 2)
MARGIN = 0.02
"""Difference of two ICs that does not matter here: half of ridge's IC where the signal is linear."""

Panel = npt.NDArray[np.float64]


def daily_ics(folder: Path, signal: SignalName) -> dict[str, Panel]:
    """Return the daily ICs on test, ``[K, T]``, of the LSTM's seeds and of each baseline."""
    synthesize(folder / "market", signal=signal)
    config = load_workflow(CONFIG, {"qlib_init.provider_uri": str(folder / "market")}).resolved()
    names = ("reversal", "momentum", "ridge", *(("lightgbm",) if is_installed() else ()))
    runs = score_baselines(
        Candidate("demo", "demo", None, config),
        Request(names, (0,)),
        results=folder,
        progress=Progress(),
    )
    records = {run.row.label: [Record(folder / "demo" / run.row.runs[0])] for run in runs}
    trained = execute_pack(config, SEEDS, folder / "demo", device="cpu", cache=DatasetCache())
    records["lstm"] = [run.record for run in trained]
    panels = {
        name: np.concatenate([daily_panel(one).series["ic"] for one in found])
        for name, found in records.items()
    }
    print({name: [round(float(ic), 4) for ic in np.nanmean(panel, axis=1)] for name, panel in panels.items()})
    return panels


def test_ridge_is_level_with_the_lstm_where_the_signal_is_linear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "datasets"))
    ics = daily_ics(tmp_path, "linear")
    difference = nested_difference(ics["lstm"], ics["ridge"])
    print(difference.interval(0.90), difference.estimate)
    assert verdict(difference, margin=MARGIN).word == "equivalent"


def test_the_lstm_is_above_every_baseline_where_the_signal_is_not_linear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "datasets"))
    ics = daily_ics(tmp_path, "nonlinear")
    for name in ics.keys() - {"lstm"}:
        difference = nested_difference(ics["lstm"], ics[name])
        print(name, difference.estimate)
        assert verdict(difference).word == "A better", name
