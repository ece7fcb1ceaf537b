"""The journal against Optuna's own backend."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from lstm_bench.core.errors import ConfigError
from lstm_bench.tune.repository.journal import JournalFile
from lstm_bench.tune.repository.store import Store

optuna.logging.set_verbosity(optuna.logging.ERROR)


def content(storage: JournalStorage) -> list[tuple[str, dict[str, Any], list[Any]]]:
    return [
        (study.study_name, study.user_attrs, storage.get_all_trials(study._study_id))
        for study in storage.get_all_studies()
    ]


def scribble(storage: JournalStorage, seed: int, operations: int) -> None:
    """Execute allowed and forbidden operations of drivers in random order."""
    draw = random.Random(seed)
    distribution = optuna.distributions.FloatDistribution(0.0, 1.0)
    for number in range(operations):
        studies = storage.get_all_studies()
        trials = [trial for study in studies for trial in storage.get_all_trials(study._study_id)]
        open_trials = [trial._trial_id for trial in trials if not trial.state.is_finished()]
        match draw.randrange(10):
            case 0:
                name = f"study {draw.randrange(3)}"
                if name not in [study.study_name for study in studies]:
                    storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], name)
            case 1 if studies and draw.random() < 0.3:
                storage.delete_study(draw.choice(studies)._study_id)
            case 2 | 3 if studies:
                template = draw.choice(
                    [
                        None,
                        optuna.create_trial(
                            state=TrialState.WAITING, system_attrs={"fixed_params": {"x": 0.5}}
                        ),
                    ]
                )
                storage.create_new_trial(draw.choice(studies)._study_id, template)
            case 4 if open_trials:
                storage.set_trial_param(
                    draw.choice(open_trials), draw.choice("xyz"), draw.random(), distribution
                )
            case 5 | 6 if open_trials:
                storage.set_trial_intermediate_value(
                    draw.choice(open_trials), draw.randrange(4), draw.random()
                )
            case 7 if open_trials:
                storage.set_trial_user_attr(draw.choice(open_trials), draw.choice("ab"), number)
            case 8 if open_trials:
                storage.set_trial_system_attr(draw.choice(open_trials), draw.choice("ab"), number)
            case 9 if open_trials:
                state = draw.choice(list(TrialState))
                values = [draw.random()] if state == TrialState.COMPLETE else None
                storage.set_trial_state_values(draw.choice(open_trials), state, values)
            case _ if studies:
                storage.set_study_user_attr(draw.choice(studies)._study_id, "a", number)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), operations=st.integers(1, 60))
def test_a_folded_history_is_the_same_history(tmp_path_factory: Any, seed: int, operations: int) -> None:
    path = tmp_path_factory.mktemp("journal") / "store.journal"
    scribble(JournalStorage(JournalFileBackend(str(path))), seed, operations)
    ours = JournalStorage(JournalFile(path))
    assert content(ours) == content(JournalStorage(JournalFileBackend(str(path))))

    scribble(ours, seed + 1, operations)  # and it goes on from there, for both
    plain = content(JournalStorage(JournalFileBackend(str(path))))
    assert content(ours) == plain
    assert content(JournalStorage(JournalFile(path))) == plain


def test_a_study_of_finished_trials_is_one_operation_each(tmp_path: Path) -> None:
    path = tmp_path / "store.journal"
    study = optuna.create_study(storage=JournalStorage(JournalFile(path)))
    for _ in range(5):
        trial = study.ask()
        trial.report(trial.suggest_float("x", 0, 1), 0)
        study.tell(trial, 1.0)
    assert len(path.read_bytes().splitlines()) == 1 + 5 * 4
    assert len(JournalFile(path).read_logs(0)) == 1 + 5


def test_two_processes_read_what_the_other_writes(tmp_path: Path) -> None:
    path = tmp_path / "store.journal"
    one, other = (JournalStorage(JournalFile(path)) for _ in range(2))
    study = one.create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    for storage in (one, other, one, other):
        storage.create_new_trial(study)
    assert [len(storage.get_all_trials(study)) for storage in (one, other)] == [4, 4]


def test_a_line_that_a_crash_cut_off_is_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store.journal"
    storage = JournalStorage(JournalFile(path))
    study = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    again = JournalStorage(JournalFile(path))
    assert "cut off" in caplog.text
    again.create_new_trial(study)
    assert len(JournalStorage(JournalFile(path)).get_all_trials(study)) == 1
    for line in path.read_text().splitlines():
        json.loads(line)


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "store.journal"
    storage = JournalStorage(JournalFile(path))
    storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    with path.open("ab") as file:
        file.write(b'{"op_code":0,"worker_id"')
    assert [study.study_name for study in storage.get_all_studies()] == ["study"]
    with path.open("ab") as file:
        file.write(b':"x","study_name":"other","directions":[1]}\n')
    assert [study.study_name for study in storage.get_all_studies()] == ["study", "other"]


@pytest.mark.parametrize("text", ["not a journal\n", "two\nlines", '{"a": 1}', '{"a": 1}\n', "\n"])
def test_a_file_of_another_kind_is_refused_and_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"--storage: .*notes is not an Optuna journal: it begins with "):
        JournalFile(path)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_line_that_is_no_operation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.journal"
    JournalStorage(JournalFile(path)).create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    with path.open("a") as file:
        file.write("not an operation\n")
    with pytest.raises(ConfigError, match="is not an Optuna journal"):
        JournalStorage(JournalFile(path))


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            {"op_code": 0, "worker_id": "w"},
            "line 2: not an Optuna operation: study_name: missing, expected a text",
        ),
        (
            {"op_code": 0, "worker_id": "w", "study_name": "s", "directions": 1},
            "directions: got 1 .*expected a list",
        ),
        ({"op_code": 10, "worker_id": "w"}, "op_code: got 10 .*expected a number from 0 to 9"),
        ({"op_code": "0", "worker_id": "w"}, "op_code: got '0', expected a number"),
        ({"op_code": True, "worker_id": "w"}, "op_code: got true"),
        ({"op_code": 4, "worker_id": "w", "study_id": "0"}, "study_id: got '0', expected a whole number"),
        (
            {"op_code": 4, "worker_id": "w", "study_id": 0, "params": []},
            r"params: got \[\] .*expected a mapping",
        ),
        ({"op_code": 5, "worker_id": "w", "trial_id": -1}, "trial_id: got -1"),
        (
            {"op_code": 6, "worker_id": "w", "trial_id": 0, "state": 1},
            "values: missing, expected a list or null",
        ),
        (
            {"op_code": 8, "worker_id": "w", "trial_id": 0, "user_attr": 3},
            "user_attr: got 3 .*expected a mapping",
        ),
        ({"op_code": 1, "worker_id": None, "study_id": 0}, "worker_id: got null, expected a text"),
        (7, "line 2: not an Optuna operation: got 7"),
    ],
)
def test_a_malformed_operation_is_named_with_its_line(tmp_path: Path, operation: Any, message: str) -> None:
    path = tmp_path / "store.journal"
    JournalStorage(JournalFile(path)).create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    with path.open("a") as file:
        file.write(json.dumps(operation) + "\n")
    with pytest.raises(ConfigError, match=message):
        JournalStorage(JournalFile(path))


@pytest.mark.parametrize(
    "operation",
    [
        {"op_code": 0, "worker_id": "w", "study_name": "other", "directions": [7]},
        {"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": "soon"},
        {"op_code": 4, "worker_id": "w", "study_id": 0, "distributions": {"x": "?"}, "params": {"x": 1}},
    ],
)
def test_operations_that_do_not_fit_each_other_are_bad_input(
    tmp_path: Path, operation: dict[str, Any]
) -> None:
    path = tmp_path / "store.journal"
    JournalStorage(JournalFile(path)).create_new_study([optuna.study.StudyDirection.MINIMIZE], "study")
    with path.open("a") as file:
        file.write(json.dumps(operation) + "\n")
    with pytest.raises(ConfigError, match="cannot be replayed: its operations do not fit each other"):
        Store(str(path)).names()


@pytest.mark.parametrize("kept", [0, 5, 20])
def test_a_first_line_that_a_crash_cut_off_is_dropped(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "store.journal"
    path.write_bytes(b'{"op_code":0,"worker_id"'[:kept])
    storage = JournalStorage(JournalFile(path))
    assert path.read_bytes() == b""
    assert storage.get_all_studies() == []
