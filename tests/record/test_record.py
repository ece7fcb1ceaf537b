from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.record.publish import publish, recover
from lstm_bench.record.record import Record

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


def test_a_folder_that_is_no_record_makes_room_for_one(tmp_path: Path) -> None:
    place = tmp_path / "abc"
    publish(place, fill('{"IC": 1.0}'))
    (place / "provenance.json").unlink()
    record, published = publish(place, fill('{"IC": 2.0}'))
    assert published
    assert record.metrics() == {"IC": 2.0}
    assert visible(tmp_path) == ["abc"]


def test_many_processes_may_publish_one_record(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom lstm_bench.record.publish import publish\n"
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


@pytest.mark.parametrize(
    ("recorded", "path"), [("sharded", "cpu"), ("fused", "cuda"), ("cpu", "cpu"), ("reference", "reference")]
)
def test_training_paths_of_earlier_versions_have_their_current_names(
    recorded: str, path: str, tmp_path: Path
) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    (record.path / "provenance.json").write_text(json.dumps({"device": {"training_path": recorded}}))
    assert record.provenance()["device"]["training_path"] == path
    assert record.provenance_as_written()["device"]["training_path"] == recorded


@pytest.mark.parametrize("name", ["provenance", "metrics", "analysis"])
def test_a_file_of_another_form_is_named(tmp_path: Path, name: str) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    (record.path / f"{name}.json").write_text("[]")
    with pytest.raises(DataError, match=rf"abc/{name}\.json: holds no JSON object; "):
        getattr(record, name)()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("provenance", '{"seed": "1"}', r"provenance\.json: seed: got '1', expected a whole number of at least 0"),
        ("provenance", '{"seconds": 3}', r"seconds: got 3 \(a number\), expected a mapping"),
        ("provenance", '{"seconds": {"train": "long"}}', r"seconds\.train: got 'long', expected a number"),
        ("provenance", '{"device": null}', "device: got null, expected a mapping"),
        ("provenance", '{"device": {"name": []}}', r"device\.name: got \[\] \(a list\), expected a text"),
        ("provenance", '{"training": {"epochs": 1.5}}', r"training\.epochs: got 1\.5, expected a whole number"),
        ("provenance", '{"calendar": ["2008-01-01"]}', r"calendar\.1: missing, expected a day"),
        ("provenance", '{"calendar": [1, 2]}', r"calendar\.0: got the number 1, .* a day such as 2008-01-31"),
        ("provenance", '{"git": "abc"}', "git: got 'abc', expected a mapping or null"),
        ("provenance", '{"packages": {"torch": 2}}', r"packages\.torch: got 2 \(a number\), expected a text in quotes"),
        ("provenance", '{"seed": NaN}', r"seed: got \.nan"),
        ("provenance", '{"run_id"', "provenance.json: cannot be read: not JSON"),
        ("provenance", "[" * 100_000, "provenance.json: cannot be read: not JSON"),
        ("metrics", '{"IC": true}', "metrics.json: IC: got true, expected a number or null"),
        ("metrics", '{"IC": {}}', r"IC: got {} \(a mapping\), expected a number or null"),
        ("analysis", '{"signal": 3}', r"analysis\.json: signal: got 3 \(a number\), expected a section of figures"),
        ("analysis", '{"signal": {"long_precision": {}}}', r"signal\.long_precision: got {}"),
        ("analysis", '{"groups": {"group_1": 1}}', r"groups\.group_1: got 1 .*, expected a section of figures"),
        ("analysis", '{"returns": {"bench": {"daily": {"best_day_date": "soon"}}}}',
         r"returns\.bench\.daily\.best_day_date: got 'soon', expected a day"),
        ("analysis", '{"later": {"deep": {"figure": "x"}}}', r"later\.deep\.figure: got 'x', expected a number"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    (record.path / f"{name}.json").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        getattr(record, name)()
    assert "compute the run again with --force" in str(caught.value)


def test_what_other_versions_write_is_passed_over(tmp_path: Path) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    (record.path / "provenance.json").write_text('{"later": [1], "device": {"name": "cpu", "later": {}}}')
    (record.path / "analysis.json").write_text('{"later": {"a": 1, "b": {"c": null, "d_date": null}}}')
    assert record.provenance()["device"]["name"] == "cpu"
    assert record.analysis()["later"]["b"]["c"] is None


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score", "much", "score: got values of the type (object|str), expected numbers"),
        ("datetime", "2020-01-01", "datetime: got values of the type (object|str), expected days"),
        ("instrument", 600004, "instrument: got values of the type int64, expected texts"),
    ],
)
def test_a_column_of_another_kind_is_named(tmp_path: Path, column: str, value: Any, message: str) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    row = {"datetime": pd.Timestamp("2020-01-01"), "instrument": "SH600004", "score": 0.5}
    for content in (row, row | {column: value}):
        table = pd.DataFrame([content]).set_index(["datetime", "instrument"])
        table.to_parquet(record.path / "pred.parquet")
        if content == row:
            assert record.table("pred").equals(table)
    with pytest.raises(DataError, match=rf"pred\.parquet: {message}"):
        record.table("pred")
    pd.DataFrame([row]).set_index(["datetime", "instrument"]).iloc[:0].to_parquet(
        record.path / "pred.parquet"
    )
    with pytest.raises(DataError, match=r"pred\.parquet: holds no row"):
        record.table("pred")
    pd.DataFrame([row, row]).set_index(["datetime", "instrument"]).to_parquet(record.path / "pred.parquet")
    with pytest.raises(DataError, match=r"pred\.parquet: holds a row twice"):
        record.table("pred")


def test_a_record_without_a_configuration_is_not_complete(tmp_path: Path) -> None:
    record, _ = publish(tmp_path / "abc", fill("{}"))
    with pytest.raises(DataError, match=r"abc: this record is not complete: it has no config\.yaml; compute"):
        record.config()
    (record.path / "config.yaml").write_text("task: 3\n")
    with pytest.raises(ConfigError, match=r"abc/config\.yaml: qlib_init: missing"):
        record.config()


def test_a_figure_that_is_no_number_is_named(tmp_path: Path) -> None:
    record, _ = publish(tmp_path / "abc", fill('{"IC": "much"}'))
    with pytest.raises(DataError, match=r"abc/metrics\.json: IC: got 'much', expected a number"):
        record.metrics()
