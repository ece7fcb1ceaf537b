"""Kernels are compiled beside a training, for the arrays that an evaluation has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.data.panel import Panel
from lstm_bench.evaluate import analysis
from lstm_bench.evaluate.compilation import EarlyCompilation, compile_evaluation
from lstm_bench.evaluate.signal import decay, groups, metrics, precision, stability
from lstm_bench.evaluate.trading import account
from lstm_bench.evaluate.trading.backtest import backtest
from lstm_bench.evaluate.trading.quotes import quote_fields

KERNELS: tuple[Any, ...] = (
    metrics._information_coefficients,
    metrics._long_short_returns,
    precision._precision,
    groups._group_means,
    stability._rows_before,
    stability._correlation_with,
    stability._comparison,
    decay._later_correlations,
    account.simulate,
)


def evaluate(kind: Any, limit: float | None, **strategy: Any) -> None:
    rng = np.random.default_rng(0)
    score, label = rng.normal(size=(2, 20, 12)).astype(kind)
    score[3, 4], label[5, 6] = np.nan, np.nan
    days = np.busday_offset("2020-01-01", np.arange(20), roll="forward")
    signal = metrics.signal_metrics(score, label, long_short=True)
    analysis.analyse_signal(np.asfortranarray(score), label, ~np.isnan(score), days, signal)
    section = {
        "strategy": {"kwargs": {"topk": 3, "n_drop": 1, **strategy}},
        "backtest": {"account": 1e6, "exchange_kwargs": {"limit_threshold": limit, "impact_cost": 0.1}},
    }
    config = resolve(PortAnalysisConfig.model_validate(section), "us")
    bars = {name: rng.uniform(1, 2, score.shape).astype(np.float32) for name in quote_fields(config)}
    codes, ends = tuple(f"S{j:02}" for j in range(12)), np.zeros(12, dtype=np.int64)
    backtest(score, Panel(days, 0, codes, bars, ends, ends + 19), np.zeros(20, dtype=np.float32), config)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("limit", [None, 0.095])
def test_what_was_compiled_serves_every_evaluation(kind: Any, limit: float | None) -> None:
    compile_evaluation()
    before = [kernel.signatures for kernel in KERNELS]
    assert all(before)
    evaluate(kind, limit, method_sell="random", only_tradable=True)
    assert [kernel.signatures for kernel in KERNELS] == before


def test_it_is_done_once(tmp_path: Path) -> None:
    with EarlyCompilation(tmp_path) as first, EarlyCompilation(tmp_path) as second:
        assert second._process is None  # another process is at it
        first.wait()
        assert first._process is not None
        assert first._process.returncode == 0
    (mark,) = tmp_path.iterdir()
    with EarlyCompilation(tmp_path) as third:
        assert third._process is None
    assert list(tmp_path.iterdir()) == [mark]


def test_what_was_stopped_is_started_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), EarlyCompilation(tmp_path) as stopped:
        raise KeyboardInterrupt
    assert stopped._process is not None
    assert stopped._process.returncode != 0
    assert not list(tmp_path.iterdir())


def test_without_a_folder_there_is_nothing_to_do() -> None:
    with EarlyCompilation(None) as compilation:
        compilation.wait()
        assert compilation._process is None
