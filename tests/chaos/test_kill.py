"""Drivers and workers killed at random moments: nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lstm_bench.config.study import parse_study
from lstm_bench.data.synthetic import synthesize
from lstm_bench.tune.definition import Definition
from lstm_bench.tune.repository.store import Store
from lstm_bench.tune.trials import TrialRow, best_trial

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TRIALS, KILLS = 30, 20

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Definition:
    market = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(market, stocks=40, days=3327, seed=0)
    config = parse_study(
        {
            "name": "killed",
            "base": "configs/demo.yaml",
            "set": {
                "lstm_bench.compat": "none",
                "data_handler_config.start_time": "2013-07-01",
                "data_handler_config.fit_start_time": "2014-01-01",
                "task.dataset.kwargs.segments.train": ["2014-01-01", "2014-12-31"],
                "task.dataset.kwargs.segments.valid": ["2016-01-01", "2016-12-31"],
            },
            "space": {
                "hidden_size": {"choices": [8, 16, 32]},
                "num_layers": {"int": [1, 2]},
                "dropout": {"float": [0.0, 0.5], "when": {"num_layers": [2]}},
                "lr": {"float": [1e-4, 1e-2], "log": True},
                "step_len": {"choices": [5, 10, 20]},
            },
            "seeds": [1000, 1001],
            "sampler": {"name": "tpe", "seed": 3, "startup_trials": 6},
            "pruner": {"name": "median", "startup_trials": 4, "warmup_epochs": 1},
            "max_epochs": 5,
            "trials": TRIALS,
        }
    )
    return Definition.of(config, ROOT, provider_uri=str(market))


def start(folder: Path) -> subprocess.Popen[bytes]:
    arguments = [folder / "store.journal", "killed", TRIALS, folder / "results", folder / "trace"]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "LSTM_BENCH_CACHE": str(folder / "cache")}
    command = [sys.executable, str(HERE / "traced.py"), *map(str, arguments)]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def wait_for_lines(driver: subprocess.Popen[bytes], journal: Path, lines: int) -> bool:
    """Wait until the driver has written a number of lines; False if it ended before."""
    before = journal.read_bytes().count(b"\n")
    while journal.read_bytes().count(b"\n") < before + lines:
        if driver.poll() is not None:
            return False
        time.sleep(0.01)
    return True


def rows(folder: Path) -> list[TrialRow]:
    return Store(str(folder / "store.journal")).rows("killed")


def kill_something(driver: subprocess.Popen[bytes], draw: random.Random) -> str:
    """Kill the driver or one of its workers; return which."""
    workers = [
        child for child in psutil.Process(driver.pid).children() if "spawn_main" in " ".join(child.cmdline())
    ]
    if workers and draw.random() < 0.5:
        with suppress(psutil.NoSuchProcess):
            draw.choice(workers).kill()
        return "worker"
    driver.kill()
    driver.wait()
    return "driver"


def test_killed_at_random_moments(definition: Definition, tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    for folder in (calm, wild):
        folder.mkdir()
        Store(str(folder / "store.journal")).create(definition)
    assert start(calm).wait() == 0, (calm / "log").read_text()

    draw = random.Random(int(os.environ.get("LSTM_BENCH_CHAOS_SEED", "0")))
    killed: list[str] = []
    driver = start(wild)
    while len(killed) < KILLS:
        # some kills fall into a start, most of them anywhere in the work
        going = wait_for_lines(driver, wild / "store.journal", draw.choice([0, *range(1, 16)]))
        time.sleep(draw.uniform(0.0, 0.5))
        if not going or driver.poll() is not None:
            break  # done before its twentieth death
        killed.append(kill_something(driver, draw))
        if killed[-1] == "driver":
            driver = start(wild)
    assert driver.wait() == 0, (wild / "log").read_text()
    print(f"killed: {killed.count('driver')} drivers, {killed.count('worker')} workers")

    undisturbed, disturbed = rows(calm), rows(wild)
    assert [row.number for row in disturbed] == list(range(TRIALS))
    assert {row.state for row in disturbed} <= {"complete", "pruned"}
    for one, other in zip(undisturbed, disturbed, strict=True):
        assert (one.state, one.params, one.value, one.epoch_values) == (
            other.state, other.params, other.value, other.epoch_values,
        ), one.number  # fmt: skip
    assert best_trial(disturbed) is not None
    trained = (wild / "trace").read_text().split()
    assert len(trained) == len(set(trained)), "a configuration was trained again after it was complete"
    outcomes = list((wild / "results" / "killed" / "search").glob("*.json"))
    assert {path.stem for path in outcomes} >= set(trained)
    for path in outcomes:
        assert json.loads(path.read_text())["losses"]
    assert len(killed) >= KILLS, f"the study ended after {len(killed)} kills: make it longer"
