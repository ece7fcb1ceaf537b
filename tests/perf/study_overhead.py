"""Measures the overhead per trial over Optuna's ask and tell, and the time to open and show a large study.

    python tests/perf/study_overhead.py [--trials 200] [--large 10000]

Trials do nothing: they are asked for, handed to a worker process, answered and told. The store is an embedded
journal file, a new one for each measurement.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna

from lstm_bench.config.study import parse_study
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.exec.devices import Device
from lstm_bench.exec.worker import Session
from lstm_bench.tune.definition import Definition
from lstm_bench.tune.driver import tune
from lstm_bench.tune.progress import TuneProgress
from lstm_bench.tune.pruning import make_pruner
from lstm_bench.tune.repository.store import Store
from lstm_bench.tune.sampling import make_sampler
from lstm_bench.tune.space import suggest

ROOT = Path(__file__).resolve().parents[2]


def nothing(payload: dict[str, Any], session: Session) -> dict[str, Any]:
    """Report one epoch and be done: the work of a worker that has none."""
    session.report({"epoch": 0, "losses": dict.fromkeys(payload["seeds"], payload["value"])})
    return {"pruned": False, "seconds": 0.0}


class Silent(TuneProgress):
    """A progress that says nothing."""

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None: ...
    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None: ...
    def ended(self, number: int, state: str, value: float | None) -> None: ...
    def note(self, text: str) -> None: ...


def definition(sampler: str) -> Definition:
    """Five parameters over the demonstration's workflow, without data."""
    config = parse_study(
        {
            "name": f"overhead-{sampler}",
            "base": "configs/demo.yaml",
            "space": {
                "hidden_size": {"int": [8, 256]},
                "num_layers": {"int": [1, 3]},
                "dropout": {"float": [0.0, 0.5]},
                "lr": {"float": [1e-4, 1e-2], "log": True},
                "batch_size": {"int": [100, 2000]},
            },
            "sampler": {"name": sampler},
            "pruner": {"name": "median"},
        }
    )
    workflow = load_workflow(ROOT / "configs" / "demo.yaml").resolved()
    return Definition(config, workflow, "0" * 64)


def value_of(config: RunConfig) -> float:
    """A smooth function of a configuration, so that samplers have something to look at."""
    kwargs = config.task.model.kwargs
    return abs(kwargs.hidden_size - 100) / 100 + abs(kwargs.dropout - 0.2) + kwargs.lr


def optuna_alone(folder: Path, study: Definition, trials: int) -> float:
    """Milliseconds a trial of ask, suggest and tell on the same kind of store."""
    store = Store(str(folder / "alone.journal"))
    store.create(study)
    one = store.study(study.config.name)
    one.sampler = make_sampler(study.config.sampler, study.config.space)
    one.pruner = make_pruner(study.config.pruner, study.config.max_epochs)
    started = time.perf_counter()
    for _ in range(trials):
        trial = one.ask()
        params = suggest(trial, study.config.space)
        one.tell(trial, value_of(study.run_config(params)))
    return (time.perf_counter() - started) / trials * 1e3


def whole_path(folder: Path, study: Definition, trials: int) -> float:
    """Milliseconds a trial through driver, worker and store; the worker's start is left out."""
    store = Store(str(folder / "whole.journal"))
    store.create(study)
    device = Device("cpu", "cpu", 1 << 34, 1)

    def run(total: int) -> float:
        started = time.perf_counter()
        tune(
            store,
            study.config.name,
            trials=total,
            devices=[device],
            slots_per_device=1,
            progress=Silent(),
            prepare=lambda config, _key: {"value": value_of(config)},
            work="study_overhead:nothing",
        )
        return time.perf_counter() - started

    start_alone = run(1)
    return (run(1 + trials) - start_alone) / trials * 1e3


def show_large(folder: Path, study: Definition, trials: int) -> float:
    """Seconds that ``study show`` takes for a large study."""
    store = Store(str(folder / "large.journal"))
    store.create(study)
    one = store.study(study.config.name)
    one.sampler = optuna.samplers.RandomSampler(seed=0)
    for number in range(trials):
        trial = one.ask()
        suggest(trial, study.config.space)
        for epoch in range(20):
            trial.report(1.0 - epoch / 50, epoch)
        trial.set_user_attr(
            "outcome", {"key": str(number), "device": "cpu", "slot": "cpu/0", "seconds": 1.0, "epochs": 20}
        )
        one.tell(trial, 1.0)
    command = [
        sys.executable,
        "-m",
        "lstm_bench",
        "study",
        "show",
        study.config.name,
        "--storage",
        str(store.path),
    ]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def open_large(path: Path, backend: str) -> float:
    """CPU seconds that opening a journal takes with Optuna's backend or with this package's."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from optuna.storages import JournalStorage\n"
        "from optuna.storages.journal import JournalFileBackend\n"
        "from lstm_bench.tune.repository.store import Store\n"
        "started = time.process_time()\n"
        "path = sys.argv[1]\n"
        "ours = sys.argv[2] == 'ours'\n"
        "storage = Store(path).storage if ours else JournalStorage(JournalFileBackend(path))\n"
        "storage.get_all_trials(0, deepcopy=False)\n"
        "print(time.process_time() - started)\n"
    )
    command = [sys.executable, "-c", program, str(path), backend]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--large", type=int, default=10_000)
    parser.add_argument("--sampler", default="tpe")
    options = parser.parse_args()
    logging.getLogger("lstm_bench").setLevel(logging.ERROR)
    study = definition(options.sampler)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = optuna_alone(folder, study, options.trials)
        whole = whole_path(folder, study, options.trials)
        print(f"{options.trials} trials, {options.sampler}, milliseconds a trial")
        print(f"Optuna alone {alone:.1f}, the whole path {whole:.1f}, the harness {whole - alone:.1f}")
        if options.large:
            print(f"study show, {options.large} trials: {show_large(folder, study, options.large):.2f} s")
            for backend in ("optuna", "ours"):
                seconds = open_large(folder / "large.journal", backend)
                print(f"opening its journal, {backend}: {seconds:.2f} s of CPU")


if __name__ == "__main__":
    main()
