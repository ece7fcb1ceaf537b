"""Tuning by script: what becomes of trials, one at a time in a thread of this process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import pytest

from lstm_bench.core.errors import ConfigError, DataError, RunError
from lstm_bench.exec import dispatch
from lstm_bench.exec.devices import Device, Slot
from lstm_bench.exec.local import InlineExecutor
from lstm_bench.tune import driver
from lstm_bench.tune.jobs import TrialJobs
from lstm_bench.tune.repository.store import Store
from lstm_bench.tune.scheduler import diverged_message
from lstm_bench.tune.trials import best_trial

MEDIAN = {"name": "median", "startup_trials": 2, "warmup_epochs": 1}
NAN = math.nan


def test_the_default_is_first_then_what_is_enqueued_then_the_samplers(lab: Any) -> None:
    lab.create(hidden=[64, 7, 9])
    rows = lab.tune(5).trials
    assert [row.origin for row in rows] == ["default", "enqueued", "enqueued", "sampler", "sampler"]
    assert [row.params["hidden_size"] for row in rows[:3]] == lab.begun()[:3] == [64, 7, 9]
    assert [row.state for row in rows] == ["complete"] * 5
    assert not rows[0].moved


def test_a_default_outside_the_space_is_moved_and_marked(lab: Any) -> None:
    lab.create(hidden=[64], space={"hidden_size": {"choices": [16, 50]}})
    (row,) = lab.tune(1).trials
    assert (row.params, row.moved) == ({"hidden_size": 50}, {"hidden_size": 64})


def test_a_value_is_the_mean_over_seeds_of_the_best_epochs(lab: Any) -> None:
    lab.create(hidden=[5])
    lab.losses[5] = {1000: [4.0, 1.0, 2.0], 1001: [2.5, 3.0]}  # the second one stopped early
    (row,) = lab.tune(1).trials
    assert row.value == (1.0 + 2.5) / 2
    assert row.epoch_values == {0: 3.25, 1: 2.0, 2: (2.0 + 2.5) / 2}
    assert (row.device, row.slot, row.seconds) == ("cpu", "cpu/0", 0.25)
    assert lab.log("begin")[0]["seeds"] == [1000, 1001]


def test_a_total_stays_a_total_and_more_adds(lab: Any) -> None:
    lab.create(trials=3)
    assert len(lab.tune(2).trials) == 2
    assert len(lab.tune(2).trials) == 2
    assert len(lab.tune().trials) == 3  # the definition's
    assert len(lab.tune(more=2).trials) == 5
    assert len(lab.begun()) == 5
    with pytest.raises(ConfigError, match="give one of them"):
        lab.tune(7, more=1)


def test_trials_are_counted_and_taken_in_one_hold_of_the_lock(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or two drivers would count the same and each take the last one."""
    lab.create()
    source, _ = lab.jobs(1)
    happened: list[str] = []

    @contextmanager
    def exclusive(_store: Store, name: str) -> Iterator[None]:
        happened.append(f"lock {name}")
        yield
        happened.append("release")

    for function in (optuna.Study.get_trials, optuna.Study.ask):
        monkeypatch.setattr(optuna.Study, function.__name__, noting(function, happened))
    monkeypatch.setattr(Store, "exclusive", exclusive)
    assert source._take() is not None
    assert happened[0] == "lock s"
    assert happened[-2:] == ["ask", "release"]
    assert happened.count("release") == 1


def noting(function: Any, happened: list[str]) -> Any:
    def noted(*arguments: Any, **keywords: Any) -> Any:
        happened.append(function.__name__)
        return function(*arguments, **keywords)

    return noted


def test_a_pruned_trial_ends_at_the_pruning_epoch(lab: Any) -> None:
    lab.create(hidden=[1, 2, 300], pruner=MEDIAN, max_epochs=10)
    for size in (1, 2, 300):
        lab.losses[size] = [size - epoch / 100 for epoch in range(10)]
    pruned = lab.tune(3).trials[2]
    assert pruned.state == "pruned"
    assert list(pruned.epoch_values) == [0, 1]
    assert lab.epochs(300) == [0, 1]  # and its worker went no further
    assert pruned.value == pruned.epoch_values[1] == 300 - 0.01
    assert lab.epochs(2) == list(range(10))


