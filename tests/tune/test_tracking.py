"""The events that a tracker receives for a study's trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.tracking.tracker import State, TrackedRun, Tracker


class Listener(Tracker):
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.runs: dict[str, TrackedRun] = {}
        self.epochs: dict[str, list[tuple[int, Mapping[str, float]]]] = {}
        self.ends: dict[str, list[State]] = {}
        self.summaries: dict[str, Mapping[str, Any]] = {}

    def begin(self, run: TrackedRun) -> None:
        self.runs[run.name] = run
        self.epochs.setdefault(run.name, [])

    def epoch(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        self.epochs[self.name(run_id)].append((epoch, values))

    def table(
        self, run_id: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]
    ) -> None:
        raise AssertionError("a study's table is for bench")

    def end(self, run_id: str, state: State, summary: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        self.ends.setdefault(self.name(run_id), []).append(state)
        self.summaries[self.name(run_id)] = summary

    def recorded(self, run_id: str, record: Path) -> None:
        raise AssertionError("a trial leaves no record")

    def close(self, seconds: float | None = None) -> None:
        raise AssertionError("who opened it closes it")

    def name(self, run_id: str) -> str:
        (name,) = [run.name for run in self.runs.values() if run.id == run_id]
        return name


@pytest.fixture
def listener() -> Listener:
    return Listener()


def test_a_trial_is_one_run_with_all_its_seeds(lab: Any, listener: Listener) -> None:
    lab.create(hidden=[8])
    lab.losses = {8: {1000: [4.0, 3.0], 1001: [6.0, 2.0]}}
    (row,) = lab.tune(1, tracker=listener).trials
    run = listener.runs["trial 0"]
    assert (run.study, run.job_type) == ("s", "search")
    assert run.tags == {"features": "Alpha158", "compat": "none", "study": "s"}
    assert run.config["params"] == {"hidden_size": 8}
    assert run.config["seeds"] == [1000, 1001]
    assert run.config["task"]["model"]["kwargs"]["hidden_size"] == 8
    assert run.id == f"{lab.trials()[0].user_attrs['outcome']['key']}-0-s"
    assert listener.epochs["trial 0"] == [
        (0, {"valid_loss": 5.0, "seed/1000/valid_loss": 4.0, "seed/1001/valid_loss": 6.0}),
        (1, {"valid_loss": 2.5, "seed/1000/valid_loss": 3.0, "seed/1001/valid_loss": 2.0}),
    ]
    assert listener.ends["trial 0"] == ["complete"]
    assert listener.summaries["trial 0"]["best_valid_loss"] == row.value == 2.5
    assert listener.summaries["trial 0"]["epochs"] == 2


def test_each_ending_is_told_as_what_it_is(lab: Any, listener: Listener) -> None:
    lab.create(
        hidden=[8, 9, 10, 8],
        max_retries=0,
        pruner={"name": "median", "startup_trials": 1, "warmup_epochs": 0},
    )
    lab.losses = {8: [4.0, 3.0], 9: [9.0, 8.0], 10: [2.0, 1.0]}
    lab.mishaps = {10: [("raise", 1)]}
    rows = lab.tune(4, tracker=listener).trials
    assert [row.state for row in rows] == ["complete", "pruned", "failed", "complete"]
    assert rows[3].duplicate_of == 0
    assert listener.ends == {f"trial {row.number}": [row.state] for row in rows}
    for row in rows:
        assert {epoch for epoch, _ in listener.epochs[f"trial {row.number}"]} == set(row.epoch_values)
    assert listener.summaries["trial 2"]["error"] == "ValueError: the third layer is on fire"
    assert listener.summaries["trial 3"]["duplicate_of"] == 0
    assert len({run.id for run in listener.runs.values()}) == 4


def test_a_trial_that_is_tried_again_stays_one_run(lab: Any, listener: Listener) -> None:
    lab.create(hidden=[8], max_retries=1)
    lab.mishaps = {8: [("raise", 2)]}
    lab.tune(1, tracker=listener)
    assert [epoch for epoch, _ in listener.epochs["trial 0"]] == [0, 1, 0, 1, 2]
    assert listener.ends["trial 0"] == ["complete"]


def test_an_interrupted_trial_goes_on_under_its_name(lab: Any, listener: Listener) -> None:
    lab.create(hidden=[8])
    lab.mishaps = {8: [("interrupt", 1)]}
    assert lab.tune(1, tracker=listener).interrupted
    first = listener.runs["trial 0"].id
    assert listener.ends["trial 0"] == ["interrupted"]
    lab.tune(1, tracker=listener)
    assert listener.runs["trial 0"].id == first
    assert listener.ends["trial 0"] == ["interrupted", "complete"]
