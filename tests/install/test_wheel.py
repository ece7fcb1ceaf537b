"""The wheel by itself: built, installed into an empty environment, and used from a folder that is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *constraints, wheel], check=True)
    return python.parent / "lstm-bench"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


def call(command: Path, folder: Path, *arguments: str) -> str:
    own = {"LSTM_BENCH_CACHE": str(folder / "cache"), "LSTM_BENCH_STORAGE": str(folder / "store.journal")}
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    result = subprocess.run(
        [command, *arguments], cwd=folder, env=kept | own, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{arguments}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def test_the_command_tells_its_version(installed: Path, elsewhere: Path) -> None:
    assert call(installed, elsewhere, "--version").startswith("lstm-bench 0.")


def test_a_ready_study_and_a_run_need_no_checkout(installed: Path, elsewhere: Path) -> None:
    call(installed, elsewhere, "data", "synth", "market", "--stocks", "30", "--days", "3327")
    call(installed, elsewhere, "study", "create", "demo", "--provider-uri", "market")
    assert "demo" in call(installed, elsewhere, "study", "list")
    workflow = next(
        (installed.parents[1] / "lib").glob("python*/site-packages/lstm_bench/ready/configs/demo.yaml")
    )
    options = ["--provider-uri", "market", "--set", "task.model.kwargs.n_epochs=1", "--json"]
    answer = json.loads(call(installed, elsewhere, "run", str(workflow), *options))
    assert answer["computed"]
    assert (elsewhere / answer["record"] / "provenance.json").is_file()
