"""``lstm-bench doctor``: its report matches the machine, and the paths that would be chosen."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from lstm_bench.model import limits
from lstm_bench.model import timing as timing_module
from lstm_bench.model.select import choose_path
from lstm_bench.model.timing import DEFAULT_SHAPES, qlib_spec

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = ["--hidden-size", "4", "--num-layers", "1", "--batch-size", "16"]
CPU = torch.device("cpu")


def test_one_json_object_says_what_would_serve(lstm_bench: Run, home: Path) -> None:
    done = lstm_bench("doctor", "--time", "--device", "cpu", "--json", "--seeds", 2, *SMALL)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["device"] == "cpu"
    assert report["versions"]["torch"] == version("torch")
    assert report["devices"]["cpu"]["threads"] == 1
    datasets = report["folders"]["datasets"]
    assert (datasets["folder"], datasets["writable"]) == (str(home / ".cache" / "datasets"), True)
    assert Path(report["folders"]["kernels"]["folder"]).is_dir()
    assert report["limits"]["fp32"].keys() == {"gemm_flops", "copy_bytes"}
    shapes = {shape["name"]: shape for shape in report["shapes"]}
    assert shapes.keys() == DEFAULT_SHAPES.keys()
    for name, shape in shapes.items():
        assert (shape["d_feat"], shape["step_len"]) == DEFAULT_SHAPES[name]
        assert (shape["hidden_size"], shape["batch_size"], shape["members"]) == (4, 16, 2)
        for compat, reported in shape["choices"].items():
            choice = choose_path(replace(qlib_spec(shape["d_feat"]), compat=compat, hidden_size=4), CPU)
            assert reported == {"path": choice.name, "reason": choice.reason}
        timed = [timing["path"] for timing in shape["timings"]]
        assert timed == [shape["choices"]["none"]["path"], "reference"]
        for timing in shape["timings"]:
            # milliseconds a step and seed are those of samples/s over all seeds
            assert timing["samples_per_second"] * timing["step_ms"] == pytest.approx(16e3)


def test_people_read_tables(here: Run) -> None:
    done = here("doctor", "--time", "--device", "cpu", "--step-len", 3, "--d-feat", 2, *SMALL)
    assert done.returncode == 0, done.stderr
    for expected_text in (
        "as given: 3 days of 2 features",
        "cpu",
        "compat: qlib trains on the reference path",
        "GFLOP/s",
    ):
        assert expected_text in done.stdout
    assert "Alpha158" not in done.stdout


def test_a_window_may_be_changed_in_both_feature_sets(here: Run) -> None:
    done = here("doctor", "--device", "cpu", "--json", "--step-len", 4, *SMALL)
    assert done.returncode == 0, done.stderr
    shapes = [
        (shape["name"], shape["d_feat"], shape["step_len"]) for shape in json.loads(done.stdout)["shapes"]
    ]
    assert shapes == [("Alpha158", 20, 4), ("Alpha360", 6, 4)]


def test_a_folder_that_cannot_be_written_to_is_named(
    here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "file" / "datasets"))
    done = here("doctor", "--device", "cpu", "--step-len", 3, "--d-feat", 2, *SMALL)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'file' / 'datasets'}, which cannot be written to" in done.stdout
    assert (
        f"! {tmp_path / 'file' / 'datasets'} cannot be written to: set LSTM_BENCH_CACHE to another"
        in done.stdout
    )


def test_nothing_is_timed_unless_asked_for(here: Run, market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "measure_limits", None)
    monkeypatch.setattr(timing_module, "time_path", None)
    done = here("doctor", "--json", "--device", "cpu", "--provider-uri", market, "--results", "mine")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["limits"] == {}
    assert [shape["timings"] for shape in report["shapes"]] == [[], []]
    assert report["data"]["folder"] == str(market)
    assert (report["data"]["last_day"], report["data"]["synthetic"]) == ("2020-09-30", True)
    assert report["data"]["markets"]["csi300"]["last_day"] == "2020-09-30"
    folders = report["folders"]
    assert folders["results"]["folder"] == "mine"
    assert (folders["results"]["exists"], folders["results"]["writable"]) == (False, True)
    assert folders["studies"]["store"] == "studies/store.journal"
    assert all(folder["free_bytes"] > 0 for folder in folders.values())
    assert report["devices"]["cpu"]["free_memory_bytes"] <= report["devices"]["cpu"]["memory_bytes"]


def test_data_that_are_not_there_are_said_and_those_named_are_refused(here: Run) -> None:
    done = here("doctor", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "! there is no data in ~/.qlib/qlib_data/cn_data: give --provider-uri" in done.stdout
    done = here("doctor", "--device", "cpu", "--provider-uri", "nowhere")
    assert done.returncode == 2
    assert "provider_uri: got 'nowhere'" in done.stderr


def test_no_password_and_no_key_is_shown(here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_BENCH_STORAGE", "postgresql+psycopg://user:geheim@host/studies")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:geheim@host")
    monkeypatch.setenv("WANDB_API_KEY", "geheim")
    done = here("doctor", "--device", "cpu", "--json")
    assert done.returncode == 0, done.stderr
    assert "geheim" not in done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["folders"]["studies"] == {
        "store": "postgresql+psycopg://user:***@host/studies", "writable": None, "free_bytes": None
    }  # fmt: skip
    assert report["tracking"]["wandb"]["key"] == "WANDB_API_KEY"
    assert report["tracking"]["mlflow"]["tracking_uri"] == "https://user:***@host"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "cuda:9"], ["--device: got 'cuda:9'", "choices: auto, cpu"]),
        (["--device", "gpu"], ["--device: got 'gpu'", "choices: auto, cpu, mps, cuda"]),
        (["--device", "cpu", "--precision", "tf32"], ["precision: got 'tf32'", "choices: fp32"]),
        (["--precision", "fp16"], ["fp16", "fp32", "tf32", "bf16"]),
        (["--seeds", "0"], ["Invalid value", "expected 1 or more"]),
    ],
)
def test_bad_input_is_refused_with_its_choices(here: Run, arguments: list[str], words: list[str]) -> None:
    done = here("doctor", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr
