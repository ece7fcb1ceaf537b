"""Benchmark LSTM models on Qlib's Alpha158 and Alpha360 feature sets.

The names below are the Python API. Each is imported when it is first used, so that importing the package is fast.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from lstm_bench.core.version import __version__

TYPE_CHECKING = False  # as in typing, whose import would take most of this file's time

if TYPE_CHECKING:
    from typing import Any

    from lstm_bench.api.bars import compute_features, load_panel
    from lstm_bench.api.portfolio import backtest
    from lstm_bench.api.returns import performance
    from lstm_bench.api.runs import RunResult, load_run, run
    from lstm_bench.api.scores import evaluate_scores
    from lstm_bench.api.signals import SignalResult, signal_analysis, signal_metrics
    from lstm_bench.api.workflows import build_dataset, load_workflow
    from lstm_bench.config.workflow import RunConfig
    from lstm_bench.core.errors import (
        CheckError,
        ConfigError,
        DataError,
        DeviceError,
        ExpressionError,
        InputError,
        LstmBenchError,
        RunError,
    )
    from lstm_bench.data.fetch import fetch
    from lstm_bench.data.health.check import HealthReport, check_data
    from lstm_bench.data.health.thresholds import Thresholds
    from lstm_bench.data.importing.importer import import_bars
    from lstm_bench.data.importing.options import ImportOptions, ImportSummary
    from lstm_bench.dataset.dataset import Dataset
    from lstm_bench.evaluate.returns.risk import risk_analysis
    from lstm_bench.features.bars import Bars

__all__ = [
    "Bars",
    "CheckError",
    "ConfigError",
    "DataError",
    "Dataset",
    "DeviceError",
    "ExpressionError",
    "HealthReport",
    "ImportOptions",
    "ImportSummary",
    "InputError",
    "LstmBenchError",
    "RunConfig",
    "RunError",
    "RunResult",
    "SignalResult",
    "Thresholds",
    "__version__",
    "backtest",
    "build_dataset",
    "check_data",
    "compute_features",
    "evaluate_scores",
    "fetch",
    "import_bars",
    "load_panel",
    "load_run",
    "load_workflow",
    "performance",
    "risk_analysis",
    "run",
    "signal_analysis",
    "signal_metrics",
]


_NAMES = {
    "lstm_bench.api.bars": ("compute_features", "load_panel"),
    "lstm_bench.api.portfolio": ("backtest",),
    "lstm_bench.api.returns": ("performance",),
    "lstm_bench.api.runs": ("RunResult", "load_run", "run"),
    "lstm_bench.api.scores": ("evaluate_scores",),
    "lstm_bench.api.signals": ("SignalResult", "signal_analysis", "signal_metrics"),
    "lstm_bench.api.workflows": ("build_dataset", "load_workflow"),
    "lstm_bench.config.workflow": ("RunConfig",),
    "lstm_bench.data.fetch": ("fetch",),
    "lstm_bench.data.health.check": ("HealthReport", "check_data"),
    "lstm_bench.data.health.thresholds": ("Thresholds",),
    "lstm_bench.data.importing.importer": ("import_bars",),
    "lstm_bench.data.importing.options": ("ImportOptions", "ImportSummary"),
    "lstm_bench.dataset.dataset": ("Dataset",),
    "lstm_bench.core.errors": (
        "CheckError",
        "ConfigError",
        "DataError",
        "DeviceError",
        "ExpressionError",
        "InputError",
        "LstmBenchError",
        "RunError",
    ),
    "lstm_bench.evaluate.returns.risk": ("risk_analysis",),
    "lstm_bench.features.bars": ("Bars",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

if not TYPE_CHECKING:  # with __getattr__, a type checker would accept any name

    def __getattr__(name: str) -> Any:
        """Import a name of the API when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the names of the API."""
    return sorted(__all__)


class _Package(ModuleType):
    """A package whose functions are not replaced by modules of the same name.

    Importing the module ``lstm_bench.run`` would otherwise replace the function.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _MODULES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
