"""Each kind of defect, planted in a clean synthetic market, is found there and only there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.health.check import check_data
from lstm_bench.data.health.finding import KINDS, Finding
from lstm_bench.data.health.thresholds import Thresholds
from lstm_bench.data.synthetic import synthesize

CODE = "SZ000006"  # a stock without any irregularity that is planted on purpose
Plant = Callable[[Path], None]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("health") / "market"
    synthesize(folder, stocks=24, days=1000)
    return folder


@pytest.fixture
def market(clean: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clean, tmp_path / "market")


def path_of(root: Path, field: str, code: str = CODE) -> Path:
    return root / "features" / code.lower() / f"{field}.day.bin"


def alter(root: Path, field: str, change: Callable[[np.ndarray], None], code: str = CODE) -> None:
    """Change a file's values in place; value ``t`` is that of the t-th row."""
    path = path_of(root, field, code)
    content = np.fromfile(path, "<f4")
    values = content[1:].copy()
    change(values)
    np.concatenate([content[:1], values]).astype("<f4").tofile(path)


def setting(field: str, row: int, value: float) -> Plant:
    def plant(root: Path) -> None:
        def change(values: np.ndarray) -> None:
            assert np.isfinite(values[row])
            values[row] = value

        alter(root, field, change)

    return plant


def scaling(field: str, row: int, by: float) -> Plant:
    def plant(root: Path) -> None:
        def change(values: np.ndarray) -> None:
            values[row] *= by

        alter(root, field, change)

    return plant


def blank(first: int, last: int) -> Plant:
    def plant(root: Path) -> None:
        def change(values: np.ndarray) -> None:
            values[first : last + 1] = np.nan

        for field in ("open", "high", "low", "close", "volume", "change"):
            alter(root, field, change)
        close = np.fromfile(path_of(root, "close"), "<f4")[1:]
        gain = close[last + 1] / close[first - 1] - 1
        setting("change", last + 1, float(gain))(root)

    return plant


def calendar(change: Callable[[list[str]], None]) -> Plant:
    def plant(root: Path) -> None:
        path = root / "calendars/day.txt"
        lines = path.read_text().splitlines()
        change(lines)
        path.write_text("\n".join(lines) + "\n")

    return plant


def swap_lines(lines: list[str]) -> None:
    lines[500], lines[501] = lines[501], lines[500]


def repeat_line(lines: list[str]) -> None:
    lines[500] = lines[499]


def spoil_line(lines: list[str]) -> None:
    lines[500] = "tomorrow"


def shift_days(lines: list[str]) -> None:
    """Begin earlier: a month is missing then."""
    early = np.busday_offset(np.datetime64(lines[0], "D"), np.arange(-25, -20))
    lines[:5] = [str(day) for day in early]


def thin(root: Path) -> None:
    for folder in (root / "features").iterdir():
        if folder.name != "sh000300":
            for path in folder.glob("*.bin"):
                content = np.fromfile(path, "<f4")
                row = 1 + 700 - int(content[0])
                if path.name != "factor.day.bin" and 0 < row < len(content) - 1:
                    content[row] = np.nan
                    content.tofile(path)


def append_span(root: Path, line: str) -> None:
    with (root / "instruments/csi300.txt").open("a") as file:
        file.write(line + "\n")


def lengthen(root: Path) -> None:
    for path in (root / "features" / CODE.lower()).glob("*.bin"):
        content = np.fromfile(path, "<f4")
        np.concatenate([content, content[-1:]]).tofile(path)


def cut(root: Path) -> None:
    path = path_of(root, "open")
    path.write_bytes(path.read_bytes()[:-2])


def shorten(root: Path) -> None:
    path = path_of(root, "volume")
    path.write_bytes(path.read_bytes()[:-4])


