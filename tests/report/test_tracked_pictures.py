"""Pictures for trackers, drawn where they are asked for and can be."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.sections.tracking import TrackingConfig
from lstm_bench.record.record import Record
from lstm_bench.report import tracked_pictures
from lstm_bench.report.tracked_pictures import drawing


def test_each_picture_is_there_until_the_next_is_asked_for(recorded: Record) -> None:
    named = drawing(TrackingConfig(tracker="wandb"))
    assert named is not None
    module, _, function = named.partition(":")
    seen: list[Path] = []
    for name, path in getattr(importlib.import_module(module), function)(recorded):
        assert path.stem == name
        assert path.read_bytes().startswith(b"\x89PNG")
        seen.append(path)
    assert len(seen) > 3
    assert not any(path.exists() for path in seen)


def test_nothing_is_drawn_unasked_or_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawing(TrackingConfig(tracker="wandb", figures=False)) is None

    def without(name: str, *more: Any) -> Any:
        return None if name == "matplotlib" else importlib.util.find_spec(name, *more)

    monkeypatch.setattr(tracked_pictures, "find_spec", without)
    assert drawing(TrackingConfig(tracker="wandb")) is None
