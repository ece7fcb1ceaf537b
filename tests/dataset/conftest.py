"""A small synthetic market, and configurations on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.handler import HANDLERS
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.mutation import MutatedProvider

Configure = Callable[..., DatasetConfig]

TWENTY = [
    "RESI5", "WVMA5", "RSQR5", "KLEN", "RSQR10", "CORR5", "CORD5", "CORR10", "ROC60", "RESI10",
    "VSTD5", "RSQR60", "CORR60", "WVMA60", "STD5", "RSQR20", "CORD60", "CORD10", "CORR20", "KLOW",
]  # fmt: skip
ROBUST = [
    {"class": "RobustZScoreNorm", "kwargs": {"fields_group": "feature", "clip_outlier": True}},
    {"class": "Fillna", "kwargs": {"fields_group": "feature"}},
]
TWENTY_ROBUST = [{"class": "FilterCol", "kwargs": {"fields_group": "feature", "col_list": TWENTY}}, *ROBUST]
RANKED = ["DropnaLabel", {"class": "CSRankNorm", "kwargs": {"fields_group": "label"}}]


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Qlib folder of 18 stocks over 320 days."""
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=18, days=320, seed=3)
    return out


@pytest.fixture(scope="session")
def provider(market: Path) -> Provider:
    return Provider(market)


@pytest.fixture(scope="session")
def configure(provider: Provider) -> Configure:
    """Configure a dataset as Qlib's workflow files do; by default with the handler's own processors."""
    days = [str(day) for day in provider.calendar]

    def configuration(
        handler: str = "Alpha158", dates: Sequence[int] = (0, 180, 240, 310), **own: Any
    ) -> DatasetConfig:
        begin, valid, test, end = dates
        step_len = own.pop("step_len", None)
        name = "DatasetH" if handler.startswith("Alpha360") else "TSDatasetH"
        segments = {
            "train": [days[begin], days[valid - 1]],
            "valid": [days[valid], days[test - 1]],
            "test": [days[test], days[end]],
        }
        common: dict[str, Any] = {"start_time": days[begin], "end_time": days[end], "instruments": "csi300"}
        if handler != "DataHandlerLP":
            common |= {"fit_start_time": days[begin], "fit_end_time": days[valid - 1]}
        kwargs = {
            "handler": {"class": handler, "module_path": HANDLERS[handler][0], "kwargs": common | own},
            "segments": segments,
            "step_len": step_len,
        }
        return DatasetConfig.model_validate(
            {"class": name, "module_path": "qlib.data.dataset", "kwargs": kwargs}
        )

    return configuration


@pytest.fixture(scope="session")
def workflow158(configure: Configure) -> DatasetConfig:
    """The dataset of Qlib's workflow file for Alpha158, with short windows."""
    return configure("Alpha158", step_len=8, infer_processors=TWENTY_ROBUST, learn_processors=RANKED)


@pytest.fixture(scope="session")
def workflow360(configure: Configure) -> DatasetConfig:
    """The dataset of Qlib's workflow file for Alpha360."""
    return configure("Alpha360", infer_processors=ROBUST, learn_processors=RANKED)


@pytest.fixture(scope="session")
def perturbed(provider: Provider) -> Callable[[np.datetime64], Provider]:
    """Give a provider whose bars after a day differ from the market's."""
    return lambda after: MutatedProvider(provider, after)
