"""Workers and drivers as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from lstm_bench.exec.devices import Device

PATIENCE_SECONDS = 60.0

FOUR = [Device(f"fake:{index}", f"cpu:{index}", 1 << 34, 2) for index in range(4)]

DRIVER = """
import sys
import time
from pathlib import Path
from tests.lab import Lab
from optuna import Study

ask = Study.ask

def slowly(study, *arguments):
    time.sleep(0.1)  # whoever counts now, counts too few
    return ask(study, *arguments)

Study.ask = slowly

folder, location, trials, slots, executor, work, mishap = sys.argv[1:]
if __name__ == "__main__":
    lab = Lab(Path(folder), location)
    lab.payload = {"slots": int(slots)}
    if mishap:
        lab.mishaps = dict.fromkeys(range(1, 401), [(mishap, 1)])
    lab.tune(int(trials), executor=executor, work=work)
"""


def until(true: Any) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Start drivers, which are ended with the test."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    drivers: list[subprocess.Popen[str]] = []

    def starting(
        lab: Any,
        trials: int,
        *,
        slots: int = 1,
        executor: str = "inline",
        work: str = "tests.jobs:follow",
        mishap: str = "",
    ) -> subprocess.Popen[str]:
        arguments = [str(lab.log_path.parent), lab.location, str(trials), str(slots), executor, work, mishap]
        drivers.append(
            subprocess.Popen(
                [sys.executable, str(script), *arguments], stderr=subprocess.PIPE, text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        )  # fmt: skip
        return drivers[-1]

    yield starting
    for driver in drivers:
        driver.kill()
        driver.wait()
        if driver.stderr is not None:
            driver.stderr.close()


def test_four_devices_are_all_at_work_and_none_is_held_twice(lab: Any) -> None:
    """Each of the first jobs ends only when there are four at once."""
    lab.create(sampler={"name": "qmc"})
    lab.payload["slots"] = 4
    rows = lab.tune(12, devices=FOUR, executor="local", work="tests.jobs:gather").trials
    assert [row.state for row in rows] == ["complete"] * 12
    for row in rows:  # what the worker says that it opened, against what it was assigned
        assert (row.device, row.slot) in [(device.opens, f"{device.name}/0") for device in FOUR]
    assert {row.device for row in rows} == {device.opens for device in FOUR}

    events: dict[str, list[str]] = defaultdict(list)
    workers: dict[str, set[int]] = defaultdict(set)
    entries = [entry for entry in lab.log_entries() if entry["event"] in ("begin", "end")]
    for entry in entries:
        events[entry["device"]].append(entry["event"])
        workers[entry["device"]].add(entry["process"])
    assert all(names == ["begin", "end"] * (len(names) // 2) for names in events.values())
    assert all(len(processes) == 1 for processes in workers.values())
    assert [entry["event"] for entry in entries[:4]] == ["begin"] * 4


def test_a_worker_that_is_killed_is_replaced_and_its_trial_tried_again(lab: Any) -> None:
    lab.create(hidden=[8, 9], max_retries=0)
    lab.mishaps = {8: [("kill", 1)]}
    row, other = lab.tune(2, executor="local").trials
    assert (row.state, row.value, row.attempts) == ("complete", 8.0, 1)
    assert row.error == "its worker was lost: killed by signal 9"
    assert other.state == "complete"
    assert lab.begun() == [8, 8, 9]
    assert not [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


def test_a_killed_drivers_worker_ends_and_its_trial_goes_on(lab: Any, start: Any) -> None:
    lab.create(hidden=[8, 9])
    driver = start(lab, 2, executor="local", mishap="hang")
    until(lambda: lab.epochs(8) == [0])
    (worker,) = [entry["process"] for entry in lab.log("begin")]
    assert worker != driver.pid
    assert psutil.pid_exists(worker)
    driver.send_signal(signal.SIGKILL)
    driver.wait()

    def is_gone() -> bool:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(worker).status() == psutil.STATUS_ZOMBIE
        return True

    until(is_gone)
    assert lab.states() == ["interrupted", "queued"]
    rows = lab.tune(2).trials
    assert [(row.state, row.value, list(row.epoch_values)) for row in rows] == [
        ("complete", 8.0, [0, 1, 2]),
        ("complete", 9.0, [0, 1, 2]),
    ]


@pytest.mark.parametrize("store", ["store.journal", "sqlite"])
def test_two_drivers_share_a_total(make_lab: Any, start: Any, tmp_path: Path, store: str) -> None:
    """Their first jobs wait for each other, so that both take part; in step, they would end with one too many."""
    location = f"sqlite:///{tmp_path}/store.db" if store == "sqlite" else str(tmp_path / store)
    lab = make_lab("lab", location)
    lab.create(sampler={"name": "qmc"})
    drivers = [start(lab, 7, slots=2, work="tests.jobs:gather") for _ in range(2)]
    for driver in drivers:
        _, errors = driver.communicate(timeout=PATIENCE_SECONDS)
        assert driver.returncode == 0, errors
    rows = lab.rows()
    assert [row.number for row in rows] == list(range(7))
    assert [row.state for row in rows] == ["complete"] * 7
    assert len({entry["process"] for entry in lab.log("begin")}) == 2
    trained = [row.params["hidden_size"] for row in rows if row.duplicate_of is None]
    assert sorted(lab.begun()) == sorted(trained)
    assert len(lab.log("end")) == len(trained)
