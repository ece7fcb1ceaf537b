"""A tiny synthetic market and a workflow file on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.data import fingerprint
from lstm_bench.data.synthetic import synthesize

CONFIGS = Path(__file__).parents[1] / "configs"

Configure = Callable[..., RunConfig]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "cache_path", lambda: tmp_path / "cache" / "fingerprints.json")


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=20, days=320, seed=0)
    return out


@pytest.fixture
def market_copy(market: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(market, tmp_path / "copy"))


@pytest.fixture(scope="session")
def configure(market: Path) -> Configure:
    """Configure a run of a shipped workflow file on the market, small enough to train in a second."""

    def configuration(
        *overrides: str, features: str = "alpha158", provider: Path = market, **_: Any
    ) -> RunConfig:
        days = (provider / "calendars" / "day.txt").read_text().split()
        step_len = "20" if features == "alpha360" else "6"
        return load_workflow(
            CONFIGS / f"lstm_{features}.yaml",
            [
                f"qlib_init.provider_uri={provider}",
                f"data_handler_config.start_time={days[0]}",
                f"data_handler_config.end_time={days[-1]}",
                f"data_handler_config.fit_start_time={days[0]}",
                f"data_handler_config.fit_end_time={days[199]}",
                f"task.dataset.kwargs.segments={{train: [{days[0]}, {days[199]}], valid: [{days[200]}, {days[249]}], "
                f"test: [{days[250]}, {days[-2]}]}}",
                f"portfolio.backtest.start_time={days[250]}",
                f"portfolio.backtest.end_time={days[-2]}",
                "portfolio.strategy.kwargs.topk=5",
                "portfolio.strategy.kwargs.n_drop=1",
                f"task.dataset.kwargs.step_len={step_len}",
                "task.model.kwargs.hidden_size=8",
                "task.model.kwargs.n_epochs=2",
                "task.model.kwargs.batch_size=100",
                "task.model.kwargs.GPU=-1",
                *overrides,
            ],
        )

    return configuration
