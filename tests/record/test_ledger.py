"""The ledger: what is appended, that writers do not disturb each other, what a kill leaves, and what is counted."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.record.evaluated import Evaluated, metrics_digest
from lstm_bench.record.ledger import Head, adopt, check_can_append, enter, ledger_path, read_ledger
from lstm_bench.record.ledger_entry import Entry

ROOT = Path(__file__).parents[2]


def evaluated(run: str = "a", **changes: Any) -> Evaluated:
    plain: dict[str, Any] = {
        "experiment": "e", "run_id": run, "seed": 0, "model": "lstm", "data": "ab" * 32, "data_used": None,
        "universe": "csi300", "label": "Ref($close,-2)/Ref($close,-1)-1", "first": date(2017, 1, 3),
        "last": date(2020, 7, 31), "metrics": metrics_digest({"IC": 0.05}),
    }  # fmt: skip
    return Evaluated(**{**plain, **changes})


def test_each_line_holds_the_hash_of_the_one_before(tmp_path: Path) -> None:
    for run in "abc":
        enter(tmp_path, evaluated(run))
    previous = "0" * 64
    for number, line in enumerate(ledger_path(tmp_path).read_text().splitlines(), start=1):
        content = json.loads(line)
        stated = content.pop("hash")
        assert (content["number"], content["previous"]) == (number, previous)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(canonical.encode()).hexdigest()
        assert stated == previous
    ledger = read_ledger(tmp_path)
    assert ledger.head == Head(3, previous)
    assert [entry.run.run_id for entry in ledger.entries] == ["a", "b", "c"]
    now = datetime.now(UTC)
    assert all(timedelta(0) <= now - entry.time < timedelta(minutes=5) for entry in ledger.entries)


def test_an_absent_ledger_is_empty(tmp_path: Path) -> None:
    ledger = read_ledger(tmp_path)
    assert (ledger.entries, ledger.head) == ((), None)
    assert not ledger.contains(Head(0, ""))


def test_a_head_is_contained_while_lines_are_only_added(tmp_path: Path) -> None:
    enter(tmp_path, evaluated("a"))
    head = read_ledger(tmp_path).head
    assert head is not None
    enter(tmp_path, evaluated("b"))
    ledger = read_ledger(tmp_path)
    assert ledger.contains(head)
    assert ledger.contains(Head(1, head.hash[:12]))
    assert not ledger.contains(Head(2, head.hash))
    assert not ledger.contains(Head(3, head.hash))


def test_adoption_leaves_runs_with_an_entry_alone(tmp_path: Path) -> None:
    other = metrics_digest({"IC": 0.06})
    enter(tmp_path, evaluated("b"))
    wanted = [
        evaluated("c"),
        evaluated("b", metrics=other),  # changed later: not what was evaluated
        evaluated("b", experiment="f"),  # the same result in two places
        evaluated("b", experiment="g", metrics=other),  # the same run on another machine
        evaluated("a"),
        evaluated("a", experiment="f"),
    ]
    new = adopt(tmp_path, wanted)
    assert [(entry.event, entry.run) for entry in new] == [("adopted", wanted[i]) for i in (0, 3, 4)]
    before = ledger_path(tmp_path).read_bytes()
    assert adopt(tmp_path, wanted) == []
    assert ledger_path(tmp_path).read_bytes() == before


def test_a_clock_that_was_set_back_does_not_break_the_order() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    first = Entry.after(None, "evaluated", evaluated(), now)
    assert Entry.after(first, "evaluated", evaluated(), now - timedelta(days=1)).time == now
    assert Entry.after(first, "evaluated", evaluated(), now + timedelta(days=1)).time > now


def test_processes_append_at_the_same_time(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.record.test_ledger import evaluated\n"
        "from lstm_bench.record.ledger import enter\n"
        "for i in range(15): enter(Path(sys.argv[1]), evaluated(f'{sys.argv[2]}-{i}'))\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(n)], cwd=ROOT) for n in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    runs = [entry.run.run_id for entry in read_ledger(tmp_path).entries]
    assert sorted(runs) == sorted(f"{n}-{i}" for n in range(3) for i in range(15))
    for n in range(3):  # each writer's lines are in its order
        assert [run for run in runs if run.startswith(f"{n}-")] == [f"{n}-{i}" for i in range(15)]


def test_a_line_that_does_not_fit_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    enter(tmp_path, evaluated("a"))
    before = ledger_path(tmp_path).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
    try:
        with pytest.raises(OSError, match=r"ledger\.jsonl") as raised:
            enter(tmp_path, evaluated("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.errno == errno.EFBIG
    assert ledger_path(tmp_path).read_bytes() == before


@pytest.mark.parametrize("by_adoption", [False, True])
@pytest.mark.parametrize("kept", [1, 200, -1])
def test_what_a_killed_writer_left_is_repaired(tmp_path: Path, kept: int, by_adoption: bool) -> None:
    for run in "ab":
        enter(tmp_path, evaluated(run))
    path = ledger_path(tmp_path)
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:kept])
    with pytest.raises(DataError, match="its last line has no end"):
        read_ledger(tmp_path)
    if by_adoption:  # as `lstm-bench leaderboard` does, here of results without a row
        assert adopt(tmp_path, []) == []
        read_ledger(tmp_path)
    enter(tmp_path, evaluated("c"))
    whole = kept == -1  # only the end of the line was missing
    assert [entry.run.run_id for entry in read_ledger(tmp_path).entries] == ["a", *"b" * whole, "c"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: b"{", "not JSON"),
        (lambda _: b"[]", "expected"),
        (lambda line: line.replace(b'"number":2', b'"number":3'), "number: got 3, expected 2"),
        (lambda line: line.replace(b'"seed":0', b'"seed":1'), "hash: it is not that of the line's content"),
        (lambda line: line.replace(b'"seed":0', b'"seed":"0"'), "not in the form"),
        (lambda line: line.replace(b'"seed":0', b'"seed":1,"seed":0'), "not in the form"),
        (lambda line: line.replace(b'"seed"', b'"sead"'), "sead"),
        (lambda line: line.replace(b",", b", "), "not in the form"),
        (lambda line: line.replace(b'Z"', b'+00:00"'), "not in the form"),
        (lambda line: line.replace(b'Z"', b'"'), "time"),
        (lambda line: b"\xff" + line, "not JSON"),
        (lambda _: b"[" * 100_000, "not JSON"),
        (lambda _: b"", "not JSON"),
    ],
)  # fmt: skip
def test_a_changed_line_is_named(tmp_path: Path, change: Any, reason: str) -> None:
    for run in "abc":
        enter(tmp_path, evaluated(run))
    path = ledger_path(tmp_path)
    first, second, third = path.read_bytes().split(b"\n")[:-1]
    assert change(second) != second
    path.write_bytes(b"\n".join([first, change(second), third, b""]))
    with pytest.raises(DataError, match=rf"(?s)ledger\.jsonl, line 2: .*{reason}.*restore the file"):
        read_ledger(tmp_path)
    path.write_bytes(b"\n".join([first, change(second), b""]))
    if "number" not in reason:  # a single line does not show that others are missing
        with pytest.raises(DataError, match=f"(?s)line 2: .*{reason}"):
            check_can_append(tmp_path)


def test_a_ledger_that_cannot_be_written_is_found_before_work_begins(tmp_path: Path) -> None:
    check_can_append(tmp_path / "results")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "leaderboard").touch()
    with pytest.raises(DataError, match="ledger of test evaluations: cannot write to"):
        check_can_append(tmp_path)
    ledger_path(tmp_path / "other").mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be read"):
        check_can_append(tmp_path / "other")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_found_before_work_begins(tmp_path: Path) -> None:
    ledger_path(tmp_path).parent.mkdir()
    ledger_path(tmp_path).parent.chmod(0o500)
    with pytest.raises(DataError, match="ledger of test evaluations: cannot write to"):
        check_can_append(tmp_path)


def test_what_counts_as_an_evaluation_on_the_same_test_data(tmp_path: Path) -> None:
    day = timedelta(days=1)
    first, last = date(2017, 1, 3), date(2020, 7, 31)
    inside: dict[str, dict[str, Any]] = {
        "same": {},
        "other label": {"label": "$close"},
        "other model": {"model": "ridge"},
        "overlap": {"first": last, "last": last + day},
        "days added": {"data": "cd" * 32, "data_used": "1" * 64},
        "before days were added": {"data_used": "1" * 64},
        "linked by another run": {"data": "ef" * 32, "data_used": "2" * 64},
        "the link": {"data": "cd" * 32, "data_used": "2" * 64},
    }
    outside: dict[str, dict[str, Any]] = {
        "later": {"first": last + day, "last": last + day},
        "earlier": {"first": first - day, "last": first - day},
        "other universe": {"universe": "csi500"},
        "other data": {"data": "01" * 32, "data_used": "3" * 64},
        "other data without digest": {"data": "02" * 32},
    }
    for run, changes in {**inside, **outside}.items():
        enter(tmp_path, evaluated(run, **changes))
    found = read_ledger(tmp_path).evaluations("ab" * 32, "csi300", first, last)
    assert [entry.run.run_id for entry in found] == list(inside)


def test_metrics_have_one_digest_in_records_and_evidence() -> None:
    digest = metrics_digest({"IC": 1.0, "ICIR": float("nan"), "Rank IC": 0.1})
    assert digest == metrics_digest({"Rank IC": 0.1, "IC": 1})
    assert digest == hashlib.sha256(b'{"IC":1.0,"Rank IC":0.1}').hexdigest()
    assert digest != metrics_digest({"Rank IC": 0.1, "IC": 1.0000000000000002})
