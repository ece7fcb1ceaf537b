"""The machine, code and time of a run."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lstm_bench.config.secret import without_password

__all__ = ["Stopwatch", "environment", "peak_memory_mib", "source_version"]

_PACKAGES = ("lstm-bench", "numba", "numpy", "pandas", "pyarrow", "safetensors", "torch")


class Stopwatch:
    """Wall seconds per named stage. ``on_stage`` is called with the name of each stage as it begins."""

    def __init__(self, on_stage: Callable[[str], None]) -> None:
        self._on_stage = on_stage
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the block's wall time to a stage."""
        self._on_stage(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def environment() -> dict[str, Any]:
    """Return the interpreter, the machine, the packages, the code version and the command line."""
    return {
        "command": [Path(sys.argv[0]).name, *map(without_password, sys.argv[1:])],
        "git": source_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def source_version() -> dict[str, Any] | None:
    """Return the commit of this package's checkout and whether it has changes; None outside a checkout."""
    here = Path(__file__).resolve().parents[1]
    # An installed package may be inside the checkout of another project, so this file itself has to be tracked.
    if _git(here, "ls-files", "--error-unmatch", __file__) is None:
        return None
    commit = _git(here, "rev-parse", "HEAD")
    status = _git(here, "status", "--porcelain", "--", ".")
    return None if commit is None else {"commit": commit, "dirty": bool(status)}


def peak_memory_mib() -> float:
    """Return the largest resident size of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=10
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
