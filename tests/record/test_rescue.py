"""A full disk: known before training, and no reason to lose what was trained."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import DataError, RunError
from lstm_bench.record.record import Record
from lstm_bench.record.rescue import check_room, free_bytes, rescue, rescued
from lstm_bench.run import publication
from lstm_bench.run.runner import execute, execute_pack
from lstm_bench.tracking.progress import Progress

Configure = Callable[..., RunConfig]


class Stages(Progress):
    """Remembers the stages."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def stage(self, name: str) -> None:
        self.seen.append(name)


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[Path]:
    """Mount a disk of a given size in KiB, if the user has the permission."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_room_is_looked_for_before_training(configure: Configure, tmp_path: Path) -> None:
    stages = Stages()
    with (
        small_disk(tmp_path / "disk", 64) as disk,
        pytest.raises(
            DataError, match=rf"--out: {disk}/e has 0\.1 MiB of room, expected .* records of 2 seeds"
        ),
    ):
        execute_pack(configure(), [0, 1], disk / "e", device="cpu", progress=stages)
    assert "train" not in stages.seen


def test_a_disk_that_fills_up_meanwhile_loses_nothing(
    configure: Configure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = configure("lstm_bench.compat=none")
    with small_disk(tmp_path / "disk", 2048) as disk:

        class Filling(Stages):
            def stage(self, name: str) -> None:
                super().stage(name)
                if name == "record":
                    (disk / "ballast").write_bytes(bytes(free_bytes(disk) - 40_000))

        with pytest.raises(
            RunError, match=rf"seed 0: {disk}/e has no room for its record, which is kept in "
        ):
            execute(config, disk / "e", device="cpu", progress=Filling())
        with pytest.raises(RunError, match=r"no room for the record that is kept in .*-rescued"):
            execute(config, disk / "e", device="cpu")
        (disk / "ballast").unlink()
        stages = Stages()
        record, computed = execute(config, disk / "e", device="cpu", progress=stages)
        assert (computed, stages.seen) == (False, ["fingerprint"])
        assert record.metrics()["IC"] == record.metrics()["IC"]
        assert record.path.parent == disk / "e"
        assert rescued(record.path.name) is None


def test_each_seed_of_a_pack_is_kept_and_found_again(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(experiment: Path, needed: float) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(experiment))

    config = configure("lstm_bench.compat=none")
    with monkeypatch.context() as patched:
        patched.setattr(publication, "expect_room", full)
        with pytest.raises(RunError) as raised:
            execute_pack(config, [3, 4], tmp_path / "e", device="cpu")
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["seed 3", "seed 4"]
    kept = [Path(line.partition("is kept in ")[2].partition(";")[0]) for line in lines]
    assert all(Record.find(path) and path.parent == tmp_path / "cache-rescued" for path in kept)
    assert not (tmp_path / "e").exists()
    files = {path.name: (path / "metrics.json").read_bytes() for path in kept}
    stages = Stages()
    runs = execute_pack(config, [3, 4], tmp_path / "e", device="cpu", progress=stages)
    assert "train" not in stages.seen
    assert {run.record.path.name: (run.record.path / "metrics.json").read_bytes() for run in runs} == files
    assert not any(path.exists() for path in kept)


def test_what_force_computed_replaces_the_record_that_was_there(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(experiment: Path, needed: float) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(experiment))

    config = configure("lstm_bench.compat=none")
    record, _ = execute(config, tmp_path / "e", device="cpu")
    figures = record.metrics()
    (record.path / "metrics.json").write_text("damaged")
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(publication, "expect_room", full)
            with pytest.raises(RunError, match="is kept in"):
                execute(config, tmp_path / "e", device="cpu", force=True)
        again, computed = execute(config, tmp_path / "e", device="cpu")
        assert (again.path, again.metrics(), computed) == (record.path, figures, False)
        assert rescued(record.path.name) is None
    rescue(record.path.name, thousand_bytes)
    execute(config, tmp_path / "e", device="cpu", force=True)
    assert rescued(record.path.name) is None


def thousand_bytes(path: Path) -> None:
    path.write_bytes(bytes(1000))


def test_a_place_without_room_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cache-rescued").write_text("a file, where a folder should be")
    kept = rescue("abc", thousand_bytes)
    assert kept is not None
    assert kept.is_relative_to(tmp_path / "temporary")
    assert rescued("abc") == kept
    assert rescued("abd") is None


def test_where_there_is_no_room_anywhere_it_is_said(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert rescue("abc", thousand_bytes) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert rescued("abc") is None
    assert not list((tmp_path / "cache-rescued").iterdir())


def test_room_is_measured_where_the_folder_will_be(tmp_path: Path) -> None:
    check_room(tmp_path / "not" / "there", 10.0, "a record")
    with pytest.raises(
        DataError, match=r"has .* MiB of room, expected .* MiB or more for a record; make room"
    ):
        check_room(tmp_path / "not" / "there", 1e18, "a record")
