from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

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


def test_asking_again_reads_no_bars(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = fingerprint(Provider(market))

    def refuse(path: str) -> str:
        raise AssertionError(path)

    monkeypatch.setattr(module, "_digest", refuse)
    assert fingerprint(Provider(market)) == value


def test_a_cut_off_cache_is_computed_again(market: Path) -> None:
    value = fingerprint(Provider(market))
    module.cache_path().write_text('{"half')
    assert fingerprint(Provider(market)) == value


def test_the_cache_is_the_users_own() -> None:
    assert cache_path().name == "fingerprints.json"
