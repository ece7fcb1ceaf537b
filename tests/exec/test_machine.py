"""The description of a machine matches the machine, and has no keys and passwords."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.exec import machine
from lstm_bench.exec.machine import advice, machine_report

WANDB = ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_CONFIG_DIR", "WANDB_DIR", "NETRC")

SMI = """\
+-----------------------------------------------------------------------------+
| NVIDIA-SMI 550.54.15    Driver Version: 550.54.15    CUDA Version: 12.4     |
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LSTM_BENCH_STORAGE", raising=False)
    for name in WANDB:
        monkeypatch.delenv(name, raising=False)


def report(provider_uri: Path | None = None) -> dict[str, Any]:
    uri = None if provider_uri is None else str(provider_uri)
    return machine_report(uri, Path("results"), "store.journal", Path("studies") / "store.journal")


def put_driver(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a fake ``nvidia-smi`` with the output of the real one on the path."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{SMI}END\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_driver_that_torch_cannot_use_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    put_driver(tmp_path, monkeypatch)
    monkeypatch.setattr(torch.version, "cuda", None)
    found = report()
    assert (found["devices"]["driver"], found["devices"]["driver_cuda"]) == ("550.54.15", "12.4")
    assert any("torch is a build for the CPU" in sentence for sentence in advice(found))
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    (sentence,) = [text for text in advice(report()) if "NVIDIA" in text]
    assert "torch, built for CUDA 13.0, sees no device: the driver serves CUDA up to 12.4" in sentence


def test_a_machine_without_a_driver_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = report()
    assert (found["devices"]["driver"], found["devices"]["driver_cuda"]) == (None, None)
    assert not any("NVIDIA" in sentence for sentence in advice(found))


def test_a_key_is_found_where_wandb_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert report()["tracking"]["wandb"]["key"] is None
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password geheim\n")
    (tmp_path / ".netrc").chmod(0o600)
    found = report()
    assert found["tracking"]["wandb"]["key"] == str(tmp_path / ".netrc")
    assert "geheim" not in str(found)
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.firm.example:8080")
    wandb = report()["tracking"]["wandb"]
    assert (wandb["host"], wandb["key"]) == ("wandb.firm.example:8080", None)
    monkeypatch.setenv("WANDB_API_KEY", "geheim")
    assert report()["tracking"]["wandb"]["key"] == "WANDB_API_KEY"


@pytest.mark.parametrize("distribution", ["mlflow", "mlflow-skinny"])
def test_mlflow_is_there_in_either_distribution(
    distribution: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / f"{distribution.replace('-', '_')}-9.8.7.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 9.8.7\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert machine._version("mlflow") == "9.8.7"


def test_the_mode_is_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_version", lambda name: "1.0" if name == "wandb" else None)
    assert any("wandb is installed and has no key" in sentence for sentence in advice(report()))
    monkeypatch.setenv("WANDB_MODE", "offline")
    wandb = report()["tracking"]["wandb"]
    assert (wandb["mode"], wandb["mode_from"]) == ("offline", "WANDB_MODE")
    assert not any("wandb" in sentence for sentence in advice(report()))


def test_a_netrc_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_version", lambda name: "1.0" if name == "wandb" else None)
    (tmp_path / ".netrc").write_text("machine api.wandb.ai\nlgin user\n")
    warning, no_key = [
        sentence for sentence in advice(report()) if "netrc" in sentence or "wandb" in sentence
    ]
    assert warning.startswith(f"{tmp_path / '.netrc'}, line 2: ")
    assert "wandb is installed and has no key" in no_key


def test_data_are_described_without_their_bars(tmp_path: Path) -> None:
    assert report()["data"] is None
    market = tmp_path / ".qlib" / "qlib_data" / "cn_data"
    synthesize(market, stocks=12, days=250)
    found = report()
    days = Provider(market).calendar
    assert found["data"] == report(market)["data"]
    assert found["data"]["folder"] == str(market)
    assert (found["data"]["days"], found["data"]["first_day"]) == (250, str(days[0]))
    assert not any("no data" in sentence for sentence in advice(found))
    members = market / "instruments" / "csi300.txt"
    lines = [line.split("\t") for line in members.read_text().splitlines()]
    members.write_text("".join(f"{code}\t{days[0]}\t{days[100]}\n" for code, _, _ in lines))
    (sentence,) = [text for text in advice(report()) if "calendar" in text]
    assert (
        f"continues to {days[-1]}, but market 'csi300' ends on {days[100]}: later days have no rows"
        in sentence
    )
    with pytest.raises(DataError, match="there is none"):
        report(tmp_path / "nowhere")


def test_little_room_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = report()
    found["folders"]["results"]["free_bytes"] = 2**30
    found["devices"]["cpu"] |= {"free_memory_bytes": 2**30, "threads": 64, "usable_cores": 2}
    sentences = advice(found)
    assert "results has only 1.0 GiB left: give --out another" in sentences
    assert any("only 1.0 GiB of memory are free" in sentence for sentence in sentences)
    assert any("64 threads share 2 cores: set OMP_NUM_THREADS=2" in sentence for sentence in sentences)