def jump(root: Path) -> None:
    """Leave out an adjustment: from one day on all prices are a third lower."""

    def change(values: np.ndarray) -> None:
        values[600:] *= 2 / 3

    for field in ("open", "high", "low", "close"):
        alter(root, field, change)
    close = np.fromfile(path_of(root, "close"), "<f4")[1:]
    setting("change", 600, float(close[600] / close[599] - 1))(root)


def percent(root: Path) -> None:
    def change(values: np.ndarray) -> None:
        values *= 100

    alter(root, "change", change)


def unadjusted_volume(root: Path) -> None:
    for folder in (root / "features").iterdir():
        factor = np.fromfile(folder / "factor.day.bin", "<f4")[1:]

        def change(values: np.ndarray, factor: np.ndarray = factor) -> None:
            values *= factor

        alter(root, "volume", change, folder.name)


def one_unadjusted_volume(root: Path) -> None:
    """A split of 20 to 1 that is correct except for the volume."""

    def later(values: np.ndarray) -> None:
        values[600:] *= 20

    for field in ("factor", "volume"):
        alter(root, field, later)


def unreadable(root: Path) -> None:
    path = path_of(root, "vwap")
    path.mkdir()


def flat(root: Path) -> None:
    def change(values: np.ndarray) -> None:
        values[600:605] = values[600]

    alter(root, "volume", change)


DEFECTS: dict[str, tuple[Plant, str, str, str]] = {
    # kind -> what plants it, the instrument, the value and the expectation that the finding says
    "calendar unreadable day": (calendar(spoil_line), "line 501", "'tomorrow'", "a day such as"),
    "calendar unsorted": (calendar(swap_lines), "calendar", " after ", "ascending"),
    "calendar duplicate": (calendar(repeat_line), "calendar", "twice", "each day once"),
    "calendar gap": (calendar(shift_days), "calendar", "25 weekdays", "at most 10"),
    "calendar thin day": (thin, "calendar", "of 2", "at least 50%"),
    "span unreadable": (lambda root: append_span(root, "SH1 2020-01-01"), "csi300.txt", "SH1", "tabs"),
    "span without bars": (
        lambda root: append_span(root, "SH999999\t2019-01-01\t2020-01-01"), "SH999999", "in csi300.txt", "bars",
    ),
    "file unreadable": (unreadable, CODE, "vwap.day.bin: Is a directory", "a readable file"),
    "file cut off": (cut, CODE, "open.day.bin", "whole float32 values"),
    "file beyond calendar": (lengthen, CODE, "bars from position", "inside the 1,000 days"),
    "field missing": (lambda root: path_of(root, "low").unlink(), CODE, "no usable file", "low.day.bin"),
    "value not finite": (setting("factor", 600, np.inf), CODE, "factor inf", "a number"),
    "price not positive": (setting("low", 600, -1.0), CODE, "low -1", "more than 0"),
    "volume negative": (setting("volume", 600, -5.0), CODE, "volume -5", "0 or more"),
    "high below low": (scaling("high", 600, 0.5), CODE, "high ", "high at least low"),
    "price outside range": (scaling("open", 600, 2.0), CODE, "open ", "low <= price <= high"),
    "bar incomplete": (setting("volume", 600, np.nan), CODE, "no volume beside a close", "all fields"),
    "price jump": (jump, CODE, "close -3", "at most 30.0% either way"),
    "gap in bars": (blank(400, 600), CODE, "201 days without a bar", "at most 180"),
    "volume stale": (flat, CODE, "on 5 days in a row", "fewer than 5 days"),
    "change in percent": (percent, CODE, "change ", "a fraction"),
    "change inconsistent": (scaling("change", 600, 1.5), CODE, "change ", "0."),
    "factor unusable": (setting("factor", 600, np.nan), CODE, "factor nan", "more than 0"),
    "volume not adjusted": (unadjusted_volume, "all instruments", "slope of", "raw volume / factor"),
}  # fmt: skip


