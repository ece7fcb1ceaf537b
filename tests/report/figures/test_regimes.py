"""Figures of regimes and of capacity: the estimates, their intervals and their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstm_bench.evaluate.regimes import Regime, RegimeGroup
from lstm_bench.report.figures.capacity import assets_label, capacity_figure
from lstm_bench.report.figures.regimes import regime_figures
from lstm_bench.report.pages.regime_parts import regime_table
from lstm_bench.report.pictures import draw_pictures
from lstm_bench.run.controls.document import CapacityRow
from lstm_bench.statistics.estimate import Estimate

REGIMES: list[tuple[RegimeGroup, str]] = [
    ("all", "all"),
    ("year", "2017"),
    ("market", "up"),
    ("liquidity", "low"),
]


def found(*, returns: bool = True) -> list[Regime]:
    made = []
    for position, (group, name) in enumerate(REGIMES):
        metrics = {"Rank IC": Estimate(0.05 + position, 0.03 + position, 0.09 + position)}
        if returns and group != "liquidity":
            metrics["1day.excess_return_with_cost.information_ratio"] = Estimate(1.0, np.nan, np.nan)
        made.append(Regime(group, name, 100 + position, metrics))
    return made


def test_a_point_has_its_interval() -> None:
    rank_ic, ratio = regime_figures(found())
    assert (rank_ic.name, ratio.name) == ("regimes_rank_ic", "regimes_information_ratio")
    assert [trace["name"] for trace in rank_ic.traces] == ["all days", "year", "market", "liquidity"]
    for position, trace in enumerate(rank_ic.traces):
        assert trace["y"] == [0.05 + position]
        assert trace["error_y"]["array"] == pytest.approx([0.04])
        assert trace["error_y"]["arrayminus"] == pytest.approx([0.02])
    assert rank_ic.layout["xaxis"]["categoryarray"] == [
        "all<br>days",
        "2017",
        "market<br>up",
        "liquidity<br>low",
    ]
    assert ratio.traces[0]["error_y"]["array"] == [0.0]  # too few days for an interval
    assert [figure.name for figure in regime_figures(found(returns=False))] == ["regimes_rank_ic"]


def test_the_table_shows_what_there_is() -> None:
    table = regime_table(found())
    assert list(table.header) == ["Regime", "Days", "Rank IC", "Information Ratio"]
    assert [line[0].text for line in table.lines] == [one.label for one in found()]
    assert table.lines[1][2].detail == "1.0300 to 1.0900"
    assert table.lines[1][3].text == "1.000"
    assert table.lines[3][3].text == "–"


def row(assets: float, ratio: float | None, *, meaningful: bool) -> CapacityRow:
    return CapacityRow(
        assets=assets, information_ratio=ratio, low=None if ratio is None else ratio - 1, high=None, cost=0.1,
        annualized_return=0.1, orders=10, without_volume=0, participation_mean=0.1, participation_95=0.2,
        participation_max=0.3, is_meaningful=meaningful,
    )  # fmt: skip


def test_sizes_beyond_the_limit_are_ringed() -> None:
    rows = [
        row(1e7, 1.0, meaningful=True),
        row(3.2e8, None, meaningful=False),
        row(3.2e9, -2.0, meaningful=False),
    ]
    curve, points, beyond = capacity_figure(rows).traces
    assert curve["x"] == points["x"] == ["10 million", "320 million", "3.2 billion"]
    assert curve["y"] == [1.0, None, -2.0]
    assert points["error_y"]["arrayminus"] == [1.0, 0.0, 1.0]
    assert beyond["x"] == ["320 million", "3.2 billion"]
    assert len(capacity_figure(rows[:1]).traces) == 2
    assert assets_label(1e10) == "10 billion"


def test_pictures_draw_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib.figure")
    canvases = []
    original = matplotlib.Figure.savefig

    def keep(self: object, *arguments: object, **more: object) -> None:
        canvases.append(self)
        original(self, *arguments, **more)

    monkeypatch.setattr(matplotlib.Figure, "savefig", keep)
    list(draw_pictures([next(regime_figures(found()))], tmp_path))
    (axes,) = canvases[0].axes  # type: ignore[attr-defined]
    ends = [tuple(bar.get_segments()[0][:, 1]) for bar in axes.collections if hasattr(bar, "get_segments")]
    assert [(round(low, 6), round(high, 6)) for low, high in ends] == [
        (0.03 + position, 0.09 + position) for position in range(4)
    ]
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == ["all\ndays", "2017", "market\nup"]
