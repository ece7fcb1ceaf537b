"""Files and folders become visible complete, in one step, after they are on the disk."""

from __future__ import annotations

import ast
import errno
import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import lstm_bench
from lstm_bench.core import atomic
from lstm_bench.core.atomic import (
    publish,
    recover,
    remove_folder,
    staged_file,
    staging,
    stagings_in,
    stagings_of,
    swap,
    write_whole,
)

FLUSH, FLUSH_ENTRY = atomic._flush, atomic._flush_entry  # before tests/conftest.py replaces them


@pytest.fixture(autouse=True)
def flush(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_flush", FLUSH)
    monkeypatch.setattr(atomic, "_flush_entry", FLUSH_ENTRY)


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "content").write_text(content)
    return path


def names(path: Path) -> set[str]:
    return {one.name for one in path.iterdir()}


def dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flushes and renames, in order, by paths below the temporary folder; "*" is the staging."""
    seen: list[str] = []
    fsync, rename, replace, exchange = os.fsync, os.rename, os.replace, atomic._exchange

    def short(path: str | os.PathLike[str]) -> str:
        parts = Path(path).relative_to(tmp_path).parts
        return "/".join("*" if part.endswith(".draft") else part for part in parts) or "."

    def flushing(descriptor: int) -> None:
        seen.append(f"flush {short(Path(f'/proc/self/fd/{descriptor}').readlink())}")
        fsync(descriptor)

    def renaming(source: Path, target: Path) -> None:
        seen.append(f"{short(source)} -> {short(target)}")
        rename(source, target)

    def replacing(source: Path, target: Path) -> None:
        seen.append(f"{short(source)} -> {short(target)}")
        replace(source, target)

    def exchanging(one: Path, other: Path) -> bool:
        seen.append(f"{short(one)} <-> {short(other)}")
        return exchange(one, other)

    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(os, "rename", renaming)
    monkeypatch.setattr(os, "replace", replacing)
    monkeypatch.setattr(atomic, "_exchange", exchanging)
    return seen


linux = pytest.mark.skipif(sys.platform != "linux", reason="names of open files are read from /proc")


@linux
def test_a_file_is_flushed_before_it_is_renamed_and_its_folder_after(
    tmp_path: Path, steps: list[str]
) -> None:
    write_whole(tmp_path / "new" / "file", "text")
    assert steps == ["flush .", "flush new/*", "new/* -> new/file", "flush new"]
    assert (tmp_path / "new" / "file").read_text() == "text"


@linux
def test_a_folder_is_flushed_with_all_that_is_in_it(tmp_path: Path, steps: list[str]) -> None:
    with staging(tmp_path / "place") as staged:
        folder(staged, "new")
        folder(staged / "inner", "new")
        publish(staged, tmp_path / "place")
    assert steps == [
        "flush */inner/content", "flush */inner", "flush */content", "flush *", "* -> place", "flush .",
    ]  # fmt: skip


@linux
@pytest.mark.parametrize("exchange", [True, False])
def test_a_swap_is_flushed_before_and_after(
    tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    place = folder(tmp_path / "place", "old")
    if not exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    with staging(place) as staged:
        swap(folder(staged, "new"), place)
    before = ["flush */content", "flush *"]
    if exchange:
        assert steps == [*before, "* <-> place", "flush ."]
    else:
        aside = ".place.replaced"
        assert steps == [*before, f"place -> {aside}", "* -> place", "flush .", f"{aside} -> *", "flush ."]
    assert (place / "content").read_text() == "new"
    assert names(tmp_path) == {"place"}


@pytest.mark.parametrize("has_call", [True, False])
def test_a_folder_of_many_files_is_flushed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_call: bool
) -> None:
    flushed: list[Path] = []

    def flush_all(path: Path) -> bool:
        flushed.extend([path] * has_call)
        return has_call

    monkeypatch.setattr(atomic, "_flush_entry", flushed.append)
    monkeypatch.setattr(atomic, "_flush_file_system", flush_all)
    with staging(tmp_path / "place") as staged:
        staged.mkdir()
        for number in range(200):
            (staged / str(number)).touch()
        publish(staged, tmp_path / "place")
    assert len(flushed) == (2 if has_call else 202)
    assert flushed[-1] == tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="a call of Linux")
def test_a_file_system_is_flushed(tmp_path: Path) -> None:
    assert atomic._flush_file_system(tmp_path)


def test_what_cannot_be_flushed_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("old")

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "no disk")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no disk") as caught:
        write_whole(tmp_path / "file", "new")
    assert caught.value.filename == str(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == {"file"}


def test_folders_that_a_file_system_cannot_flush_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def fail_for_folders(descriptor: int) -> None:
        if os.fstat(descriptor).st_mode & 0o040000:
            raise OSError(errno.EINVAL, "not a file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    write_whole(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_keeps_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "file").write_text("old")

    def fail() -> None:
        with staged_file(tmp_path / "file") as staged:
            staged.write_text("half of the new")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == {"file"}


def test_a_folder_is_not_published_over_another_one(tmp_path: Path) -> None:
    place = folder(tmp_path / "place", "old")
    with pytest.raises(OSError, match="not empty"), staging(place) as staged:
        publish(folder(staged, "new"), place)
    assert (place / "content").read_text() == "old"
    (place / "content").unlink()
    with staging(place) as staged:
        publish(folder(staged, "new"), place)
    assert (place / "content").read_text() == "new"
    assert names(tmp_path) == {"place"}


@pytest.mark.skipif(sys.platform != "linux", reason="where names can be exchanged for sure")
def test_a_reader_meets_one_or_the_other_at_every_moment(tmp_path: Path) -> None:
    new, old = folder(tmp_path / "new", "new"), folder(tmp_path / "old", "old")
    done, read = threading.Event(), set()

    def reading() -> None:
        while not done.is_set():
            read.add((old / "content").read_text())

    reader = threading.Thread(target=reading)
    reader.start()
    for _ in range(200):
        swap(new, old)
    done.set()
    reader.join()
    assert read <= {"new", "old"}
    assert read


def test_what_a_killed_swap_left_is_put_back(tmp_path: Path) -> None:
    place = tmp_path / "market"
    aside = folder(tmp_path / ".market.replaced", "old")
    recover(place)
    assert (place / "content").read_text() == "old"
    folder(aside, "older")
    recover(place)
    assert (place / "content").read_text() == "old"
    assert not aside.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from lstm_bench.core import atomic

place, call, moment = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
calls = []
def kill_at(function):
    def counting(*arguments):
        calls.append(function)
        if len(calls) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return counting
os.fsync, os.rename, os.replace = map(kill_at, (os.fsync, os.rename, os.replace))
if call == "file":
    atomic.write_whole(place, "new")
else:
    with atomic.staging(place) as staged:
        staged.mkdir()
        (staged / "content").write_text("new")
        if call == "renames":
            atomic._exchange = lambda *_: False
        atomic.swap(staged, place)
"""


