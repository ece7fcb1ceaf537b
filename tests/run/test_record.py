from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.errors import DataError
from lstm_bench.run.record import Record, publish


def fill(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "metrics.json").write_text(text)
        (folder / "provenance.json").write_text("{}")

    return write


def test_a_record_is_absent_until_it_is_complete(tmp_path: Path) -> None:
    place = tmp_path / "experiment" / "abc"

    def write(folder: Path) -> None:
        assert Record.find(place) is None
        (folder / "metrics.json").write_text('{"IC": 0.5, "ICIR": null}')
        (folder / "provenance.json").write_text('{"seed": 1}')

    record = publish(place, write)
    assert Record.find(place) == record
    assert record.metrics()["IC"] == 0.5
    assert math.isnan(record.metrics()["ICIR"])
    assert record.provenance() == {"seed": 1}
    assert [path.name for path in place.parent.iterdir()] == ["abc"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    def write(folder: Path) -> None:
        (folder / "metrics.json").write_text("{}")
        raise error

    with pytest.raises(error):
        publish(tmp_path / "abc", write)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_record_that_was_there(tmp_path: Path) -> None:
    place = tmp_path / "abc"
    publish(place, fill('{"IC": 1.0}'))

    def write(folder: Path) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish(place, write)
    assert Record(place).metrics() == {"IC": 1.0}


def test_a_record_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "abc"
    publish(place, fill('{"IC": 1.0}'))
    (place / "stale.parquet").write_text("old")
    publish(place, fill('{"IC": 2.0}'))
    assert Record(place).metrics() == {"IC": 2.0}
    assert sorted(path.name for path in place.iterdir()) == ["metrics.json", "provenance.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["abc"]


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    publish(tmp_path / "abc", fill('{"IC": 1.0}'))
    (tmp_path / "abc" / "metrics.json").write_text('{"IC"')
    with pytest.raises(DataError, match=r"metrics\.json.*--force"):
        Record(tmp_path / "abc").metrics()
