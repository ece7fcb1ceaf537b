"""Compile the evaluation's kernels while a model trains, so that the first evaluation on a machine does not wait.

A separate process compiles, because the interpreter lock would slow the training. It stores the machine code in the
cache of :mod:`lstm_bench.core.kernel`. This runs once for each version, interpreter and processor.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import llvmlite.binding
import numba
import numpy as np

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.data.panel import Panel
from lstm_bench.evaluate.analysis import analyse_signal
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.evaluate.trading.backtest import backtest
from lstm_bench.evaluate.trading.quotes import quote_fields

__all__ = ["EarlyCompilation", "compile_evaluation"]

logger = logging.getLogger(__name__)


class EarlyCompilation:
    """Context manager around training that compiles the kernels meanwhile, unless they are compiled already.

    A marker file in ``folder``, that of :func:`lstm_bench.core.kernel.cache_folder`, says that the kernels are
    compiled. Without a folder machine code cannot be cached, and nothing is compiled ahead.
    """

    def __init__(self, folder: Path | None) -> None:
        self._mark = None if folder is None else folder / f"evaluation-{_machine()}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start compiling, unless it is done or another process does it."""
        if self._mark is not None and _claim(self._mark):
            package = Path(__file__).parents[2]
            paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
        return self

    def wait(self) -> None:
        """Wait for the compilation; kernels that it did not compile are compiled when they are called."""
        if self._process is not None and self._process.poll() is None:
            logger.info("waiting for the evaluation's kernels, which are compiled once on this machine")
            self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop compiling; if it did not finish, the next training starts it again."""
        if self._process is None or self._mark is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
        if self._process.wait() != 0:
            self._mark.unlink(missing_ok=True)


def _machine() -> str:
    """Digest of everything that machine code depends on, except the source."""
    features = llvmlite.binding.get_host_cpu_features().flatten()
    about = (numba.__version__, sys.version, llvmlite.binding.get_host_cpu_name(), features)
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16]


def _claim(mark: Path) -> bool:
    """Create the marker file; False if it exists or cannot be created."""
    try:
        mark.touch(exist_ok=False)
    except OSError:
        return False
    return True


def compile_evaluation() -> None:
    """Evaluate a random signal and trade on it, which compiles all kernels of an evaluation."""
    generator = np.random.default_rng(0)
    score, label = generator.normal(size=(2, 4, 8)).astype(np.float32)
    rows = np.ones(score.shape, dtype=np.bool_)
    days = np.arange("2020-01-06", "2020-01-10", dtype="datetime64[D]")
    metrics = signal_metrics(score, label, rows, long_short=True)
    analyse_signal(score, label, rows, days, metrics)
    section = {
        "strategy": {"kwargs": {"topk": 2, "n_drop": 1}},
        "backtest": {"start_time": str(days[0]), "end_time": str(days[-1])},
    }
    config = resolve(PortAnalysisConfig.model_validate(section), "cn")
    bars = {name: np.ones(score.shape, dtype=np.float32) for name in quote_fields(config)}
    codes, first, last = tuple(f"SH60000{j}" for j in range(8)), np.zeros(8, np.int64), np.full(8, 3)
    quotes = Panel(days, 0, codes, bars, first, last)
    backtest(score, quotes, np.zeros(len(days), dtype=np.float32), config)


if __name__ == "__main__":
    compile_evaluation()
