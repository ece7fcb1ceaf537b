"""Drivers that stop or die, and continuation by the next one."""

from __future__ import annotations

import json
import math
import platform
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from lstm_bench.tune import liveness
from lstm_bench.tune.training import train_trial

DEAD = f"{platform.node()}:{2**22 + 1}:1.00"  # beyond what a system numbers


def test_an_interrupted_trial_goes_on_under_its_number(lab: Any) -> None:
    lab.create()
    lab.tune(2)
    third = lab.tune(3).trials[2].params["hidden_size"]
    for entry in (4, 5):
        lab.mishaps = {size: [("interrupt", 1)] for size in range(1, 401)}
        result = lab.tune(entry)
        assert result.interrupted
        assert [row.state for row in result.trials] == ["complete"] * (entry - 1) + ["interrupted"]
        proposed = result.trials[-1].params
        lab.mishaps = {}
        again = lab.tune(entry)
        assert not again.interrupted
        assert [row.state for row in again.trials] == ["complete"] * entry
        assert again.trials[-1].params == proposed
        assert list(again.trials[-1].epoch_values) == [0, 1, 2]
    assert lab.begun().count(third) == 1


@pytest.mark.parametrize("driver", [DEAD, None, f"{platform.node()}:1:12.00", "elsewhere:7:12.00"])
def test_a_dead_drivers_trial_is_taken_up(lab: Any, driver: str | None) -> None:
    lab.create(hidden=[8, 9])
    source, slots = lab.jobs(2)
    assert source.claim(slots.free[0]) is not None
    lab.orphan(driver)
    assert lab.states() == ["interrupted", "queued"]
    rows = lab.tune(2).trials
    assert [(row.number, row.state, row.value) for row in rows] == [
        (0, "complete", 8.0),
        (1, "complete", 9.0),
    ]
    assert lab.begun() == [8, 9]


@pytest.mark.parametrize("where", ["here", "this process", "elsewhere"])
def test_a_living_drivers_trial_is_left_alone(lab: Any, where: str) -> None:
    lab.create(hidden=[8, 9])
    source, slots = lab.jobs(2)
    assert source.claim(slots.free[0]) is not None
    init = psutil.Process(1)
    if where == "here":
        lab.orphan(f"{platform.node()}:1:{init.create_time():.2f}")
    if where == "elsewhere":
        lab.orphan("elsewhere:7:12.00")
        lab.store.study("s").set_user_attr(*liveness.beat("elsewhere:7:12.00"))
    rows = lab.tune(2).trials
    assert [row.state for row in rows] == ["running", "complete"]
    assert lab.begun() == [9]


def test_a_driver_elsewhere_is_dead_two_minutes_after_its_last_beat() -> None:
    name, (key, now) = "elsewhere:7:12.00", liveness.beat("elsewhere:7:12.00")
    assert liveness.is_alive(name, {key: now - 60})
    assert not liveness.is_alive(name, {key: now - 130})
    assert not liveness.is_alive(name, {})
    assert liveness.is_alive(liveness.this_driver(), {})
    host, process, started = liveness.this_driver().rsplit(":", 2)
    assert not liveness.is_alive(f"{host}:{process}:{float(started) - 100:.2f}", {})