def test_one_of_each_is_told_apart(lab: Any) -> None:
    lab.create(hidden=[1, 2, 300, 4, 5, 6], pruner=MEDIAN, max_retries=0)
    lab.mishaps = {4: [("raise", 0)], 5: [("interrupt", 1)]}
    result = lab.tune(6)
    assert result.interrupted
    assert [row.state for row in result.trials] == [
        "complete", "complete", "pruned", "failed", "interrupted", "queued"
    ]  # fmt: skip


def test_a_failing_trial_is_tried_again_under_its_number(lab: Any) -> None:
    lab.create(hidden=[8, 9], max_retries=2)
    lab.mishaps = {8: [("raise", 1), ("raise", 2)]}
    row, _ = lab.tune(2).trials
    assert (row.state, row.value, row.attempts) == ("complete", 8.0, 2)
    assert lab.begun() == [8, 8, 8, 9]
    assert list(row.epoch_values) == [0, 1, 2]
    assert row.error == "ValueError: the third layer is on fire"
    assert len(lab.heard.of("note")) == 2


def test_a_trial_that_keeps_failing_fails_with_its_traceback(lab: Any) -> None:
    lab.create(hidden=[8, 9], max_retries=2)
    lab.mishaps = {8: [("raise", 0)] * 9}
    row, other = lab.tune(2).trials
    assert (row.state, row.attempts, row.value) == ("failed", 3, None)
    assert lab.begun() == [8, 8, 8, 9]
    failures = lab.trials()[0].user_attrs["failures"]
    assert all("in mishap" in failure["traceback"] for failure in failures)
    assert other.state == "complete"
    assert len(lab.tune(2).trials) == 2  # it counts, for good
    assert len(lab.begun()) == 4


def test_a_pruning_is_not_forgotten_with_the_failure_after_it(lab: Any) -> None:
    """Epochs of the first attempt are judged already; the first one that is new is judged again."""
    lab.create(hidden=[1, 2, 300], pruner={**MEDIAN, "warmup_epochs": 2})
    lab.mishaps = {300: [("raise", 2)]}
    row = lab.tune(3).trials[2]
    assert (row.state, row.attempts, list(row.epoch_values)) == ("pruned", 1, [0, 1, 2])


def test_short_memory_is_tried_on_fewer_slots_and_never_pruned(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "make_executor", lambda *_: InlineExecutor())  # three threads
    lab.create(hidden=[1, 2, 300], pruner=MEDIAN, max_retries=0)
    lab.mishaps = {300: [("memory", 1)]}
    result = lab.tune(3, slots_per_device=3, executor="local")
    row = next(row for row in result.trials if row.params["hidden_size"] == 300)
    assert row.attempts == 1
    assert row.state in ("complete", "pruned")
    assert "OutOfMemoryError" in str(row.error)
    assert lab.begun().count(300) == 2
    assert "cpu/2" not in [event[1] for event in lab.heard.of("began")[3:]]


def test_a_trial_that_alone_is_too_large_fails(lab: Any) -> None:
    lab.create(hidden=[8, 9])
    lab.mishaps = {8: [("memory", 0)] * 9}
    row, other = lab.tune(2).trials
    assert (row.state, row.attempts) == ("failed", 1)
    assert "out of memory" in str(row.error)
    assert other.state == "complete"


@pytest.mark.parametrize(
    ("curves", "seeds", "epochs"),
    [
        (
            {1000: [4.0, NAN], 1001: [3.0, 0.2, 0.1]},
            [1000],
            {0: 3.5},
        ),  # the one that is left does best of all
        ({1000: [4.0, 0.1, 0.1], 1001: [3.0, 0.1, math.inf]}, [1001], {0: 3.5, 1: 0.1}),
        ({1000: [0.1], 1001: [0.1, NAN]}, [1001], {0: 0.1}),  # one stops early, and then the other diverges
        ({1000: [NAN], 1001: [0.1, 0.1, 0.1]}, [1000], {}),
        ({1000: [NAN, 1.0], 1001: [-math.inf, 1.0]}, [1000, 1001], {}),
    ],
)
def test_a_trial_with_a_diverged_seed_fails_and_cannot_win(
    lab: Any, curves: Any, seeds: list[int], epochs: dict[int, float]
) -> None:
    lab.create(hidden=[5, 6])
    lab.losses[5] = curves
    row, other = lab.tune(2).trials
    assert (row.state, row.value, row.diverged_seeds) == ("failed", None, seeds)
    assert row.error == diverged_message(seeds)
    assert row.epoch_values == epochs
    assert best_trial([row, other]) is other
    kept = lab.trials()[0].user_attrs["outcome"]["seed_losses"]
    assert kept[str(seeds[0])][-1] is None
    assert lab.epochs(5) == list(range(len(epochs) + 1))  # its other seeds are not trained to their end


def test_a_configuration_that_diverged_is_not_trained_again(lab: Any) -> None:
    lab.create(hidden=[5, 5, 6])
    lab.losses[5] = {1000: [4.0, NAN], 1001: [3.0, 2.0, 1.0]}
    rows = lab.tune(3).trials
    assert [row.state for row in rows] == ["failed", "failed", "complete"]
    assert (rows[1].duplicate_of, rows[1].error, rows[1].attempts) == (0, diverged_message([1000]), 1)
    assert lab.begun() == [5, 6]


def test_a_study_of_an_earlier_version_cannot_be_won_by_what_diverged_either(lab: Any) -> None:
    """It averaged over the seeds that were left."""
    lab.create(hidden=[6])
    lab.tune(1)
    study = lab.store.study("s")
    trial = study.ask()
    outcome = {"key": "0", "diverged_seeds": [1001], "valid_ic": {"1000": {"IC": 0.3, "Rank IC": 0.3}}}
    trial.set_user_attr("outcome", outcome)
    study.tell(trial, 0.1)
    rows = lab.rows()
    assert (rows[1].state, rows[1].value, rows[1].error) == ("failed", None, diverged_message([1001]))
    assert rows[1].valid_ic == {}
    assert best_trial(rows) == rows[0]


@pytest.mark.parametrize("state", ["complete", "pruned"])
def test_what_was_trained_is_not_trained_again(lab: Any, state: str) -> None:
    lab.create(hidden=[1, 2, 300, 300], pruner=MEDIAN if state == "pruned" else {"name": "none"})
    rows = lab.tune(4).trials
    assert lab.begun() == [1, 2, 300]
    assert [rows[2].state, rows[3].state] == [state, state]
    assert rows[3].duplicate_of == 2
    assert (rows[3].value, rows[3].epoch_values) == (rows[2].value, rows[2].epoch_values)
    assert rows[3].seconds == 0.0
    assert rows[3].slot is None


def test_a_failed_trial_is_no_reason_not_to_train(lab: Any) -> None:
    lab.create(hidden=[8, 8], max_retries=0)
    lab.mishaps = {8: [("raise", 0)]}
    assert [row.state for row in lab.tune(2).trials] == ["failed", "complete"]


def test_a_trial_has_its_time(lab: Any) -> None:
    lab.create(hidden=[8, 9], trial_timeout="0.3")
    lab.mishaps = {8: [("hang", 1)]}
    row, other = lab.tune(2).trials
    assert (row.state, row.error) == ("failed", "not done within trial_timeout, 0.3")
    assert list(row.epoch_values) == [0]
    assert other.state == "complete"


def test_a_call_has_its_time(lab: Any) -> None:
    lab.create(hidden=[8, 9, 10])
    lab.mishaps = {9: [("hang", 1)]}
    result = lab.tune(3, timeout_seconds=0.3)
    assert result.out_of_time
    assert not result.interrupted
    assert [row.state for row in result.trials] == ["complete", "interrupted", "queued"]


def test_a_grid_ends_with_its_last_point(lab: Any) -> None:
    grid: dict[str, Any] = {"hidden_size": {"choices": [16, 64]}, "num_layers": {"int": [1, 2]}}
    lab.create(hidden=[64], space=grid, sampler={"name": "grid"})
    rows = lab.tune(100).trials
    assert len(rows) == 4
    assert rows[0].origin == "default"
    assert len({tuple(row.params.items()) for row in rows}) == 4
    assert len(lab.tune(100).trials) == 4


