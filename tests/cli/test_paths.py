"""Messages about places that cannot be written to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.cli.paths import check_file, check_folder
from lstm_bench.core.errors import InputError

CONFIG = Path(__file__).parents[2] / "configs" / "lstm_alpha158.yaml"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", CONFIG, "--out", "file"), "--out: file is a file, expected a folder"),
        (("run", CONFIG, "--dry-run", "--experiment", "file"), "--out: results/file is a file, expected a folder"),
        (("tune", "--out", "file/a"), "--out: file is a file, expected a folder"),
        (("bench", CONFIG, "--out", "file"), "--out: file is a file, expected a folder"),
        (("study", "export", "results"), "FILE: results is a folder, expected a file"),
        (("study", "export", "file/a.csv"), "FILE: file is a file, expected a folder"),
    ],
)  # fmt: skip
def test_a_command_looks_before_it_reads_anything(
    here: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    arguments: tuple[object, ...],
    message: str,
) -> None:
    """There are no data and no study, which would be refused later."""
    (tmp_path / "file").touch()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "file").touch()
    done = here(*arguments)
    assert done.returncode == 2
    assert done.stderr.replace(f"{tmp_path}{os.sep}", "") == f"error: {message}\n"


def test_what_can_be_made_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there.html").touch()
    monkeypatch.chdir(tmp_path)
    check_file("--out", None)
    check_folder("--png", None)
    for file in (Path("new.html"), Path("there.html"), tmp_path / "a" / "b" / "new.html"):
        check_file("--out", file)
    for folder in (Path(), Path("a/b"), tmp_path):
        check_folder("--png", folder)
    assert not (tmp_path / "a").exists()


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match=r"--out: .* is a folder, expected a file"):
        check_file("--out", tmp_path)
    for below in (file / "a.html", file / "a" / "b.html"):
        with pytest.raises(InputError, match=r"--out: .*/file is a file, expected a folder"):
            check_file("--out", below)
    with pytest.raises(InputError, match=r"--png: .*/file is a file, expected a folder"):
        check_folder("--png", file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r"--out: no permission to write in "):
        check_file("--out", tmp_path / "a.html")
    tmp_path.chmod(0o700)
