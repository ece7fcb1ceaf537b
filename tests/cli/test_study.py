"""``lstm-bench study``: what it makes, shows, refuses and removes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lstm_bench.tune.repository.store import open_store

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def create(here: Run, market: Path) -> Run:
    """Create a study on the small market."""

    def run(*arguments: object) -> Done:
        return here("study", "create", *arguments, "--provider-uri", market)

    return run


def test_without_a_name_the_ready_studies_of_both_feature_sets_are_made(create: Run, here: Run) -> None:
    done = create()
    assert done.returncode == 0, done.stderr
    for text in ("study alpha158", "study alpha360", "laid out in proportion", "next: lstm-bench tune"):
        assert text in done.stdout
    found = json.loads(here("study", "list", "--json").stdout)["studies"]
    assert [(study["name"], study["features"], study["states"]) for study in found] == [
        ("alpha158", "Alpha158", {"queued": 1}),
        ("alpha360", "Alpha360", {"queued": 1}),
    ]
    one = json.loads(create("--features", "alpha360", "--json").stdout)["studies"]
    assert [(study["name"], study["new"]) for study in one] == [("alpha360", False)]
    assert here("study", "show").stdout.startswith("study alpha360 in studies/store.journal\n")


def test_options_make_a_study_and_a_file_that_makes_it_again(create: Run, tmp_path: Path) -> None:
    options = ["--hidden-size", "32,64,128", "--lr", "log:1e-4:1e-2", "--seeds", "0-4", "--max-epochs", 7]
    (made,) = json.loads(create("mine", "--features", "alpha360", *options, "--json").stdout)["studies"]
    config = made["config"]
    assert list(config["space"]) == ["hidden_size", "lr"]
    assert (config["space"]["lr"]["float"], config["space"]["lr"]["log"]) == ([1e-4, 1e-2], True)
    assert (config["seeds"], config["max_epochs"]) == ([0, 1, 2, 3, 4], 7)
    assert (made["new"], made["file"]) == (True, "studies/mine.yaml")
    assert (tmp_path / "studies" / "mine.yaml").read_text().startswith("name: mine\nbase: ")

    (again,) = json.loads(create("mine", "--storage", "other.journal", "--json").stdout)["studies"]
    assert again["new"] is True
    assert again["origin"] == "studies/mine.yaml"
    assert {**again["config"], "base": ""} == {**config, "base": ""}
    assert again["workflow"] == made["workflow"]


def test_a_file_without_a_name_is_named_by_its_own(create: Run, study_file: Path, tmp_path: Path) -> None:
    assert "created study tiny" in create("--from", study_file).stdout
    named = tmp_path / "some.yaml"
    named.write_text(f"name: called\n{study_file.read_text()}")
    assert "created study called" in create("--from", named).stdout


def test_segments_are_refused_unless_they_are_to_be_laid_out(create: Run) -> None:
    done = create("alpha158", "--no-auto-segments")
    assert done.returncode == 2
    assert "--auto-segments lays them out" in done.stderr
    assert "segment 'train': only 0% of 2008-01-01..2014-12-31" in done.stderr


def test_a_budget_stays_until_it_is_edited(create: Run, here: Run) -> None:
    create("alpha158", "--trials", 5)
    done = create("alpha158", "--trials", 9)
    assert "exists already" in done.stdout
    assert "trials stays 5, not 9; lstm-bench study edit-budget alpha158 --trials 9 changes it" in done.stdout
    answer = json.loads(here("study", "edit-budget", "--trials", 9, "--timeout", "2h", "--json").stdout)
    assert answer["budget"] == {
        "trials": 9, "max_epochs": 200, "max_retries": 2, "trial_timeout": None, "timeout": "2h"
    }  # fmt: skip
    assert "9 trials of at most 200 epochs" in here("study", "show", "alpha158").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--features", "alpha159"], ["--features: got 'alpha159'", "choices: alpha158, alpha360"]),
        (["--hidden-size", "abc"], ["hidden_size", "got 'abc'", "a whole number of at least 1"]),
        (["--hidden-size", "32,"], ["--hidden-size: got '32,'", "lacks a value"]),
        (["--hidden-size", "0,4"], ["hidden_size", "got 0", "a whole number of at least 1"]),
        (
            ["--lr", "log:1e-2:1e-4"],
            ["--lr", "the least value is 0.01", "the least before the greatest, which is 0.0001"],
        ),
        (["--lr", "loog:1e-4:1e-2"], ["--lr: got 'loog:1e-4:1e-2'", "expected"]),
        (["--dropout", "0:1.5"], ["dropout", "got 1.5", "less than 1"]),
        (["--param", "task.model.kwargs.hiden=3,4"], ["'hiden'", "did you mean 'hidden_size'?"]),
        (["--param", "3"], ["--param: got '3'", "KEY=VALUE"]),
        (["--fixed", "foo=1"], ["fixed foo", "unknown key 'foo'", "choices"]),
        (["--lr", "1e-4,1e-3", "--fixed", "lr=1e-3"], ["space: got none", "leaves nothing of lr"]),
        (["--seeds", "5-1"], ["--seeds: got '5-1'", "ends before it begins"]),
        (["--seeds", "3,3"], ["--seeds: seeds occur twice: 3"]),
        (["--trials", "0"], ["'--trials'", "expected 1 or more"]),
        (["--sampler", "tpee"], ["sampler.name: got 'tpee'", "'tpe'", "'qmc'"]),
        (["--pruner", "medain"], ["pruner.name: got 'medain'", "'median'", "'none'"]),
        (["--trial-timeout", "3x"], ["--trial-timeout: got '3x'", "30m, 2h"]),
        (["--set", "foo"], ["--set: got 'foo'", "KEY=VALUE"]),
        (["--from", "nowhere.yaml"], ["nowhere.yaml"]),
        (["--storage", "foo://bar"], ["--storage: cannot open foo://bar"]),
    ],
)
def test_the_reason_names_the_option_what_came_and_the_choices(
    create: Run, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    done = create("x", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    output = " ".join(done.stderr.replace("│", " ").split())
    for word in words:
        assert word in output
    assert not (tmp_path / "studies" / "x.yaml").exists()
    assert not open_store().names()


def test_a_file_in_the_place_of_a_name_is_told_apart(create: Run) -> None:
    done = create("studies/mine.yaml")
    assert done.returncode == 2
    assert "NAME: got 'studies/mine.yaml'" in done.stderr
    assert "--from studies/mine.yaml" in done.stderr


def test_what_the_space_has_and_the_workflow_does_not_is_said(create: Run) -> None:
    done = create("alpha158", "--param", "lstm_bench.training.clip_grad_norm=3,5", "--hidden-size", "8,16")
    assert done.returncode == 0, done.stderr
    assert "the workflow has no lstm_bench.training.clip_grad_norm; the first trial has 3" in done.stdout
    assert "the workflow's hidden_size 64 lies outside the space; the first trial has 16" in done.stdout
    assert "None" not in done.stdout


@pytest.mark.parametrize("command", ["show", "edit-budget", "export"])
def test_without_a_study_it_says_how_to_make_one(here: Run, command: str) -> None:
    arguments = {"edit-budget": ["--trials", "3"], "export": ["x.csv"]}
    done = here("study", command, *arguments.get(command, []))
    assert done.returncode == 2
    assert "studies/store.journal has no study yet; make one: lstm-bench study create" in done.stderr


def test_a_study_that_is_not_there_is_named_with_those_that_are(create: Run, here: Run) -> None:
    create("alpha158")
    for arguments in (["study", "show", "alpha15"], ["tune", "--study", "alpha15"], ["study", "delete", "a"]):
        done = here(*arguments)
        assert done.returncode == 2
        assert "choices: alpha158" in done.stderr


def test_show_has_the_best_and_every_trial(tuned: Done, lstm_bench: Run) -> None:
    answer = json.loads(lstm_bench("study", "show", "tiny", "--json").stdout)
    assert [trial["number"] for trial in answer["trials"]] == [0, 1, 2]
    for trial in answer["trials"]:
        assert (trial["state"], trial["device"]) == ("complete", "cpu")
        assert trial["slot"] in ("cpu/0", "cpu/1")
        assert trial["seconds"] > 0
        assert trial["value"] <= min(trial["epoch_values"].values())  # each seed has its own best epoch
        assert set(trial["epoch_values"]) == {"0", "1"}
        assert set(trial["params"]) == {"hidden_size", "lr"}
    assert answer["best"] == min(answer["trials"], key=lambda trial: trial["value"])
    assert answer["epochs_saved"] == 0

    text = lstm_bench("study", "show", "tiny").stdout
    assert "trial 0: Qlib's defaults, moved into the space: hidden_size 64 -> 8" in text
    assert "3 trials: 3 complete" in text
    assert "the last 1 of 3 trials" in lstm_bench("study", "show", "tiny", "--last", 1).stdout


def test_another_space_is_refused_once_there_are_trials(tuned: Done, lstm_bench: Run, market: Path) -> None:
    done = lstm_bench("study", "create", "tiny", "--lr", "log:1e-4:1e-2", "--provider-uri", market)
    assert done.returncode == 2
    assert "space.lr.float: [0.001, 0.01] -> [0.0001, 0.01]" in done.stderr
    same = lstm_bench("study", "create", "tiny", "--provider-uri", market)
    assert "exists already: study tiny" in same.stdout


def test_export(tuned: Done, lstm_bench: Run, home: Path) -> None:
    answer = json.loads(lstm_bench("study", "export", "trials.csv", "--study", "tiny", "--json").stdout)
    assert answer == {"name": "tiny", "file": "trials.csv", "trials": 3}
    table = pd.read_csv(home / "trials.csv")
    assert list(table["number"]) == [0, 1, 2]
    assert {"value", "params.hidden_size", "params.lr"} <= set(table.columns)
    done = lstm_bench("study", "export", "trials.txt", "--study", "tiny")
    assert done.returncode == 2
    assert "choices: .csv, .json, .parquet" in done.stderr


def test_delete_asks_unless_told_not_to(create: Run, here: Run) -> None:
    create("alpha158")
    done = here("study", "delete", "alpha158")
    assert done.returncode == 2
    assert "--yes deletes study alpha158 with 1 trial" in done.stderr
    assert json.loads(here("study", "delete", "alpha158", "--yes", "--json").stdout)["deleted_trials"] == 1
    assert "has no study yet" in here("study", "list").stdout
