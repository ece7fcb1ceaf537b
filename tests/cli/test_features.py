"""``lstm-bench features``: what it prints, and when it exits with 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lstm_bench.config.workflow import load_workflow
from lstm_bench.config.yaml import parse_value

Run = Callable[..., "CompletedProcess[str]"]

CONFIG = Path(__file__).parents[2] / "configs" / "lstm_alpha158.yaml"
MINE = """\
features:
  MOM5: $close/Ref($close, 5)-1
  CALM: Std($close, 9)/$close
labels:
  L: Ref($close, -3)/$close
"""
BAD = """\
features:
  MOM5: $close/Ref($close, 5)-1
  LEAK: Ref($close, -1)/$close
  ONE: $close/$close
  NO: Maen($close)
"""


@pytest.fixture
def command(here: Run) -> Run:
    """Run a command that must exit with ``rc``."""

    def run(*arguments: object, rc: int = 0) -> CompletedProcess[str]:
        done = here(*arguments)
        assert done.returncode == rc, done.stderr
        return done

    return run


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a good set in features/ and a bad one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "mine.yaml").write_text(MINE)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def test_list_names_the_known_sets_and_those_found(sets: Path, command: Run) -> None:
    done = command("features", "list", "bad.yaml", "--json")
    found = {entry["name"]: entry for entry in json.loads(done.stdout)["sets"]}
    assert {name: entry["columns"] for name, entry in found.items()} == {
        "Alpha158": 158, "Alpha360": 360, "mine": 2, "bad": 4,
    }  # fmt: skip
    assert found["mine"]["labels"] == ["L"]
    assert "mine" in command("features", "list").stdout


def test_show_says_what_each_column_reads(sets: Path, command: Run) -> None:
    shown = json.loads(command("features", "show", "features/mine.yaml", "--json").stdout)
    assert shown["features"][1] == {
        "name": "CALM", "expression": "Std($close, 9)/$close", "fields": ["close"], "days_back": 8, "days_ahead": 0,
    }  # fmt: skip
    assert shown["labels"][0]["days_ahead"] == 3
    assert len(json.loads(command("features", "show", "Alpha360", "--json").stdout)["features"]) == 360
    assert "Std($close, 9)/$close" in command("features", "show", "features/mine.yaml").stdout
    assert len(json.loads(command("features", "show", CONFIG, "--json").stdout)["features"]) == 158


def test_show_takes_columns_by_their_names(sets: Path, command: Run) -> None:
    shown = json.loads(command("features", "show", "Alpha158", "--match", "RSQR*", "--json").stdout)
    assert [row["name"] for row in shown["features"]] == [f"RSQR{days}" for days in (5, 10, 20, 30, 60)]
    assert shown["labels"] == []
    none = command("features", "show", "Alpha158", "--match", "rsqr", rc=2)
    assert "--match: no column of Alpha158 matches 'rsqr'" in none.stderr


def test_show_gives_qlib_its_loader(sets: Path, command: Run) -> None:
    """Pasted into a workflow file, it is the same run as one that names the set."""
    loader = parse_value(command("features", "show", "features/mine.yaml", "--qlib").stdout)["data_loader"]
    command("features", "show", "features/mine.yaml", "--qlib", "--json", rc=2)
    handler = {
        "class": "DataHandlerLP",
        "module_path": "qlib.data.dataset.handler",
        "kwargs": {"instruments": "csi300", "data_loader": loader},
    }
    bare = {**handler, "kwargs": {"instruments": "csi300"}}
    place = "task.dataset.kwargs.handler"
    pasted = load_workflow(CONFIG, [(place, handler)])
    named = load_workflow(CONFIG, [(place, bare), ("lstm_bench.features", str(sets / "features/mine.yaml"))])
    assert pasted.identity() == named.identity()


def test_check_exits_with_1_where_something_is_wrong(sets: Path, market: Path, command: Run) -> None:
    assert "nothing wrong" in command("features", "check", "features/mine.yaml").stdout
    done = command("features", "check", "bad.yaml", rc=1)
    assert "feature LEAK: looks 1 day ahead" in done.stdout
    assert "feature NO: expression 'Maen($close)', position 1: unknown operator" in done.stdout
    assert "ONE" not in done.stdout
    assert "bad.yaml: 2 things are wrong" in done.stderr
    done = command("features", "check", "bad.yaml", "--provider-uri", market, "--json", rc=1)
    answer = json.loads(done.stdout)
    assert [(one["column"], one["is_wrong"]) for one in answer["findings"]] == [
        ("LEAK", True), ("NO", True), ("ONE", True),
    ]  # fmt: skip
    assert [one["column"] for one in answer["values"]] == ["MOM5", "LEAK", "ONE"]
    assert 0 < answer["values"][0]["nan_share"] < 0.5
    good = command("features", "check", "features/mine.yaml", "--provider-uri", market, "--market", "csi300")
    assert "values on" in good.stdout


def test_what_is_no_set_is_refused(sets: Path, market: Path, command: Run) -> None:
    assert "did you mean 'Alpha158'?" in command("features", "show", "alpha158", rc=2).stderr
    (sets / "twice.yaml").write_text("features:\n  A: $close\n  A: $open\n")
    assert "A" in command("features", "check", "twice.yaml", rc=2).stderr
    done = command(
        "features", "check", "features/mine.yaml", "--provider-uri", market, "--market", "csi30", rc=2
    )
    assert "no market 'csi30'" in done.stderr


def test_a_run_with_a_bad_set_says_which_column(
    sets: Path, market: Path, small_run: list[object], command: Run
) -> None:
    texts = [
        "lstm_bench.features=bad.yaml", "data_handler_config.infer_processors=[]", "task.model.kwargs.d_feat=4",
    ]  # fmt: skip
    done = command(*small_run, *(argument for text in texts for argument in ("--set", text)), rc=2)
    assert "error: feature 'NO': expression 'Maen($close)', position 1: unknown operator" in done.stderr
