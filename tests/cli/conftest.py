"""Commands, run in this process or in their own, and a small market and a tuned study for them."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from filelock import FileLock

from lstm_bench.cli.app import main
from lstm_bench.core.kernel import cache_folder
from lstm_bench.data.synthetic import synthesize

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = [
    "task.dataset.kwargs.segments={train: [2019-07-20, 2020-04-01], valid: [2020-04-02, 2020-06-10], "
    "test: [2020-06-11, 2020-09-29]}",
    "data_handler_config.start_time=2019-07-20",
    "data_handler_config.end_time=2020-09-30",
    "data_handler_config.fit_start_time=2019-07-20",
    "data_handler_config.fit_end_time=2020-04-01",
    "portfolio.backtest.start_time=2020-06-11",
    "portfolio.backtest.end_time=2020-09-29",
    "task.model.kwargs.hidden_size=4",
    "task.model.kwargs.n_epochs=1",
    "task.model.kwargs.batch_size=100",
]
STUDY = f"""\
base: {CONFIGS / "lstm_alpha158.yaml"}
features: alpha158
set:
  lstm_bench.compat: none
  task.model.kwargs.batch_size: 100
space:
  hidden_size: {{choices: [4, 8]}}
  lr: {{float: [1e-3, 1e-2], log: true}}
seeds: [7, 8]
sampler: {{name: random}}
pruner: {{name: none}}
trials: 3
max_epochs: 2
"""

Done = subprocess.CompletedProcess[str]
Environment = Callable[[Path], dict[str, str]]
Run = Callable[..., Done]


@pytest.fixture(scope="session")
def environment() -> Environment:
    """Give the environment of a user whose home is a folder, with this session's compiled kernels."""

    def of(home: Path) -> dict[str, str]:
        own = {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "LSTM_BENCH_CACHE": str(home / ".cache" / "datasets"),
            "COLUMNS": "120",
            "OMP_NUM_THREADS": "1",
        }
        folder = cache_folder()
        return os.environ | own | ({} if folder is None else {"NUMBA_CACHE_DIR": str(folder.parent)})

    return of


def call(folder: Path, environment: dict[str, str], *arguments: object) -> Done:
    """Run a command in this process, in a folder and an environment, as a separate process would."""
    logger = logging.getLogger("lstm_bench")
    before = logger.handlers, logger.propagate, logger.level
    words, out, err = [str(argument) for argument in arguments], io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "argv", ["lstm-bench", *words]),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    logger.handlers, logger.propagate, logger.level = before
    return Done(words, int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Build a folder once for all of xdist's workers; tests copy what they change."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def build_once(name: str, build: Callable[[Path], object]) -> Path:
        done = shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                build(shared / name)
                done.touch()
        return shared / name

    return build_once


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of a user, with the files that the commands of a session write."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def market(built: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Give a small market."""
    return built("market", lambda folder: synthesize(folder, stocks=20, days=320))


@pytest.fixture(scope="session")
def small_run(market: Path) -> list[object]:
    """Give the arguments of a run that takes a moment."""
    overrides = [argument for override in SMALL for argument in ("--set", override)]
    return ["run", CONFIGS / "lstm_alpha158.yaml", "--provider-uri", market, *overrides]


@pytest.fixture(scope="session")
def start(home: Path, environment: Environment) -> Callable[..., subprocess.Popen[str]]:
    """Start a user's command in a separate process."""

    def begin(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "lstm_bench", *map(str, arguments)],
            cwd=home, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
            # a job in the background passes on that SIGINT is ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    return begin


@pytest.fixture(scope="session")
def process(start: Callable[..., subprocess.Popen[str]]) -> Run:
    """Run a user's command in a separate process, for exit codes, tracebacks and start-up time."""

    def run(*arguments: object) -> Done:
        with start(*arguments) as process:
            out, err = process.communicate()
        return Done(process.args, process.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def lstm_bench(home: Path, environment: Environment) -> Run:
    """Run a command of the user's in this process."""

    def run(*arguments: object) -> Done:
        return call(home, environment(home), *arguments)

    return run


@pytest.fixture
def here(tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, in a folder of the test's own, where the test runs as well."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Done:
        return call(tmp_path, {}, *arguments)

    return run


@pytest.fixture(scope="session")
def study_file(home: Path) -> Path:
    """Give a study of two seeds and two epochs."""
    path = home / "studies" / "tiny.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tuned(
    home: Path, market: Path, environment: Environment, built: Callable[[str, Callable[[Path], object]], Path]
) -> Done:
    """Give what ``tune --json`` printed of the study ``tiny``, which is in the user's store with three trials."""

    def build(folder: Path) -> None:
        (folder / "studies").mkdir(parents=True)
        (folder / "studies" / "tiny.yaml").write_text(STUDY, encoding="utf-8")
        made = call(folder, environment(folder), "study", "create", "tiny", "--provider-uri", market)
        assert made.returncode == 0, made.stderr
        tune = ("tune", "--study", "tiny", "--devices", "cpu", "--slots-per-device", 2, "--json")
        done = call(folder, environment(folder), *tune)
        assert done.returncode == 0, done.stderr
        (folder / "tune.json").write_text(json.dumps([done.args, 0, done.stdout, done.stderr]))

    folder = built("tuned", build)
    assert not (home / "studies" / "store.journal").exists()  # nothing may use the store before
    shutil.copytree(folder, home, dirs_exist_ok=True)
    return Done(*json.loads((folder / "tune.json").read_text()))
