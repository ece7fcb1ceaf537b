"""The decisions of a study's driver, without Optuna and processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from lstm_bench.exec.retry import Failed, FailureKind
from lstm_bench.tune.scheduler import StoredTrial, TrialRun, diverged_message, may_claim, orphans, twin_of

NAN = math.nan


def trials(*states: str) -> list[StoredTrial]:
    return [StoredTrial(number, state) for number, state in enumerate(states)]  # type: ignore[arg-type]


def test_running_trials_of_dead_drivers_are_orphans() -> None:
    drivers = [("running", "me"), ("running", "dead"), ("running", "alive"), ("running", None)]
    drivers += [("waiting", "dead"), ("complete", "dead"), ("failed", "dead")]
    stored = [StoredTrial(number, state, driver) for number, (state, driver) in enumerate(drivers)]  # type: ignore[arg-type]
    assert orphans(stored, "me", lambda driver: driver == "alive") == [1, 3]


@pytest.mark.parametrize(
    ("states", "total", "is_exhausted", "expected"),
    [
        ([], 1, False, True),
        (["complete"], 1, False, False),
        (["complete", "pruned", "failed", "running"], 4, False, False),  # a running trial counts
        (["complete", "waiting", "waiting"], 2, False, True),  # waiting ones do not
        (["complete", "waiting"], 1, False, False),
        (["complete"], 9, True, False),
        (["complete", "waiting"], 9, True, True),
    ],
)
def test_a_trial_is_claimed_while_the_total_lacks_one(
    states: Sequence[str], total: int, is_exhausted: bool, expected: bool
) -> None:
    assert may_claim(trials(*states), total, lambda: is_exhausted) is expected


@pytest.mark.parametrize(
    ("state", "outcome", "is_twin"),
    [
        ("complete", {"key": "k"}, True),
        ("pruned", {"key": "k"}, True),
        ("failed", {"key": "k"}, False),
        ("failed", {"key": "k", "diverged_seeds": [3]}, True),
        ("running", {}, False),
        ("complete", {"key": "other"}, False),
    ],
)
def test_a_twin_has_a_result_for_the_same_configuration(
    state: Any, outcome: dict[str, Any], is_twin: bool
) -> None:
    other = StoredTrial(0, state, outcome=outcome)
    assert (twin_of([other], 1, "k") is other) is is_twin
    assert twin_of([other], 0, "k") is None  # not of itself


def test_epochs_of_an_earlier_attempt_are_neither_written_nor_judged_again() -> None:
    run = TrialRun(0, {}, known_epochs=2)
    epochs = [run.add_epoch(epoch, {7: 4.0 - epoch, 8: 2.0}) for epoch in range(3)]
    assert [epoch.value for epoch in epochs] == [3.0, 2.5, 2.0]
    assert [epoch.is_new for epoch in epochs] == [False, False, True]
    assert [epoch.is_judged for epoch in epochs] == [False, True, True]  # the last one may not have been


def test_a_trial_goes_no_further_when_a_seed_diverges() -> None:
    run = TrialRun(0, {})
    assert run.add_epoch(0, {7: 1.0, 8: NAN}).value is None


def test_a_result_is_complete_pruned_or_diverged() -> None:
    def ending(losses: dict[int, list[float]], *, pruned: bool) -> Any:
        run = TrialRun(3, {}, "k", losses=losses, device="cpu")
        return run.finished({"seconds": 1.5, "pruned": pruned, "status": {7: "completed"}}, "cpu/0")

    complete = ending({7: [3.0, 1.0, 2.0], 8: [2.0]}, pruned=False)
    assert (complete.state, complete.value, complete.error) == ("complete", 1.5, None)
    assert complete.outcome == {
        "key": "k", "device": "cpu", "slot": "cpu/0", "seconds": 1.5, "epochs": 3, "replayed": False,
        "training_path": None, "status": {"7": "completed"}, "diverged_seeds": [],
        "seed_losses": {"7": [3.0, 1.0, 2.0], "8": [2.0]}, "valid_ic": {},
    }  # fmt: skip
    pruned = ending({7: [3.0]}, pruned=True)
    assert (pruned.state, pruned.value) == ("pruned", None)
    diverged = ending({7: [3.0, NAN], 8: [1.0, 0.5]}, pruned=True)
    assert (diverged.state, diverged.value, diverged.error) == ("failed", None, diverged_message([7]))
    assert diverged.outcome["seed_losses"]["7"] == [3.0, None]


@pytest.mark.parametrize("state", ["complete", "pruned", "failed"])
def test_a_trial_takes_over_its_twins_result(state: Any) -> None:
    outcome = {"key": "k", "device": "cpu", "slot": "cpu/1", "seconds": 9.0, "diverged_seeds": []}
    if state == "failed":
        outcome["diverged_seeds"] = [7]
    run = TrialRun(3, {}, "k")
    ending = run.like(StoredTrial(1, state, value=None if state == "failed" else 0.5, outcome=outcome))
    assert (ending.state, ending.value) == (state, None if state == "failed" else 0.5)
    assert ending.outcome == {**outcome, "duplicate_of": 1, "device": None, "slot": None, "seconds": 0.0}
    assert run.failures == ([{"error": diverged_message([7]), "traceback": ""}] if state == "failed" else [])


@pytest.mark.parametrize(
    ("kind", "raised", "error"),
    [("raised", 1, "x"), ("wrong input", 1, "x"), ("lost", 0, "x"), ("out of memory", 0, "x"),
     ("overdue", 0, "not done within trial_timeout, 1h")],
)  # fmt: skip
def test_a_failure_is_noted_with_its_kind(kind: FailureKind, raised: int, error: str) -> None:
    run = TrialRun(3, {}, "k", losses={7: [1.0, 2.0]})
    run.add_failure(Failed(kind, "x", "trace"), "1h")
    assert (run.times_raised, run.known_epochs) == (raised, 2)
    ending = run.failed("cpu/0")
    assert (ending.state, ending.error) == ("failed", error)
    assert ending.outcome == {"key": "k", "device": None, "slot": "cpu/0", "seconds": None}
    assert run.failures[0]["traceback"] == "trace"
