"""Shared fixtures and settings of all tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import settings
from tests.wandb_files import WandbRun, read_wandb

from lstm_bench.core import atomic

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before anything imports a kernel: they run on the processor then


settings.register_profile("untimed", deadline=None)  # the first example may compile a kernel
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks gain nothing from threads, and waiting for each other costs them dearly on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def no_flush() -> Iterator[None]:
    """Do not wait for the disk in this process: it took a quarter of the time of tests that write data folders.

    tests/core/test_atomic.py tests what is flushed, and when.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_flush", "_flush_entry"):
            patch.setattr(atomic, name, lambda _: None)
        yield


@pytest.fixture(scope="session")
def us_bars() -> Callable[..., pd.DataFrame]:
    """Make daily bars as American vendors give them: raw prices, splits, dividends, adjusted closes; newest first."""

    def make(stocks: int = 30, days: int = 1008, seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        dates = np.busday_offset("2017-01-03", np.arange(days), roll="forward")
        frames = [_us_stock(f"TK{k:02d}", dates, k, rng) for k in range(stocks)]
        return pd.concat(frames).sort_values(["date", "symbol"], ascending=[False, True], ignore_index=True)

    return make


def _us_stock(symbol: str, dates: np.ndarray, number: int, rng: np.random.Generator) -> pd.DataFrame:
    days = len(dates)
    split, dividend, close = np.ones(days), np.zeros(days), np.empty(days)
    where = rng.choice(np.arange(days // 10, days - days // 10), number % 3, replace=False)
    split[where] = rng.choice([2.0, 3.0, 1.5, 0.25], len(where))
    price = rng.uniform(20, 300)
    for t, move in enumerate(rng.normal(0.0004, 0.018, days)):
        if t >= 40 and (t + number) % 63 == 0:
            dividend[t] = round(price / split[t] * 0.004, 2)
        close[t] = price = max(round(price * np.exp(move) / split[t] - dividend[t], 2), 1.0)
    adjusted, factor = np.empty(days), 1.0
    for t in range(days - 1, -1, -1):
        adjusted[t] = round(close[t] * factor, 6)
        factor *= (1 - dividend[t] * split[t] / close[t - 1]) / split[t]
    noise = np.abs(rng.normal(0, 0.004, (3, days)))
    opening = np.round(close * (1 + noise[0]), 2)
    return pd.DataFrame(
        {
            "date": dates.astype(str),
            "symbol": symbol,
            "open": opening,
            "high": np.round(np.maximum(opening, close) * (1 + noise[1]), 2),
            "low": np.round(np.minimum(opening, close) * (1 - noise[2]), 2),
            "close": close,
            "adjusted close": adjusted,
            "volume": np.round(np.exp(rng.normal(14, 0.3, days)) * np.cumprod(split)).astype(np.int64),
            "dividend": dividend,
            "split": split,
        }
    )


@pytest.fixture
def wandb_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, WandbRun]]:
    """Give what reads W&B's files, to one who has never used it: no account, no settings, no variables."""
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "wandb-home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    for name in ("CONFIG", "CACHE", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(home / name.lower()))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    return read_wandb
