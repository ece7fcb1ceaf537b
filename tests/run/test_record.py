from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lstm_bench.errors import DataError
from lstm_bench.run.record import Record, publish, recover

EPOCHS = pd.DataFrame(
    {name: [0.5, 0.25] for name in ("train_loss", "valid_loss", "valid_score")},
    index=pd.Index([0, 1], name="epoch"),
)


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


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

    record, published = publish(place, write)
    assert published
    assert Record.find(place) == record
    assert record.metrics()["IC"] == 0.5
    assert math.isnan(record.metrics()["ICIR"])
    assert record.provenance() == {"seed": 1}
    assert visible(place.parent) == ["abc"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    def write(folder: Path) -> None:
        (folder / "metrics.json").write_text("{}")
        raise error

    with pytest.raises(error):
        publish(tmp_path / "abc", write)
    assert visible(tmp_path) == []


def test_a_failure_keeps_the_record_that_was_there(tmp_path: Path) -> None:
    place = tmp_path / "abc"
    publish(place, fill('{"IC": 1.0}'))

    def write(folder: Path) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish(place, write, replace=True)
    assert Record(place).metrics() == {"IC": 1.0}


def test_a_record_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "abc"
    publish(place, fill('{"IC": 1.0}'))
    (place / "stale.parquet").write_text("old")
    publish(place, fill('{"IC": 2.0}'), replace=True)
    assert Record(place).metrics() == {"IC": 2.0}
    assert sorted(path.name for path in place.iterdir()) == ["metrics.json", "provenance.json"]
    assert visible(tmp_path) == ["abc"]


def test_the_first_of_two_processes_wins(tmp_path: Path) -> None:
    place = tmp_path / "abc"

    def write(folder: Path) -> None:
        publish(place, fill('{"IC": 1.0}'))  # the other process is faster
        fill('{"IC": 2.0}')(folder)

    record, published = publish(place, write)
    assert not published
    assert record.metrics() == {"IC": 1.0}
    assert visible(tmp_path) == ["abc"]


def test_many_processes_may_publish_one_record(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom lstm_bench.run.record import publish\n"
        "def write(folder):\n"
        "    (folder / 'metrics.json').write_text('{}')\n    (folder / 'provenance.json').write_text('{}')\n"
        "for i in range(30):\n    publish(Path(sys.argv[1]), write, replace=i % 2 == 0)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "abc")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == [""] * 3
    assert visible(tmp_path) == ["abc"]


def test_what_a_killed_process_left_is_put_right(tmp_path: Path) -> None:
    place = tmp_path / "abc"
    publish(place, fill('{"IC": 1.0}'))
    place.rename(tmp_path / ".abc.replaced")  # killed between the two renames of --force
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f".abc.{platform.node()}-{gone.pid}-0123.draft").mkdir()
    mine = tmp_path / f".abc.{platform.node()}-{os.getpid()}-0123.draft"
    mine.mkdir()
    recover(place)
    assert Record(place).metrics() == {"IC": 1.0}
    assert visible(tmp_path) == sorted([mine.name, "abc"])


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    EPOCHS.to_parquet(record.path / "epochs.parquet")
    pd.testing.assert_frame_equal(record.table("epochs"), EPOCHS)
    with pytest.raises(DataError, match="no table 'report'; it has epochs"):
        record.table("report")


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    publish(tmp_path / "abc", fill('{"IC": 1.0}'))
    (tmp_path / "abc" / "metrics.json").write_text('{"IC"')
    with pytest.raises(DataError, match=r"metrics\.json.*--force"):
        Record(tmp_path / "abc").metrics()


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_a_torn_table_is_named(tmp_path: Path, kept: int) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    path = record.path / "epochs.parquet"
    EPOCHS.to_parquet(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"abc/epochs\.parquet: cannot be read: .*--force"):
        record.table("epochs")


@pytest.mark.parametrize("other", [EPOCHS.drop(columns="valid_loss"), EPOCHS.reset_index()])
def test_another_table_is_named(tmp_path: Path, other: pd.DataFrame) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    other.to_parquet(record.path / "epochs.parquet")
    with pytest.raises(
        DataError, match=r"abc/epochs\.parquet: holds another table: .* expected epoch, train_loss"
    ):
        record.table("epochs")


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    (record.path / "provenance.json").write_text('{"training": {"epochs": 2}}')
    provenance = record.provenance()
    assert provenance["training"]["epochs"] == 2
    assert provenance.get("calendar") is None
    with pytest.raises(DataError, match=r"abc/provenance\.json: it has no seed; .*--force"):
        provenance["seed"]
    with pytest.raises(DataError, match=r"abc/provenance\.json: it has no training\.status; "):
        provenance["training"]["status"]


@pytest.mark.parametrize("name", ["provenance", "metrics", "analysis"])
def test_a_file_of_another_form_is_named(tmp_path: Path, name: str) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    (record.path / f"{name}.json").write_text("[]")
    with pytest.raises(DataError, match=rf"abc/{name}\.json: holds no JSON object; "):
        getattr(record, name)()


def test_a_figure_that_is_no_number_is_named(tmp_path: Path) -> None:
    record, _ = publish(tmp_path / "abc", fill('{"IC": "much"}'))
    with pytest.raises(DataError, match=r"abc/metrics\.json: IC: got 'much', expected a number"):
        record.metrics()
