"""``--track``: a study tuned and benched with Weights & Biases, offline, and what is imported without."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
CPU = ["--devices", "cpu"]

HANGING = """\
import os, time
if os.environ.get("HANGING"):
    import wandb
    wandb.init = lambda *_, **__: time.sleep(3600)
"""


def test_a_study_is_tracked_from_its_first_trial_to_its_table(
    here: Run, market: Path, study_file: Path, tmp_path: Path, wandb_runs: Callable[[Path], dict[str, Any]]
) -> None:
    # the study says it, and bench inherits it
    made = here(
        "study", "create", "--from", study_file, "--provider-uri", market, "--trials", 2,
        "--set", "lstm_bench.tracking.tracker=wandb",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    tuned = here("tune", "--executor", "inline", *CPU, "--json")
    assert tuned.returncode == 0, tuned.stderr
    assert tuned.stderr.count("no API key is set") == 1
    trials = json.loads(here("study", "show", "--json").stdout)["trials"]
    found = {run.name: run for run in wandb_runs(tmp_path / "results" / "wandb").values()}
    assert set(found) == {"trial 0", "trial 1"}
    for trial in trials:
        run = found[f"trial {trial['number']}"]
        assert (run.group, run.job_type) == ("tiny", "search")
        assert run.steps == [int(epoch) for epoch in trial["epoch_values"]]
        assert [row["valid_loss"] for row in run.history] == list(trial["epoch_values"].values())
        assert {"train_loss", "seed/7/train_loss", "seed/8/valid_loss", "valid_score"} <= set(run.history[0])
        assert run.config["qlib_init"]["provider_uri"] == str(market)

    benched = here("bench", "--seeds", "1,", "--executor", "inline", *CPU)
    assert benched.returncode == 0, benched.stderr
    found = {run.job_type: run for run in wandb_runs(tmp_path / "results" / "wandb").values()}
    assert set(found) == {"search", "bench", "study"}
    (folder,) = [path.parent for path in (tmp_path / "results" / "tiny").glob("*/metrics.json")]
    assert found["bench"].name.endswith(", seed 1")
    assert found["bench"].summary["IC"] == json.loads((folder / "metrics.json").read_text())["IC"]
    assert found["bench"].steps == list(pd.read_parquet(folder / "epochs.parquet").index)
    assert found["study"].summary["leaderboard.nrows"] == 1
    assert "tracking" not in (folder / "config.yaml").read_text()


def test_ctrl_c_does_not_wait_for_a_tracker_that_hangs(
    small_run: list[object], home: Path, environment: Callable[[Path], dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(HANGING)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [
        *small_run, "--set", "task.model.kwargs.n_epochs=100000", "--set", "task.model.kwargs.early_stop=100000",
        "--set", "lstm_bench.tracking.timeout_seconds=300", "--track", "wandb", "--out", tmp_path,
    ]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "lstm_bench", *map(str, command)],
        cwd=home, env={**environment(home), "PYTHONPATH": path, "HANGING": "1", "WANDB_MODE": "offline"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch 1 " in line:
                break
        (tracker,) = [
            child
            for child in psutil.Process(process.pid).children()
            if "lstm_bench.tracking.process" in child.cmdline()
        ]
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate()
    was_left_behind = tracker.is_running()
    tracker.kill()
    assert process.returncode == 130
    assert was_left_behind, "it was waited for"
    assert "interrupted; no partial result is kept" in rest


def test_nothing_of_a_tracker_is_imported_unless_asked_for(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lstm_bench.config.sections.tracking import TrackingConfig\n"
        "from lstm_bench.report.leaderboard import study_table\n"
        "from lstm_bench.run import runner\n"
        "from lstm_bench.tracking.factory import open_tracker\n"
        "from lstm_bench.bench import driver\n"
        "from lstm_bench.tune import driver as tune_driver\n"
        "with open_tracker(TrackingConfig(), Path(sys.argv[1])) as tracker:\n"
        "    tracker.epoch('x', 0, {})\n"
        "libraries = {'wandb', 'mlflow'}\n"
        "adapters = {f'lstm_bench.tracking.{name}' for name in libraries}\n"
        "found = [name for name in sys.modules if name in adapters or name.split('.')[0] in libraries]\n"
        "assert not found, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--track", "wb"], "error: --track: got 'wb'; choices: mlflow, off, wandb"),
        (["--set", "lstm_bench.tracking.tracker=wandbb"], "error: lstm_bench.tracking.tracker: got 'wandbb'"),
    ],
)
def test_an_unknown_tracker_is_refused(
    here: Run, small_run: list[object], arguments: list[str], message: str
) -> None:
    done = here(*small_run, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
