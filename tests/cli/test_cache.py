"""``lstm-bench cache``, on its own entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from lstm_bench.cli import cache as command
from lstm_bench.dataset.array_store import ArrayStore

IDENTITY = {
    "data": "f" * 64,
    "handler": {"class": "Alpha158"},
    "segments": {"train": ["2008-01-01", "2014-12-31"], "valid": ["2015-01-01", "2016-12-31"]},
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArrayStore:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LSTM_BENCH_CACHE_GB", "2")
    monkeypatch.setenv("COLUMNS", "160")
    found = ArrayStore()
    assert found.folder == tmp_path / "cache"
    return found


def fill(store: ArrayStore, key: str) -> Any:
    return store.open(key, lambda: ({"x": np.zeros(1000)}, {"identity": IDENTITY}))


def invoke(*arguments: str) -> str:
    answer = CliRunner().invoke(command.app, list(arguments))
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_an_empty_cache_is_no_error(store: ArrayStore) -> None:
    assert json.loads(invoke("info", "--json")) == {
        "folder": str(store.folder), "bytes": 0, "max_bytes": 2_000_000_000, "entries": []
    }  # fmt: skip
    assert "removed 0 datasets" in invoke("clear")
    assert not store.folder.exists()


def test_info_says_what_the_entries_are_of(store: ArrayStore) -> None:
    fill(store, "a" * 32).close()
    held = fill(store, "b" * 32)
    answer = json.loads(invoke("info", "--json"))
    assert [entry["key"] for entry in answer["entries"]] == ["b" * 32, "a" * 32]
    assert [entry["in_use"] for entry in answer["entries"]] == [True, False]
    (entry,) = answer["entries"][1:]
    assert (entry["handler"], entry["data_fingerprint"]) == ("Alpha158", "f" * 64)
    assert entry["segments"] == IDENTITY["segments"]
    assert answer["bytes"] == sum(entry["bytes"] for entry in answer["entries"]) > 16000
    text = invoke("info")
    assert "Alpha158" in text
    assert "train 2008-01-01..2014-12-31" in text
    held.close()


def test_clear_leaves_what_is_in_use(store: ArrayStore) -> None:
    fill(store, "a" * 32).close()
    held = fill(store, "b" * 32)
    answer = json.loads(invoke("clear", "--json"))
    assert [entry["key"] for entry in answer["removed"]] == ["a" * 32]
    assert answer["freed_bytes"] > 8000
    assert answer["kept"] == 1
    assert "removed 0 datasets, 0 MB; 1 are in use and stay" in invoke("clear")
    held.close()
    assert "removed 1 dataset" in invoke("clear")
    assert store.info() == []


def test_a_damaged_entry_can_be_shown_and_removed(store: ArrayStore) -> None:
    entry = fill(store, "a" * 32)
    entry.close()
    (entry.path / "entry.json").write_text("{")
    (shown,) = json.loads(invoke("info", "--json"))["entries"]
    assert (shown["handler"], shown["segments"]) == (None, {})
    invoke("info")
    assert len(json.loads(invoke("clear", "--json"))["removed"]) == 1
