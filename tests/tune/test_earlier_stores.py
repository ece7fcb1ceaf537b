"""Stores that an earlier version wrote: a study with trials of every kind is read and continued.

Jobs had other names then, and modules other places; ``fixtures/`` has a journal and a dump of an SQLite database.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(params=["journal", "sqlite"])
def lab(request: pytest.FixtureRequest, make_lab: Any, tmp_path: Path) -> Any:
    if request.param == "journal":
        path = tmp_path / "earlier.journal"
        shutil.copy(FIXTURES / "earlier.journal", path)
        return make_lab("lab", str(path))
    path = tmp_path / "earlier.db"
    database = sqlite3.connect(path)
    database.executescript((FIXTURES / "earlier.sql").read_text())
    database.close()
    return make_lab("lab", f"sqlite:///{path}")


def test_an_earlier_study_goes_on(lab: Any) -> None:
    before = lab.rows()
    assert [row.state for row in before] == [
        "complete", "complete", "pruned", "failed", "complete", "interrupted", "queued"
    ]  # fmt: skip
    assert [row.params["hidden_size"] for row in before] == [1, 2, 300, 4, 1, 5, 6]
    assert (before[3].error, before[4].duplicate_of) == ("ValueError: the third layer is on fire", 0)
    assert list(before[5].epoch_values) == [0]

    after = lab.tune(8).trials
    assert after[:5] == before[:5]
    assert [(row.state, row.value) for row in after[5:7]] == [("pruned", 5.5), ("pruned", 6.5)]
    assert lab.begun()[:2] == [5, 6]  # nothing else is trained again
    assert list(after[5].epoch_values) == [0, 1]
    assert len(after) == 8
    assert lab.store.definition("s").config.max_retries == 0