def test_a_clean_market_passes(clean: Path) -> None:
    report = check_data(clean)
    assert report.is_clean, report.findings
    assert (report.days, report.instruments) == (1000, 25)
    assert report.bars > 20_000


def test_every_kind_has_a_defect_here() -> None:
    assert set(DEFECTS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_defect_is_found(market: Path, kind: str) -> None:
    plant, instrument, value, expected = DEFECTS[kind]
    plant(market)
    report = check_data(market)
    found = [finding for finding in report.findings if finding.kind == kind]
    assert len(found) == report.counts[kind] >= 1, report.findings
    assert found[0].instrument == instrument
    assert value in found[0].value
    assert expected in found[0].expected
    follows = {
        "file cut off": {"field missing"},  # the file is unusable
        "file beyond calendar": {"field missing", "span without bars"},
        "calendar unsorted": {"calendar gap"},
        "price not positive": {"price outside range"},
        "calendar thin day": {"change inconsistent"},  # the return over two days
    }
    assert report.counts.keys() - {kind} <= follows.get(kind, set()), report.findings
    assert not check_data(market, ignore={kind, *follows.get(kind, ())}).counts


def test_a_finding_says_the_day(market: Path) -> None:
    setting("low", 600, -1.0)(market)
    days = (market / "calendars/day.txt").read_text().split()
    begin = int(np.fromfile(path_of(market, "low"), "<f4")[0])
    day = days[begin + 600]
    assert check_data(market).findings[0] == Finding(
        "price not positive", CODE, day, day, "low -1", "more than 0"
    )


def test_fields_of_different_length_are_found(market: Path) -> None:
    shorten(market)
    report = check_data(market)
    assert dict(report.counts) == {"file cut off": 1, "bar incomplete": 1}
    assert "as many as" in report.findings[0].expected


def test_one_instruments_volume_is_found_where_its_split_is_large(market: Path) -> None:
    one_unadjusted_volume(market)
    report = check_data(market)
    assert dict(report.counts) == {"volume not adjusted": 1}
    assert report.findings[0].instrument == CODE


def test_findings_are_capped_and_counted(market: Path) -> None:
    def change(values: np.ndarray) -> None:
        values[600:700] = -1

    alter(market, "volume", change)
    report = check_data(market, limit=3)
    assert report.counts["volume negative"] == 100
    assert len([finding for finding in report.findings if finding.kind == "volume negative"]) == 3


def test_thresholds_decide(clean: Path, market: Path) -> None:
    for thresholds, kinds in (
        (Thresholds(max_jump=0.05), {"price jump"}),
        (Thresholds(max_gap=5), {"gap in bars"}),
        (Thresholds(stale_days=3), {"volume stale"}),
        (Thresholds(max_overhang=5), {"span without bars"}),
        (Thresholds(max_calendar_gap=0), set()),
        (Thresholds(thin_share=1.0), {"calendar thin day"}),
    ):
        assert check_data(clean, thresholds).counts.keys() == kinds, thresholds
    scaling("change", 600, 1.5)(market)
    assert check_data(market, Thresholds(change_tolerance=0.5)).is_clean
    with pytest.raises(ConfigError, match="--stale-days: got 1, expected at least 2"):
        Thresholds(stale_days=1)
    with pytest.raises(ConfigError, match=r"--max-jump: got nan"):
        Thresholds(max_jump=float("nan"))


def test_an_index_may_have_its_close_alone(market: Path) -> None:
    for field in ("open", "high", "low", "volume"):
        path_of(market, field, "SH000300").unlink()
    assert check_data(market).is_clean


def test_invalid_arguments_are_refused(clean: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--ignore: got 'gaps'; .*choices: "):
        check_data(clean, ignore=["gaps"])
    with pytest.raises(ConfigError, match="--limit: got 0"):
        check_data(clean, limit=0)
    with pytest.raises(DataError, match="there is none"):
        check_data(tmp_path / "nowhere")