def test_a_driver_beats(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.create(hidden=[8])
    before = time.time()
    lab.tune(1)
    beats = lab.store.study("s").user_attrs
    assert beats[f"driver {liveness.this_driver()}"] >= before


def test_retries_are_counted_over_drivers(lab: Any) -> None:
    lab.create(hidden=[8], max_retries=1)
    lab.mishaps = {8: [("raise", 0), ("interrupt", 1), ("raise", 0)]}
    assert lab.tune(1).trials[0].state == "interrupted"
    (row,) = lab.tune(1).trials
    assert (row.state, row.attempts) == ("failed", 2)


PRUNERS: list[dict[str, Any]] = [
    {"name": "median", "startup_trials": 2, "warmup_epochs": 1},
    {"name": "percentile", "startup_trials": 2, "warmup_epochs": 0, "percentile": 40.0},
    {"name": "halving", "reduction_factor": 2},
    {"name": "hyperband", "reduction_factor": 2},
    {"name": "wilcoxon", "warmup_epochs": 1, "p_threshold": 0.3},
    {"name": "median", "startup_trials": 2, "warmup_epochs": 0, "patience": 2},
]


@pytest.mark.parametrize("pruner", PRUNERS, ids=lambda pruner: pruner["name"])
def test_drivers_that_die_after_every_epoch_end_as_one_that_lives(
    make_lab: Any, pruner: dict[str, Any]
) -> None:
    """The last thing that each does is to judge an epoch; its worker never receives the answer."""
    sizes = [20, 30, 10, 25, 40, 5, 35, 15]

    def outcomes(name: str, *, disturbed: bool) -> list[Any]:
        lab = make_lab(name)
        lab.create(hidden=sizes, pruner=pruner, max_epochs=6)
        for size in sizes:
            curve = [size * (1 + math.cos(size + epoch) / 3) + 1 / (1 + epoch) for epoch in range(6)]
            lab.losses[size] = {1000: curve, 1001: [loss + 0.1 for loss in curve]}
        drivers = 0
        while not lab.work(len(sizes), reports=1 if disturbed else None):
            lab.orphan()
            drivers += 1
        assert (drivers > 20) is disturbed
        return [(row.number, row.state, row.value, row.params, row.epoch_values) for row in lab.rows()]

    undisturbed = outcomes("one", disturbed=False)
    assert {state for _, state, *_ in undisturbed} == {"complete", "pruned"}
    assert outcomes("many", disturbed=True) == undisturbed


class LoggingSession:
    """A session that logs its reports, and stops at an epoch."""

    def __init__(self, last: int = 99) -> None:
        self.epochs: list[dict[str, Any]] = []
        self._last = last

    def report(self, values: dict[str, Any]) -> bool:
        self.epochs.append(values)
        return bool(values["epoch"] < self._last)


def keep(path: Path, losses: dict[str, list[float | None]]) -> dict[str, Any]:
    path.write_text(
        json.dumps(
            {
                "losses": losses, "train_losses": losses, "status": dict.fromkeys(losses, "completed"),
                "pruned": False, "seconds": 7.0, "peak_bytes": 1, "replayed": False, "training_path": "sharded",
            }
        )
    )  # fmt: skip
    return {"outcome": str(path)}


def test_a_finished_training_is_told_again_and_not_done_again(tmp_path: Path) -> None:
    payload = keep(tmp_path / "outcome.json", {"7": [3.0, 2.0, 1.0], "8": [3.0, None]})
    session = LoggingSession()
    result = train_trial(payload, session)  # type: ignore[arg-type]
    assert [sorted(epoch["losses"]) for epoch in session.epochs] == [[7, 8], [7, 8], [7]]
    assert math.isnan(session.epochs[1]["losses"][8])
    assert (result["replayed"], result["pruned"], result["seconds"]) == (True, False, 7.0)
    assert result["training_path"] == "cpu"  # the name of what the file of an earlier version calls sharded

    cut = train_trial(payload, LoggingSession(last=1))  # type: ignore[arg-type]
    assert (cut["pruned"], cut["losses"][7]) == (True, [3.0, 2.0])


def test_what_a_driver_had_no_time_to_note_is_taken_from_the_outcome(lab: Any, tmp_path: Path) -> None:
    """Trials that trained to their end are replayed, and pruned where they would have been."""
    lab.create(
        hidden=[1, 2, 300], max_epochs=4, pruner={"name": "median", "startup_trials": 2, "warmup_epochs": 1}
    )

    def prepare(config: Any, _key: str) -> dict[str, Any]:
        size = config.task.model.kwargs.hidden_size
        curve = [size + 1.0 - epoch for epoch in range(4)]
        return keep(tmp_path / f"{size}.json", {"1000": curve, "1001": curve})

    lab.prepare = prepare
    source, slots = lab.jobs(1)  # a driver heard two epochs of the first
    job = source.claim(slots.free[0])
    source.started(job, slots.slots[0])
    for epoch in (0, 1):
        losses = dict.fromkeys((1000, 1001), 2.0 - epoch)
        assert source.reported(job, slots.slots[0], {"epoch": epoch, "losses": losses})
    lab.orphan()
    rows = lab.tune(3, work=None).trials  # there is nothing to train with
    assert [row.state for row in rows] == ["complete", "complete", "pruned"]
    assert [list(row.epoch_values) for row in rows] == [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1]]
    assert rows[0].value == -1.0
