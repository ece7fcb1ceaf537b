"""Which configurations are replicated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from lstm_bench.bench.candidates import candidates_of_file, candidates_of_study, tuning_seeds
from lstm_bench.config.ready import ready_folder
from lstm_bench.core.errors import ConfigError, InputError
from lstm_bench.tune.repository.store import Store


@pytest.fixture
def studied(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Four complete trials, number 2 the best of them; the data are not looked at."""
    monkeypatch.setattr(Store, "data", lambda *_: None)
    lab.create(hidden=[40, 30, 10, 20])
    lab.tune(4)
    return lab.store


def labels(store: Any, top: int = 1, numbers: tuple[int, ...] = ()) -> list[tuple[str, int | None, int]]:
    found = candidates_of_study(store, "s", top, numbers, range(3), None)
    return [(one.label, one.trial, one.config.task.model.kwargs.hidden_size) for one in found]


def test_the_best_by_validation_come_first(studied: Any) -> None:
    assert labels(studied) == [("tuned", 2, 10)]
    assert labels(studied, 9) == [
        ("tuned", 2, 10), ("trial 3", 3, 20), ("trial 1", 1, 30), ("default", 0, 40)
    ]  # fmt: skip


def test_trials_are_taken_by_number_and_once(studied: Any) -> None:
    assert labels(studied, numbers=(0, 2, 0)) == [("default", 0, 40), ("tuned", 2, 10)]
    with pytest.raises(ConfigError, match="--trial: got 4; the study has trials 0 to 3"):
        labels(studied, numbers=(4,))


def test_a_default_that_was_moved_is_not_qlibs(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "data", lambda *_: None)
    lab.create(hidden=[64, 16], space={"hidden_size": {"choices": [16, 50]}})
    lab.tune(2)
    assert labels(lab.store, 2) == [("tuned", 1, 16), ("trial 0", 0, 50)]


@pytest.mark.parametrize(
    ("seeds", "hint"),
    [(range(1000, 1002), "1000, 1001 served in tuning.*such as 0-1"), ([1001], "such as 0,$"),
     (range(1001), "1000 served in tuning.*such as 0-999,1002$")],
)  # fmt: skip
def test_tuning_seeds_are_refused(studied: Any, seeds: range, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        candidates_of_study(studied, "s", 1, (), seeds, None)


def test_other_data_are_refused(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_bench.data.provider.Provider", lambda uri: uri)
    monkeypatch.setattr("lstm_bench.data.fingerprint.fingerprint", lambda _: "1" * 64)
    lab.create(hidden=[4])
    lab.tune(1)
    with pytest.raises(
        InputError, match="made for data with the fingerprint 000000000000, but elsewhere has 11111"
    ):
        candidates_of_study(lab.store, "s", 1, (), range(2), "elsewhere")


def test_without_a_complete_trial_it_says_what_to_do(lab: Any) -> None:
    lab.create()
    with pytest.raises(InputError, match="run: lstm-bench tune --study s"):
        labels(lab.store)


def test_a_workflow_file_is_an_candidate_by_its_name() -> None:
    path = ready_folder("configs") / "demo.yaml"
    (candidate,) = candidates_of_file(path, ["task.model.kwargs.hidden_size=5"], "there")
    assert (candidate.label, candidate.study, candidate.trial) == ("demo", "demo", None)
    assert candidate.config.task.model.kwargs.hidden_size == 5
    assert candidate.config.qlib_init.provider_uri == "there"
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        candidates_of_file(Path("nowhere.yaml"), [], None)


def test_a_trial_with_the_result_of_another_is_no_second_row(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "data", lambda *_: None)
    lab.create(hidden=[30, 10, 10, 20])
    lab.tune(4)
    assert [number for _, number, _ in labels(lab.store, 3)] == [1, 3, 0]


def test_a_trial_without_parameters_is_refused(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "data", lambda *_: None)
    lab.create(hidden=[30])
    lab.store.study("s").add_trial(optuna.create_trial(state=optuna.trial.TrialState.WAITING))
    with pytest.raises(ConfigError, match="--trial: got 1, whose parameters have not been sampled"):
        labels(lab.store, numbers=(1,))


def test_a_file_whose_name_cannot_name_evidence_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "my a.yaml"
    path.write_bytes((ready_folder("configs") / "lstm_alpha158.yaml").read_bytes())
    with pytest.raises(ConfigError, match="experiment_name: got 'my a'"):
        candidates_of_file(path, [], None)
    (one,) = candidates_of_file(path, ["experiment_name=mine"], None)
    assert one.study == "mine"


def test_what_tuned_are_the_studys_seeds_or_those_that_it_searched(lab: Any) -> None:
    lab.create(hidden=[40])
    lab.tune(1)
    assert tuning_seeds(lab.store, "s") == (1000, 1001)
