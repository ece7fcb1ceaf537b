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
from lstm_bench.model.baselines.gradient_boosting import is_installed
from lstm_bench.record.record import Record
from lstm_bench.run.runner import execute
from lstm_bench.tracking.progress import Progress

pytestmark = pytest.mark.paths
CONFIG = Path(__file__).parents[2] / "configs" / "demo.yaml"

Daily = npt.NDArray[np.float64]


def daily_ics(folder: Path, signal: SignalName) -> dict[str, Daily]:
    """Return the daily IC on test of the LSTM and of each baseline."""
    synthesize(folder / "market", signal=signal)
    config = load_workflow(CONFIG, {"qlib_init.provider_uri": str(folder / "market")}).resolved()
    names = ("reversal", "momentum", "ridge", *(("lightgbm",) if is_installed() else ()))
    runs = score_baselines(
        Candidate("demo", "demo", None, config),
        Request(names, (0,)),
        results=folder,
        progress=Progress(),
    )
    records = {run.row.label: Record(folder / "demo" / run.row.runs[0]) for run in runs}
    records["lstm"], _ = execute(config, folder / "demo", device="cpu")
    return {name: record.table("ic")["ic"].to_numpy(np.float64) for name, record in records.items()}


def above(one: Daily, other: Daily) -> tuple[float, float]:
    """Return the mean difference of two daily series, and its standard error."""
    difference = one - other
    difference = difference[np.isfinite(difference)]
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))


def test_ridge_is_level_with_the_lstm_where_the_signal_is_linear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "datasets"))
    ics = daily_ics(tmp_path, "linear")
    print({name: round(float(np.nanmean(ic)), 4) for name, ic in ics.items()})
    difference, error = above(ics["lstm"], ics["ridge"])
    assert abs(difference) < 1.96 * error
    assert np.nanmean(ics["ridge"]) > 0.02


def test_the_lstm_is_above_every_baseline_where_the_signal_is_not_linear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "datasets"))
    ics = daily_ics(tmp_path, "nonlinear")
    print({name: round(float(np.nanmean(ic)), 4) for name, ic in ics.items()})
    for name in ics.keys() - {"lstm"}:
        difference, error = above(ics["lstm"], ics[name])
        assert difference > 3 * error, name
