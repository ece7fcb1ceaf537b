"""``lstm-bench report`` and ``leaderboard --html``: files, output and refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lstm_bench.cli.app import app
from lstm_bench.config.ready import ready_folder
from lstm_bench.config.workflow import load_workflow
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.core.errors import ConfigError, DataError, InputError


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of losses and daily figures alone, in the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "demo" / "0123456789abcdef"
    folder.mkdir(parents=True)
    workflow = load_workflow(ready_folder("configs") / "demo.yaml").resolved()
    (folder / "config.yaml").write_text(dump_yaml(workflow.to_file()))
    (folder / "metrics.json").write_text(
        json.dumps({"IC": 0.03, "ICIR": 0.2, "Rank IC": 0.04, "Rank ICIR": 0.3})
    )
    days = pd.DatetimeIndex(pd.bdate_range("2020-01-01", periods=30), name="datetime")
    values = np.random.default_rng(0).normal(0.03, 0.1, (30, 2))
    pd.DataFrame(values, columns=["ic", "rank_ic"], index=days).to_parquet(folder / "ic.parquet")
    losses = {
        "train_loss": [1.0, 0.9],
        "valid_loss": [1.0, 0.95],
        "valid_score": [-1.0, -0.95],
        "seconds": [1.0, 1.0],
    }
    pd.DataFrame(losses, index=pd.Index([0, 1], name="epoch")).to_parquet(folder / "epochs.parquet")
    provenance = {
        "run_id": folder.name, "seed": 0, "data_fingerprint": "ab" * 32, "calendar": ["2008-01-01", "2020-09-30"],
        "numerics": 3, "git": None, "device": {"name": "cpu", "model": None, "training_path": "reference"},
        "training": {"status": "finished", "epochs": 2, "best_epoch": 1, "parameters": 100}, "seconds": {"train": 2.0},
    }  # fmt: skip
    (folder / "provenance.json").write_text(json.dumps(provenance))
    return folder


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_a_report_goes_into_the_record(record: Path) -> None:
    done = run("report", "0123")
    assert done.exit_code == 0
    assert (record / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "figures" in done.output
    assert sorted(path.name for path in record.iterdir() if path.suffix == ".html") == ["report.html"]


def test_json_names_what_was_written(record: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run("report", str(record), "--out", "here/r.html", "--png", "pictures", "--json")
    printed = json.loads(done.stdout)
    assert printed["report"] == "here/r.html"
    assert printed["bytes"] == (tmp_path / "here" / "r.html").stat().st_size
    assert {Path(path).stem for path in printed["pictures"]} >= {"losses", "ic_series"}
    assert all((tmp_path / path).is_file() for path in printed["pictures"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((), ConfigError, "got neither of RUN and --study"),
        (("0123", "--study", "s"), ConfigError, "got both of RUN and --study"),
        (("fff",), DataError, "run: got 'fff', expected a record's folder, or the id of one"),
        (("--study", "s"), ConfigError, "no study 's'"),
        (("fff", "--out", "."), InputError, "--out: . is a folder, expected a file"),
        (("fff", "--png", __file__), InputError, "--png: .*test_report.py is a file, expected a folder"),
    ],
)
def test_refused(record: Path, arguments: tuple[str, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run("report", *arguments)


def test_a_page_of_the_leaderboard(record: Path, tmp_path: Path) -> None:
    done = run("leaderboard", "--html", "board.html", "--json")
    assert json.loads(done.stdout)["page"] == "board.html"
    assert "There is no row yet" in (tmp_path / "board.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="--html: cannot go with --check"):
        run("leaderboard", "--html", "board.html", "--check")


def test_a_report_needs_no_torch(record: Path) -> None:
    program = (
        "import sys; sys.argv = ['lstm-bench', 'report', '0123']\n"
        "from lstm_bench.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code, done.code\n"
        "assert not {'torch', 'matplotlib', 'optuna'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=record.parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
