from __future__ import annotations

from pathlib import Path

import pytest

from lstm_bench.config import ready
from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import load_study
from lstm_bench.core.errors import ConfigError


def test_the_checkouts_files_are_found() -> None:
    root = Path(__file__).parents[2]
    assert (ready_folder("configs"), ready_folder("studies")) == (root / "configs", root / "studies")


def test_a_wheels_own_files_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "_PACKAGE", tmp_path / "lib" / "lstm_bench")
    with pytest.raises(ConfigError, match="the ready studies are not installed; looked in"):
        ready_folder("studies")
    own = tmp_path / "lib" / "lstm_bench" / "ready" / "studies"
    own.mkdir(parents=True)
    assert ready_folder("studies") == own


@pytest.mark.parametrize("name", ["alpha158", "alpha360", "demo"])
def test_ready_studies_name_ready_workflows(name: str) -> None:
    folder = ready_folder("studies")
    config = load_study(folder / f"{name}.yaml")
    assert config.name == name
    assert (folder / config.base).resolve().parent == ready_folder("configs").resolve()
    assert not config.notes()
