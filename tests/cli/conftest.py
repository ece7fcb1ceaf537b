"""The command line, in a process of its own or in this one, and a small market for it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
    """Give the environment of a user at home in a folder, who has this session's compiled kernels."""

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


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a user, where all commands of a session leave what they make."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def market(home: Path) -> Path:
    """Give a small market."""
    synthesize(home / "market", stocks=20, days=320)
    return home / "market"


@pytest.fixture(scope="session")
def small_run(market: Path) -> list[object]:
    """Give the arguments of a run that takes a moment."""
    overrides = [argument for override in SMALL for argument in ("--set", override)]
    return ["run", CONFIGS / "lstm_alpha158.yaml", "--provider-uri", market, *overrides]


@pytest.fixture(scope="session")
def start(home: Path, environment: Environment) -> Callable[..., subprocess.Popen[str]]:
    """Start a command of the user's."""

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
def lstm_bench(start: Callable[..., subprocess.Popen[str]]) -> Run:
    """Run a command of the user's, in a process of its own."""

    def run(*arguments: object) -> Done:
        with start(*arguments) as process:
            out, err = process.communicate()
        return Done(process.args, process.returncode, out, err)

    return run


@pytest.fixture
def here(
    tmp_path: Path,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in this process, in a folder of the test's own."""
    logger = logging.getLogger("lstm_bench")
    monkeypatch.setattr(logger, "handlers", logger.handlers)
    monkeypatch.setattr(logger, "propagate", logger.propagate)
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.chdir(tmp_path)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["lstm-bench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Done([str(argument) for argument in arguments], int(ended.value.code or 0), out, err)

    return run


@pytest.fixture(scope="session")
def study_file(home: Path) -> Path:
    """Give a study of two seeds and two epochs."""
    path = home / "studies" / "tiny.yaml"
    path.parent.mkdir()
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tuned(lstm_bench: Run, market: Path, study_file: Path) -> Done:
    """Give what ``tune --json`` said of the study ``tiny``, which has three complete trials from then on."""
    made = lstm_bench("study", "create", "tiny", "--provider-uri", market)
    assert made.returncode == 0, made.stderr
    done = lstm_bench("tune", "--study", "tiny", "--devices", "cpu", "--slots-per-device", 2, "--json")
    assert done.returncode == 0, done.stderr
    return done
