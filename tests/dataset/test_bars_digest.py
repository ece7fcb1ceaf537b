"""The digest of a dataset's bars: later days do not change it, and whatever a number follows from does."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.bars_digest import BarsDigest

Configure = Callable[..., DatasetConfig]

BEGIN, END = 80, 251
CODE = "sh600000"


@pytest.fixture
def config(configure: Configure) -> DatasetConfig:
    return configure("Alpha158", dates=(BEGIN, 180, 240, END - 1), infer_processors=["Fillna"])


@pytest.fixture
def digest(config: DatasetConfig, provider: Provider) -> BarsDigest:
    return BarsDigest.of(config, provider, BEGIN, END)


@pytest.fixture
def copy(market: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(market, tmp_path / "copy"))


def set_bar(folder: Path, code: str, field: str, day: int, value: float) -> None:
    path = folder / "features" / code / f"{field}.day.bin"
    content = np.fromfile(path, dtype="<f4")
    content[1 + day - int(content[0])] = value
    content.tofile(path)


def test_it_names_the_days_that_it_is_of(digest: BarsDigest, provider: Provider) -> None:
    days = provider.calendar
    assert (digest.start, digest.end) == (str(days[BEGIN]), str(days[END - 1]))
    assert digest.through == str(days[END - 1 + 2])  # the label reaches two days further
    assert BarsDigest.from_json(digest.to_json()) == digest
    with pytest.raises(DataError, match="expected start, end, through and sha256"):
        BarsDigest.from_json({"start": digest.start})


def test_days_that_come_later_or_long_before_change_nothing(
    digest: BarsDigest, config: DatasetConfig, copy: Path
) -> None:
    # 60 days of history, and two for the label
    for day in (BEGIN - 61, END + 2):
        set_bar(copy, CODE, "close", day, 12345.0)
    calendar = copy / "calendars" / "day.txt"
    calendar.write_text(calendar.read_text() + "2035-01-02\n")
    assert digest.is_of(config, Provider(copy))


def test_what_no_feature_is_computed_from_changes_nothing(
    digest: BarsDigest, config: DatasetConfig, copy: Path
) -> None:
    set_bar(copy, CODE, "factor", 200, 12345.0)
    shutil.copytree(copy / "features" / CODE, copy / "features" / "sh999999")
    quiet = np.fromfile(copy / "features" / CODE / "open.day.bin", dtype="<f4")
    quiet[np.isnan(quiet)] = np.frombuffer(b"\x01\x00\xc0\xff", dtype="<f4")  # another NaN
    quiet.tofile(copy / "features" / CODE / "open.day.bin")
    assert digest.is_of(config, Provider(copy))


@pytest.mark.parametrize("day", [BEGIN - 60, 150, END + 1])
def test_another_bar_is_seen(digest: BarsDigest, config: DatasetConfig, copy: Path, day: int) -> None:
    set_bar(copy, CODE, "close", day, 12345.0)
    assert not digest.is_of(config, Provider(copy))


def test_another_member_is_seen(
    digest: BarsDigest, config: DatasetConfig, copy: Path, provider: Provider
) -> None:
    market = copy / "instruments" / "csi300.txt"
    first, last = provider.calendar[END], provider.calendar[-1]
    market.write_text(f"{market.read_text()}SH000300\t{first}\t{last}\n")
    assert digest.is_of(config, Provider(copy))  # a member from the day after on
    market.write_text(
        market.read_text().replace(f"SH000300\t{first}", f"SH000300\t{provider.calendar[END - 1]}")
    )
    assert not digest.is_of(config, Provider(copy))


def test_another_calendar_is_seen(digest: BarsDigest, config: DatasetConfig, copy: Path) -> None:
    calendar = copy / "calendars" / "day.txt"
    days = calendar.read_text().split()
    calendar.write_text("\n".join(days[: END + 1]) + "\n")  # the label's last day is not there
    assert not digest.is_of(config, Provider(copy))
    calendar.write_text("\n".join([*days[:150], *days[151:]]) + "\n")
    shutil.rmtree(copy / "features" / "sh000300")  # its bars would not fit
    assert not dataclasses.replace(digest, through=days[150]).is_of(config, Provider(copy))
