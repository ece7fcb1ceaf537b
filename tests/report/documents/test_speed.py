"""Measured tables: a file of their own, merged by title, and a block that follows from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.core.errors import CheckError, DataError, InputError
from lstm_bench.report.documents.document import check_document, write_document
from lstm_bench.report.documents.speed import (
    Speed,
    SpeedTable,
    merge_tables,
    read_speed,
    speed_lines,
    speed_markdown,
    speed_path,
)

DOCUMENT = "# Mine\n\n<!-- lstm-bench: speed -->\n<!-- lstm-bench: end -->\nBelow.\n"


def table(title: str = "Beside Qlib", **changes: Any) -> SpeedTable:
    content: dict[str, Any] = {
        "title": title,
        "columns": ("work", "Qlib, s", "here, s", "ratio"),
        "rows": (("dataset", 40.7, 0.518, 78.6), ("an a|b", None, 2000, 0.0)),
        "note": "The best of three.",
        "machine": "2 cores of a processor",
        "torch": "2.13.0",
        "command": "tests/perf/against_qlib.py --repeats 3",
    }
    return SpeedTable.model_validate(content | changes)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "board.md"
    path.write_text(DOCUMENT)
    return path


def test_a_file_gives_what_was_put_into_it(results: Path) -> None:
    path = speed_path(results)
    assert read_speed(path) == Speed()
    merge_tables(path, [table(), table("Growth")])
    assert read_speed(path) == Speed(tables=(table(), table("Growth")))
    before = path.read_bytes()
    merge_tables(path, [table()])
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["speed.json"]


def test_a_new_measurement_takes_the_place_of_the_old_one(results: Path) -> None:
    path = speed_path(results)
    merge_tables(path, [table(), table("Growth")])
    merge_tables(path, [table("Shards"), table(note="Anew.")])
    tables = read_speed(path).tables
    assert [(one.title, one.note) for one in tables] == [
        ("Beside Qlib", "Anew."),
        ("Growth", "The best of three."),
        ("Shards", "The best of three."),
    ]


def test_three_digits_of_a_measurement_and_all_of_a_count() -> None:
    figures = (40.71, 0.51849, 0.00012345, 9.999, 99.96, 1234.5, 123456, -3.14159, 0.0, "text", None)
    one = table(columns=("a",), rows=tuple((figure,) for figure in figures))
    assert [cell for (cell,) in speed_lines(one)] == [
        "40.7", "0.518", "0.000123", "10.0", "100", "1,234", "123,456", "-3.14", "0.00", "text", "",
    ]  # fmt: skip


def test_markdown_has_the_table_its_note_and_its_origin() -> None:
    text = speed_markdown(Speed(tables=(table(), table("Growth", note="", rows=()))))
    assert text == (
        "### Beside Qlib\n\n"
        "| work | Qlib, s | here, s | ratio |\n| --- | --- | --- | --- |\n"
        "| dataset | 40.7 | 0.518 | 78.6 |\n| an a\\|b |  | 2,000 | 0.00 |\n\n"
        "The best of three. Measured by `tests/perf/against_qlib.py --repeats 3` on 2 cores of a processor, torch "
        "2.13.0.\n\n"
        "### Growth\n\n"
        "| work | Qlib, s | here, s | ratio |\n| --- | --- | --- | --- |\n\n"
        "Measured by `tests/perf/against_qlib.py --repeats 3` on 2 cores of a processor, torch 2.13.0.\n"
    )


def test_a_block_follows_from_the_file_and_goes_stale_with_it(document: Path, results: Path) -> None:
    assert write_document(document, results, {})
    assert "There is no measurement yet" in document.read_text()
    merge_tables(speed_path(results), [table()])
    with pytest.raises(CheckError, match="is stale") as found:
        check_document(document, results, {})
    assert "\n+| dataset | 40.7 | 0.518 | 78.6 |" in str(found.value)
    assert write_document(document, results, {})
    check_document(document, results, {})
    assert not write_document(document, results, {})
    assert document.read_text().endswith("torch 2.13.0.\n\n<!-- lstm-bench: end -->\nBelow.\n")
    merge_tables(speed_path(results), [table(rows=(("dataset", 40.7, 0.6, 67.8),))])
    with pytest.raises(CheckError, match="is stale"):
        check_document(document, results, {})


def test_a_marker_says_nothing_more(document: Path, results: Path) -> None:
    document.write_text(DOCUMENT.replace("speed -->", "speed --growth -->"))
    with pytest.raises(InputError, match="got '--growth', expected nothing after it"):
        write_document(document, results, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titel": "x"}, "unknown key 'titel'; did you mean 'title'"),
        ({"rows": [["dataset", 1.0]]}, "rows.0: got 2 cells, expected 4, one per column"),
        ({"rows": [[{}, 1, 2, 3]]}, "tables.0.rows.0.0"),
        ({"title": ""}, "tables.0.title"),
    ],
)
def test_a_file_of_another_schema_is_refused_and_stays(
    results: Path, change: dict[str, Any], message: str
) -> None:
    path = speed_path(results)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"tables": [table().model_dump(mode="json") | change]}))
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"speed\.json: ") as found:
        merge_tables(path, [table()])
    assert message in str(found.value)
    assert path.read_bytes() == before


def test_what_is_not_json_or_says_a_title_twice_is_refused(results: Path) -> None:
    path = speed_path(results)
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(DataError, match=r"speed\.json: "):
        read_speed(path)
    path.write_text(json.dumps({"tables": [table().model_dump(mode="json")] * 2}))
    with pytest.raises(DataError, match="'Beside Qlib' is there 2 times"):
        read_speed(path)


def test_the_committed_measurements_can_be_read() -> None:
    read_speed(speed_path(Path(__file__).parents[3] / "results"))
