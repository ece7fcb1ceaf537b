"""Optuna's dashboard on a store of ours."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import parse_study
from lstm_bench.config.workflow import load_workflow
from lstm_bench.tune.definition import Definition
from lstm_bench.tune.repository.store import Store

PATIENCE_SECONDS = 60.0


def fetch(url: str, process: subprocess.Popen[bytes]) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, "the dashboard ended"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            assert time.monotonic() < until, "the dashboard does not answer"
            time.sleep(0.1)


def test_it_serves_the_studies_of_a_store(tmp_path: Path) -> None:
    config = parse_study({"name": "seen", "base": "demo.yaml", "space": {"lr": {"float": [1e-4, 1e-2]}}})
    workflow = load_workflow(ready_folder("configs") / "demo.yaml").resolved()
    store = Store(str(tmp_path / "store.journal"))
    store.create(Definition(config, workflow, "0" * 64))
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "lstm_bench",
        "dashboard",
        "--storage",
        str(store.path),
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            found = fetch(f"http://127.0.0.1:{port}/api/studies", process)
        finally:
            process.terminate()  # an interrupt is ignored by what a shell started in the background
    assert [study["study_name"] for study in found["study_summaries"]] == ["seen"]