@pytest.mark.parametrize(
    ("call", "moment", "expected"),
    [
        *(("file", moment, "old") for moment in (1, 2)), ("file", 3, "new"),
        *(("exchange", moment, "old") for moment in (1, 2)), ("exchange", 3, "new"),
        *(("renames", moment, "old") for moment in (1, 2, 3, 4)),
        *(("renames", moment, "new") for moment in (5, 6, 7)),
    ],
)  # fmt: skip
def test_a_kill_at_any_step_leaves_the_old_content_or_the_new(
    tmp_path: Path, call: str, moment: int, expected: str
) -> None:
    if call == "exchange" and sys.platform != "linux":
        pytest.skip("where names can be exchanged for sure")
    place = tmp_path / "place"
    content = place if call == "file" else folder(place, "old") / "content"
    content.write_text("old")
    killed = subprocess.run([sys.executable, "-c", KILLED, place, call, str(moment)], check=False)
    assert killed.returncode == -signal.SIGKILL
    recover(place)
    assert content.read_text() == expected
    assert names(tmp_path) == {"place"}


def test_stagings_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    host, place, dead = platform.node(), tmp_path / "market", dead_process()
    for owner in (f"{host}-{dead}-abc", f"{host}-{os.getpid()}-abc", "elsewhere-1-abc"):
        folder(tmp_path / f".market.{owner}.draft", "")
    (tmp_path / f".market.{host}-{dead}-abd.draft").write_text("a file")
    (tmp_path / f".market.2.{host}-{dead}-abd.draft").write_text("of another place")
    with staging(place) as mine:
        folder(mine, "")
    stay = [f"{host}-{os.getpid()}-abc", "elsewhere-1-abc", f"2.{host}-{dead}-abd"]
    assert names(tmp_path) == {f".market.{name}.draft" for name in stay}


def test_the_staging_of_an_earlier_process_of_the_same_number_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "market"
    with staging(place) as mine:
        mine.touch()
        start, random = mine.name[-24:-14], mine.name[-14:]
        earlier = mine.with_name(
            mine.name[:-24] + f"{int(start, 16) - 100_000:010x}" + random
        )  # before a reboot
        earlier.touch()
        recover(place)
        assert mine.exists()
        assert not earlier.exists()


def test_the_staging_of_a_file_of_an_earlier_version_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f".config.json.{dead_process()}-0f12ab34.draft"
    left.touch()
    recover(tmp_path / "config.json")
    assert not left.exists()


def test_stagings_are_listed_with_their_places_and_processes(tmp_path: Path) -> None:
    for name in (
        ".one.a-host.net-12-0f.draft",
        ".two.34-0f.draft",
        ".three",
        "four.a-5-0f.draft",
        ".a.b-x-0f.draft",
    ):
        (tmp_path / name).touch()
    found = [(one.place, one.owner.host, one.owner.pid) for one in stagings_in(tmp_path)]
    assert found == [("one", "a-host.net", 12), ("two", "", 34)]
    assert [one.path.name for one in stagings_of(tmp_path / "two")] == [".two.34-0f.draft"]
    with staging(tmp_path / "five") as mine:
        mine.touch()
        (staged,) = stagings_of(tmp_path / "five")
        assert (staged.path, staged.is_active, staged.owner.is_here) == (mine, True, True)
    assert stagings_in(tmp_path / "nowhere") == []


def test_a_removed_folder_is_gone(tmp_path: Path) -> None:
    remove_folder(folder(tmp_path / "place", "old"))
    remove_folder(tmp_path / "place")
    assert names(tmp_path) == set()


def renames(tree: ast.AST) -> list[int]:
    """Lines that rename a file: functions of os and shutil, and methods of paths, which take one argument."""
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        module = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        takes_one = len(node.args) == 1 and not node.keywords
        if f"{module}.{node.func.attr}" in ("os.rename", "os.renames", "os.replace", "shutil.move") or (
            takes_one and node.func.attr in ("rename", "replace")
        ):
            found.append(node.lineno)
    return found


def test_renames_are_found() -> None:
    lines = ["os.replace(a, b)", "shutil.move(a, b)", "path.rename(c)", "path.replace(c)"]
    lines += ['"a".replace("b", "c")', "table.rename(columns=d)", "dataclasses.replace(e, f=1)"]
    assert renames(ast.parse("\n".join(lines))) == [1, 2, 3, 4]


def test_only_one_module_renames_files() -> None:
    source = Path(lstm_bench.__file__).parent
    found = {
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if renames(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == {"core/atomic.py"}
