"""A synthetic market, and a workflow on it that trains in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.market import market, own_cache

import lstm_bench
from lstm_bench import RunConfig

__all__ = ["market", "own_cache"]

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="session")
def days(market: Path) -> list[str]:
    return (market / "calendars" / "day.txt").read_text().split()


@pytest.fixture(scope="session")
def overrides(market: Path, days: list[str]) -> dict[str, Any]:
    """Make a shipped workflow file small enough to train in a second."""
    return {
        "qlib_init.provider_uri": str(market),
        "data_handler_config.start_time": days[0],
        "data_handler_config.end_time": days[-1],
        "data_handler_config.fit_start_time": days[0],
        "data_handler_config.fit_end_time": days[199],
        "task.dataset.kwargs.segments": {
            "train": [days[0], days[199]],
            "valid": [days[200], days[249]],
            "test": [days[250], days[-2]],
        },
        "task.dataset.kwargs.step_len": 6,
        "portfolio.backtest.start_time": days[250],
        "portfolio.backtest.end_time": days[-2],
        "portfolio.strategy.kwargs.topk": 5,
        "portfolio.strategy.kwargs.n_drop": 1,
        "task.model.kwargs.hidden_size": 8,
        "task.model.kwargs.n_epochs": 2,
        "task.model.kwargs.batch_size": 100,
        "task.model.kwargs.GPU": -1,
    }


@pytest.fixture(scope="session")
def config(overrides: dict[str, Any]) -> RunConfig:
    return lstm_bench.load_workflow(CONFIGS / "lstm_alpha158.yaml", overrides)


@pytest.fixture(scope="session")
def costs() -> dict[str, Any]:
    """Prices and costs of the shipped workflow files."""
    return {
        "limit_threshold": 0.095,
        "deal_price": "close",
        "open_cost": 0.0005,
        "close_cost": 0.0015,
        "min_cost": 5,
    }
