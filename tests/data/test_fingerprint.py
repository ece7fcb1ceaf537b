from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path

import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data import fingerprint as module
from lstm_bench.data.fingerprint import cache_path, fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cache_path", lambda: tmp_path / "cache" / "fingerprints.json")


@pytest.fixture
def market(tmp_path: Path) -> Path:
    synthesize(tmp_path / "market", stocks=12, days=250)
    return tmp_path / "market"


def test_place_dates_and_case_do_not_matter(market: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(market, copy)
    first = next(iter((copy / "features").iterdir()))
    first.rename(first.with_name(first.name.upper()))
    os.utime(copy / "calendars/day.txt", (1, 1))
    assert fingerprint(Provider(copy)) == fingerprint(Provider(market))


@pytest.mark.parametrize("part", ["calendars/day.txt", "instruments/csi300.txt", "features/*/close.day.bin"])
def test_every_part_counts(market: Path, part: str) -> None:
    before = fingerprint(Provider(market))
    path = next(market.glob(part))
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    assert fingerprint(Provider(market)) != before


def test_a_renamed_instrument_counts(market: Path) -> None:
    before = fingerprint(Provider(market))
    folder = next(iter((market / "features").iterdir()))
    folder.rename(folder.with_name("sh999999"))
    assert fingerprint(Provider(market)) != before


def test_a_repeated_call_reads_no_bars(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = fingerprint(Provider(market))

    def refuse(path: str) -> str:
        raise AssertionError(path)

    monkeypatch.setattr(module, "_digest", refuse)
    assert fingerprint(Provider(market)) == value


@pytest.mark.parametrize(
    "content",
    [b'{"half', b"\xff", b"[]", b"3", b'{"FOLDER": 3}', b'{"FOLDER": ["a"]}', b'{"FOLDER": [1, 2]}'],
)
def test_an_invalid_cache_is_computed_again(market: Path, content: bytes) -> None:
    value = fingerprint(Provider(market))
    module.cache_path().write_bytes(content.replace(b"FOLDER", os.fsencode(market.resolve())))
    assert fingerprint(Provider(market)) == value
    assert json.loads(module.cache_path().read_bytes())[str(market.resolve())][1] == value


def test_a_cache_that_cannot_be_written_is_reported_once(
    market: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value = fingerprint(Provider(market))
    (tmp_path / "file").touch()
    monkeypatch.setattr(module, "cache_path", lambda: tmp_path / "file" / "fingerprints.json")
    with caplog.at_level(logging.WARNING, logger="lstm_bench"):
        assert fingerprint(Provider(market)) == fingerprint(Provider(market)) == value
    assert len(caplog.records) == 1
    assert "fingerprints.json: cannot be written" in caplog.text


def test_only_the_daily_calendar_counts(market: Path) -> None:
    before = fingerprint(Provider(market))
    (market / "calendars/holiday.txt").write_text("2020-01-01\n")
    assert fingerprint(Provider(market)) == before


def test_a_file_that_cannot_be_read_is_named(market: Path) -> None:
    next(market.glob("features/*")).joinpath("odd.day.bin").mkdir()
    with pytest.raises(DataError, match=r"odd\.day\.bin: cannot be read: Is a directory"):
        fingerprint(Provider(market))


def test_the_cache_is_the_users_own() -> None:
    assert cache_path().name == "fingerprints.json"
