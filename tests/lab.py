"""Studies whose trials follow a script: no data, no training."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import parse_study
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.exec.devices import Device, SlotTable
from lstm_bench.tune.definition import Definition
from lstm_bench.tune.driver import TuneResult, tune
from lstm_bench.tune.jobs import TrialJobs
from lstm_bench.tune.progress import TuneProgress
from lstm_bench.tune.repository.store import Store
from lstm_bench.tune.trials import TrialRow

ROOT = str(Path(__file__).parents[1])
DEAD = f"{platform.node()}:{2**22 + 1}:1.00"  # a driver beyond what a system numbers
CPU = Device("cpu", "cpu", 1 << 34, 2)
SPACE: dict[str, Any] = {"hidden_size": {"int": [1, 400]}}


class Heard(TuneProgress):
    """A progress that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def began(self, number: int, slot: str, params: Mapping[str, Any]) -> None:
        self.events.append(("began", number, slot))

    def epoch(self, number: int, slot: str, epoch: int, value: float) -> None:
        self.events.append(("epoch", number, epoch, value))

    def ended(self, number: int, state: str, value: float | None) -> None:
        self.events.append(("ended", number, state))

    def note(self, text: str) -> None:
        self.events.append(("note", text))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [event[1:] for event in self.events if event[0] == kind]


class Lab:
    """A store, a study in it, and the scripts of its trials, which ``hidden_size`` names."""

    def __init__(self, folder: Path, location: str | None = None) -> None:
        self.log_path = folder / "log.jsonl"
        self.location = location or str(folder / "store.journal")
        self.stores: list[Store] = []
        self.store = self.open()
        self.heard = Heard()
        self.losses: dict[int, Any] = {}
        self.mishaps: dict[int, list[tuple[str, int]]] = {}
        self.payload: dict[str, Any] = {}
        self.value_of: Callable[[Any], float] = lambda kwargs: float(kwargs.hidden_size)

    def open(self) -> Store:
        """As another process would."""
        self.stores.append(Store(self.location))
        return self.stores[-1]

    def close(self) -> None:
        for store in self.stores:
            if "storage" in vars(store) and isinstance(store.storage, optuna.storages.RDBStorage):
                store.storage.engine.dispose()

    def define(self, name: str = "s", hidden: Sequence[int] = (), **content: Any) -> Definition:
        """``hidden``: values of the first trials; the first one is the default."""
        plain = {
            "name": name, "base": "demo.yaml", "space": SPACE, "seeds": [1000, 1001], "max_epochs": 3,
            "sampler": {"name": "random"}, "pruner": {"name": "none"},
            "enqueue": [{"hidden_size": size} for size in hidden[1:]],
        }  # fmt: skip
        overrides = [f"task.model.kwargs.hidden_size={hidden[0]}"] if hidden else []
        workflow = load_workflow(ready_folder("configs") / "demo.yaml", overrides).resolved()
        return Definition(parse_study({**plain, **content}), workflow, "0" * 64)

    def create(self, name: str = "s", hidden: Sequence[int] = (), **content: Any) -> Definition:
        definition = self.define(name, hidden, **content)
        assert self.store.create(definition)
        return definition

    def prepare(self, config: RunConfig, key: str) -> dict[str, Any]:
        size = config.task.model.kwargs.hidden_size
        value = self.value_of(config.task.model.kwargs)
        losses = self.losses.get(size, [value + 1.0, value + 0.5, value])
        if isinstance(losses, list):
            losses = dict.fromkeys((1000, 1001), losses)
        return {
            "log": str(self.log_path), "name": str(size), "losses": losses,
            "mishaps": self.mishaps.get(size, []), **self.payload,
        }  # fmt: skip

    def tune(self, trials: int | None = None, name: str = "s", **options: Any) -> TuneResult:
        self.store = self.open()
        usual: dict[str, Any] = {
            "devices": [CPU],
            "slots_per_device": 1,
            "executor": "inline",
            "work": "tests.jobs:follow",
        }
        chosen = usual | options
        return tune(self.store, name, trials=trials, progress=self.heard, prepare=self.prepare, **chosen)

    def jobs(self, total: int, name: str = "s") -> tuple[TrialJobs, SlotTable]:
        """A source of jobs without a dispatcher."""
        slots = SlotTable([CPU], 1)
        store = self.open()
        source = TrialJobs(
            store,
            name,
            slots,
            total=total,
            prepare=self.prepare,
            progress=self.heard,
            work="tests.jobs:follow",
        )
        return source, slots

    def orphan(self, driver: str | None = DEAD) -> None:
        """Make all running trials another driver's."""
        storage = self.store.storage
        for trial in self.store.trials("s"):
            if trial.state.name == "RUNNING":
                storage.set_trial_user_attr(trial._trial_id, "driver", driver)

    def work(self, total: int, *, reports: int | None = None, trials: int | None = None) -> bool:
        """Act as driver and worker for a number of new epochs, or trials; return whether the study is complete."""
        source, slots = self.jobs(total)
        (slot,) = slots.free
        done = 0
        while done != trials and (job := source.claim(slot)) is not None:
            source.started(job, slot)
            known, pruned = source._running[job.key].known_epochs, False
            losses = {int(seed): curve for seed, curve in job.payload["losses"].items()}
            for epoch in range(max(map(len, losses.values()))):
                now = {seed: curve[epoch] for seed, curve in losses.items() if epoch < len(curve)}
                pruned = not source.reported(job, slot, {"epoch": epoch, "losses": now})
                if reports is not None and epoch - known + 1 == reports:
                    return False
                if pruned:
                    break
            source.finished(job, slot, {"pruned": pruned, "seconds": 0.0})
            done += 1
        return done != trials

    def trials(self, name: str = "s") -> list[optuna.trial.FrozenTrial]:
        return self.open().trials(name)

    def rows(self, name: str = "s") -> list[TrialRow]:
        return self.open().rows(name)

    def states(self, name: str = "s") -> list[str]:
        return [row.state for row in self.rows(name)]

    def log(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.log_entries() if entry["event"] == event]

    def log_entries(self) -> list[dict[str, Any]]:
        if not self.log_path.exists():
            return []
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def begun(self) -> list[int]:
        return [int(entry["name"]) for entry in self.log("begin")]

    def epochs(self, size: int) -> list[int]:
        return [entry["epoch"] for entry in self.log("epoch") if entry["name"] == str(size)]


@pytest.fixture(autouse=True)
def jobs_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)  # spawned workers inherit the path
    monkeypatch.setenv("PYTHONPATH", ROOT, prepend=os.pathsep)


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Any]:
    """Labs in folders of their own, or on a store that is given."""
    made: list[Lab] = []

    def make(name: str, location: str | None = None, **attributes: Any) -> Lab:
        folder = tmp_path / name
        folder.mkdir()
        made.append(Lab(folder, location))
        vars(made[-1]).update(attributes)
        return made[-1]

    yield make
    for lab in made:
        lab.close()


@pytest.fixture
def lab(make_lab: Any) -> Lab:
    one: Lab = make_lab("lab")
    return one
