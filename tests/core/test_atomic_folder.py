"""Folders that become visible whole."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lstm_bench.core import atomic_folder as draft
from lstm_bench.core.atomic_folder import draft_beside, recover, swap


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "content").write_text(content)
    return path


@pytest.mark.parametrize("exchange", [True, False])
def test_a_swap_puts_one_in_the_place_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(draft, "_exchange", lambda *_: False)
    new, old = folder(tmp_path / "new", "new"), folder(tmp_path / "old", "old")
    swap(new, old)
    assert ((old / "content").read_text(), (new / "content").read_text()) == ("new", "old")
    assert {path.name for path in tmp_path.iterdir()} == {"new", "old"}


@pytest.mark.skipif(sys.platform != "linux", reason="where names can be exchanged for sure")
def test_a_reader_meets_one_or_the_other_at_every_moment(tmp_path: Path) -> None:
    new, old = folder(tmp_path / "new", "new"), folder(tmp_path / "old", "old")
    done, read = threading.Event(), set()

    def reading() -> None:
        while not done.is_set():
            read.add((old / "content").read_text())

    reader = threading.Thread(target=reading)
    reader.start()
    for _ in range(2000):
        swap(new, old)
    done.set()
    reader.join()
    assert read <= {"new", "old"}
    assert read


def test_what_a_killed_process_left_is_put_right(tmp_path: Path) -> None:
    place = tmp_path / "market"
    aside = folder(tmp_path / ".market.replaced", "old")
    recover(place)
    assert (place / "content").read_text() == "old"
    folder(aside, "older")
    recover(place)
    assert (place / "content").read_text() == "old"
    assert not aside.exists()


def test_drafts_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    host, place = platform.node(), tmp_path / "market"
    for owner in (f"{host}-{dead.stdout.strip()}-abc", f"{host}-{os.getpid()}-abc", "elsewhere-1-abc"):
        folder(tmp_path / f".market.{owner}.draft", "")
    with draft_beside(place) as mine:
        folder(mine, "")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f".market.{host}-{os.getpid()}-abc.draft", ".market.elsewhere-1-abc.draft"}
