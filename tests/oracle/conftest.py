"""Fixtures of the oracle tests: an interpreter that has pyqlib, and a function that runs a script in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"

AskOracle = Callable[..., Path]


@pytest.fixture(scope="session")
def oracle_python() -> str:
    """Interpreter that has pyqlib; tests that use it are skipped if there is none."""
    python = os.environ.get("LSTM_BENCH_ORACLE_PYTHON")
    if not python:
        pytest.skip("LSTM_BENCH_ORACLE_PYTHON names no interpreter with pyqlib")
    return python


@pytest.fixture
def ask_oracle(oracle_python: str, tmp_path: Path) -> AskOracle:
    """Run ``tests/oracle/<script> *arguments OUT`` with pyqlib and return ``OUT``, a new folder.

    The scripts know nothing of this package: they get a Qlib folder and leave Parquet and JSON.
    """

    def ask(script: str, *arguments: str | Path) -> Path:
        out = tmp_path / f"oracle-{Path(script).stem}"
        out.mkdir()
        done = subprocess.run(
            [oracle_python, HERE / script, *arguments, out],
            cwd=tmp_path,
            env=os.environ | {"MLFLOW_ALLOW_FILE_STORE": "true", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return out

    return ask