def test_a_grid_of_seeds_trains_each_alone(lab: Any) -> None:
    lab.create(space={"seed": {"int": [3, 5]}}, sampler={"name": "grid"})
    lab.losses = {size: {seed: [1.0] for seed in (3, 4, 5)} for size in range(1, 401)}
    lab.tune(100)
    assert sorted(entry["seeds"] for entry in lab.log("begin")) == [[3], [4], [5]]


def test_a_worker_is_not_told_where_the_bars_are(lab: Any) -> None:
    definition = lab.create()
    assert definition.workflow.qlib_init.provider_uri
    lab.tune(1)
    assert lab.log("begin")[0]["workflow"]["qlib_init"]["provider_uri"] == ""


def test_a_payload_that_cannot_be_made_leaves_its_trial_for_later(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.create(hidden=[8])

    def full(_config: Any, _key: str) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(lab, "prepare", full)
        with pytest.raises(OSError, match="no space"):
            lab.tune(1)
    assert lab.states() == ["interrupted"]
    assert lab.tune(1).trials[0].state == "complete"


def test_what_breaks_the_driver_leaves_no_trial_running(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.create(hidden=[8])

    def broken(*_: Any) -> bool:
        raise OSError("the store is gone")

    with monkeypatch.context() as patch:
        patch.setattr(TrialJobs, "reported", broken)
        with pytest.raises(OSError, match="store is gone"):
            lab.tune(1)
    assert lab.states() == ["interrupted"]
    assert [row.number for row in lab.tune(1).trials if row.state == "complete"] == [0]


def test_inline_has_one_slot(lab: Any) -> None:
    lab.create()
    with pytest.raises(ConfigError, match="inline has one slot, got 2"):
        lab.tune(1, slots_per_device=2)
    lab.payload["peak_bytes"] = 1
    lab.tune(4, slots_per_device=None)  # whatever memory there is
    assert {slot for _, slot in lab.heard.of("began")} == {"cpu/0"}


def test_measured_memory_opens_slots(lab: Any) -> None:
    lab.create(hidden=[8, 9])
    source, slots = lab.jobs(2)
    slots.__init__([Device("cuda:0", "cpu", 1 << 30, 8)], None)
    (slot,) = slots.slots
    job = source.claim(slot)
    source.started(job, slot)
    source.reported(job, slot, {"epoch": 0, "losses": {1000: 1.0}})
    source.finished(job, Slot(slot.device, 0), {"pruned": False, "seconds": 1.0, "peak_bytes": 1 << 28})
    assert len(slots.slots) == 3


def test_what_is_wrong_with_the_input_is_not_tried_again(lab: Any) -> None:
    lab.create(hidden=[8])
    (row,) = lab.tune(1, work="tests.jobs:misled").trials
    assert (row.state, row.attempts, row.error) == ("failed", 1, "ConfigError: batch_size: got 500000")


def test_data_that_a_trial_asks_for_in_vain_fail_that_trial(lab: Any) -> None:
    lab.create(hidden=[8, 9])
    prepare = lab.prepare

    def refuse(config: Any, key: str) -> dict[str, Any]:
        if config.task.model.kwargs.hidden_size == 8:
            raise DataError("instruments: no such market")
        return dict(prepare(config, key))

    lab.prepare = refuse
    rows = lab.tune(2).trials
    assert [row.state for row in rows] == ["failed", "complete"]
    assert rows[0].error == "instruments: no such market"


def test_ten_failures_in_a_row_end_the_driver_and_not_the_study(lab: Any) -> None:
    lab.create(hidden=[8])
    with pytest.raises(
        RunError, match="10 trials in a row have failed, the last one with: ConfigError: batch_size"
    ):
        lab.tune(40, work="tests.jobs:misled")
    rows = lab.tune(12).trials
    assert [row.state for row in rows] == ["failed"] * 10 + ["complete"] * 2


def test_a_job_that_hangs_beyond_its_time_is_killed(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_GRACE_SECONDS", 0.5)
    lab.create(hidden=[8], trial_timeout="0.5s")
    lab.payload = {"pause": 60.0}
    (row,) = lab.tune(1, executor="local").trials
    assert (row.state, row.error) == ("failed", "not done within trial_timeout, 0.5s")
