"""What commands print where, and their exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.config.workflow import load_workflow

CONFIGS = Path(__file__).parents[2] / "configs"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_run_prints_its_metrics_and_where_they_lie(
    process: Run, lstm_bench: Run, small_run: list[object], home: Path
) -> None:
    done = process(*small_run, "--seed", 3)
    assert done.returncode == 0, done.stderr
    for text in (
        "Rank ICIR",
        "1day.excess_return_with_cost.max_drawdown",
        "finished after 1 epoch,",
        "recorded in",
    ):
        assert text in done.stdout
    assert "seed 3  epoch 0 of at most 1: train" in done.stderr
    records = list((home / "results" / "lstm_alpha158").glob("[!.]*"))
    assert len(records) == 1
    assert load_workflow(records[0] / "config.yaml").seed == 3

    again = lstm_bench("-q", *small_run, "--seed", 3)
    assert "recorded before" in again.stdout
    assert len(list((home / "results" / "lstm_alpha158").glob("[!.]*"))) == 1


def test_json_is_one_object_and_nothing_else(lstm_bench: Run, small_run: list[object]) -> None:
    done = lstm_bench(*small_run, "--json")
    answer = json.loads(done.stdout)
    assert answer["computed"] is True
    assert {"IC", "ICIR", "Rank IC", "Rank ICIR"} <= set(answer["metrics"])
    assert answer["provenance"]["command"][1] == "run"


def test_a_dry_run_prints_what_would_run_and_leaves_nothing(
    lstm_bench: Run, small_run: list[object], home: Path
) -> None:
    done = lstm_bench(*small_run, "--dry-run", "--out", "dry")
    assert done.returncode == 0, done.stderr
    for text in ("hidden_size: 4", "samples in train", "memory, resident data", "disk, record"):
        assert text in done.stdout
    assert not (home / "dry").exists()
    plan = json.loads(lstm_bench(*small_run, "--dry-run", "--json").stdout)
    assert plan["samples"]["test"] > 0


def test_debug_shows_where_an_error_comes_from(process: Run) -> None:
    done = process("--debug", "data", "info", "/nowhere")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_a_process_exits_with_the_code_of_its_error(process: Run) -> None:
    done = process("run", "nowhere.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: nowhere.yaml")


def test_data_info_counts_what_is_there(lstm_bench: Run, market: Path) -> None:
    info = json.loads(lstm_bench("data", "info", market, "--json").stdout)
    assert (info["days"], info["last_day"]) == (320, "2020-09-30")
    assert {entry["market"]: entry["instruments"] for entry in info["markets"]}["all"] == 20
    assert {entry["field"] for entry in info["fields"]} == {
        "open",
        "high",
        "low",
        "close",
        "volume",
        "factor",
        "change",
    }
    assert len(info["fingerprint"]) == 64
    assert "csi300" in lstm_bench("data", "info", market).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", CONFIGS / "lstm_alpha158.yaml", "--provider-uri", "/nowhere"], "provider_uri"),
        (
            ["run", CONFIGS / "lstm_alpha158.yaml", "--set", "task.model.kwargs.lr=fast"],
            "task.model.kwargs.lr: got 'fast'",
        ),
        (["data", "info", "/nowhere"], "/nowhere"),
        (["data", "synth", ".", "--stocks", "2"], "stocks"),
        (["run"], "CONFIG"),
        (["rum"], "rum"),
        (["run", CONFIGS / "lstm_alpha158.yaml", "--seed", "-1"], "seed"),
    ],
)
def test_bad_input_is_exit_code_2_without_a_traceback(
    lstm_bench: Run, arguments: list[object], message: str
) -> None:
    done = lstm_bench(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_an_unknown_device_is_named(lstm_bench: Run, market: Path) -> None:
    done = lstm_bench("run", CONFIGS / "lstm_alpha158.yaml", "--provider-uri", market, "--device", "gpu")
    assert done.returncode == 2
    assert "choices: auto, cpu, mps, cuda" in done.stderr


def test_a_market_is_made(lstm_bench: Run, home: Path) -> None:
    done = lstm_bench("data", "synth", "another", "--stocks", 12, "--days", 250)
    assert done.returncode == 0, done.stderr
    assert "12 stocks, 250 days, seed 0" in done.stdout
    assert (home / "another" / "calendars" / "day.txt").is_file()


def test_a_market_is_never_written_over(lstm_bench: Run, market: Path) -> None:
    done = lstm_bench("data", "synth", market)
    assert done.returncode == 2
    assert str(market) in done.stderr


def test_ctrl_c_is_exit_code_130_and_leaves_no_record(
    home: Path, small_run: list[object], start: Callable[..., subprocess.Popen[str]]
) -> None:
    long = ["--set", "task.model.kwargs.n_epochs=500", "--set", "task.model.kwargs.early_stop=500"]
    with start(*small_run, *long, "--experiment", "interrupted") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch 0" in line:
                break
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "interrupted" in rest
    assert not [path for path in (home / "results").glob("interrupted/*") if path.name != ".lock"]
