"""Passwords in printed and stored text."""

from __future__ import annotations

import pytest

from lstm_bench.config.secret import without_password
from lstm_bench.record.provenance import environment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://user:secret@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:p@ss@host/db", "postgresql://user:***@host/db"),
        ("sqlite:///a.db?password=hunter2&x=1", "sqlite:///a.db?password=***&x=1"),
        ("studies/store.journal", "studies/store.journal"),
        ("http://host:8080/a", "http://host:8080/a"),
    ],
)
def test_a_password_becomes_stars(text: str, expected: str) -> None:
    assert without_password(text) == expected


def test_a_record_does_not_keep_the_password_of_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["lstm-bench", "bench", "--storage", "mysql://me:secret@host/db"])
    assert environment()["command"] == ["lstm-bench", "bench", "--storage", "mysql://me:***@host/db"]
