"""Pictures: the page's figures, drawn for documents."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.tracking import TrackingConfig
from lstm_bench.core.errors import ConfigError
from lstm_bench.record.record import Record
from lstm_bench.report import pictures as pictures_module
from lstm_bench.report.figures.figure import Figure
from lstm_bench.report.figures.search import Work, timeline_figure
from lstm_bench.report.figures.traces import bars, heatmap, horizontal, line, points, span, vertical
from lstm_bench.report.pages.run_page import MAIN_FIGURES
from lstm_bench.report.pictures import draw_pictures, figure_hook, pictures

pytest.importorskip("matplotlib")


def test_a_records_main_figures(recorded: Record, tmp_path: Path) -> None:
    found = dict(pictures(recorded, tmp_path / "png"))
    assert tuple(found) == tuple(name for name in MAIN_FIGURES if name != "capacity")
    for name, path in found.items():
        assert path == tmp_path / "png" / f"{name}.png"
        assert path.read_bytes().startswith(b"\x89PNG")
        assert len(set(path.read_bytes())) > 100  # not an empty canvas
    assert sorted(one.name for one in (tmp_path / "png").iterdir()) == sorted(f"{name}.png" for name in found)


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    figure = Figure("f", "F", "reads", [line("a", [1, 2], [1.0, None], "@blue")])
    ((_, first),) = draw_pictures([figure], tmp_path / "1")
    ((_, second),) = draw_pictures([figure], tmp_path / "2")
    assert first.read_bytes() == second.read_bytes()


def test_what_is_drawn_holds_the_traces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import matplotlib.figure

    canvases = []
    original = matplotlib.figure.Figure.savefig

    def keep(self: matplotlib.figure.Figure, *arguments: object, **more: object) -> None:
        canvases.append(self)
        original(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", keep)
    days = ["2020-01-01", "2020-01-02", "2020-01-03"]
    figure = Figure(
        "f", "F", "reads",
        [
            line("a", days, [1.0, 2.0, 4.0], "@blue", fill="tozeroy", fillcolor="@blue/20"),
            bars("b", days, [3.0, 1.0, 2.0], "@grey/45"),
            points("c", days[1:2], [2.0], "@ink", symbol="circle-open"),
        ],
        {"shapes": [horizontal(1.0), vertical(days[1]), span(days[0], days[1], "@orange/14")]},
    )  # fmt: skip
    grid = Figure(
        "g", "G", "reads", [heatmap("z", ["Jan", "Feb"], ["2020"], [[0.5, None]], texttemplate="%{z:.1f}")]
    )
    list(draw_pictures([figure, grid], tmp_path))
    axes, cells = (canvas.axes[0] for canvas in canvases)
    assert [np.asarray(one.get_ydata()).tolist() for one in axes.lines[:1]] == [[1.0, 2.0, 4.0]]
    assert [bar.get_height() for bar in axes.patches if hasattr(bar, "get_height")][:3] == [3.0, 1.0, 2.0]
    shade = cells.collections[0].get_array()
    assert shade is not None
    assert np.ma.compressed(shade).tolist() == [0.5]
    assert [text.get_text() for text in cells.texts] == ["0.5"]


def test_a_time_line(tmp_path: Path) -> None:
    from datetime import datetime

    work = Work(0, "complete", "cpu/0", datetime(2026, 1, 1, 12), 30.0)
    assert [path.name for _, path in draw_pictures([timeline_figure([work], 0)], tmp_path)] == [
        "timeline.png"
    ]


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install 'lstm-bench\[pictures\]'"):
        list(draw_pictures([], tmp_path))


def test_each_picture_is_there_until_the_next_is_asked_for(recorded: Record) -> None:
    named = figure_hook(TrackingConfig(tracker="wandb"))
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
    assert figure_hook(TrackingConfig(tracker="wandb", figures=False)) is None

    def without(name: str, *more: Any) -> Any:
        return None if name == "matplotlib" else importlib.util.find_spec(name, *more)

    monkeypatch.setattr(pictures_module, "find_spec", without)
    assert figure_hook(TrackingConfig(tracker="wandb")) is None
