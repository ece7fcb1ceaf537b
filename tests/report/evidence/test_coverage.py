"""The ledger beside the evidence: adoption, metrics that must match, and that tampering is found."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.cli.leaderboard import _check
from lstm_bench.core.errors import CheckError, DataError, InputError
from lstm_bench.record.evaluated import Evaluated
from lstm_bench.record.evidence import Evidence, read_evidence, write_study
from lstm_bench.record.ledger import Head, enter, ledger_path, read_ledger
from lstm_bench.record.ledger_entry import Entry, parse_line
from lstm_bench.record.record import Record
from lstm_bench.report.documents.document import write_document
from lstm_bench.report.evidence.collect import collect

MakeRow = Callable[..., BenchRow]


def documented(results: Path) -> Path:
    """A document of the evidence, beside the results."""
    document = results.parent / "board.md"
    write_document(document, results, collect(results))
    return document


def test_seeds_of_before_the_ledger_are_adopted_once(results: Path, make_row: MakeRow) -> None:
    make_row("b", seeds=[1, 0])
    make_row("a", seeds=[3], failures={2: "lost"})
    collect(results)
    entries = read_ledger(results).entries
    assert [(entry.event, entry.run.experiment, entry.run.seed) for entry in entries] == [
        ("adopted", "a", 3), ("adopted", "b", 0), ("adopted", "b", 1),
    ]  # fmt: skip
    before = ledger_path(results).read_bytes()
    make_row("a", seeds=[3, 4])
    collect(results)
    assert ledger_path(results).read_bytes().startswith(before)
    assert [entry.run.seed for entry in read_ledger(results).entries[3:]] == [4]


def test_a_record_and_its_evidence_are_the_same_evaluation(results: Path, make_row: MakeRow) -> None:
    row = make_row("mine", seeds=[5], figures={"1day.pos": float("nan")}, data_used="1" * 64)
    record = Record(results / "mine" / row.runs[5])
    evaluated = Evaluated.of_record(record)
    collect(results)
    (entry,) = read_ledger(results).entries
    assert entry.run == evaluated
    assert (entry.run.universe, entry.run.model, entry.run.data_used) == ("csi300", "lstm", "1" * 64)
    assert (str(entry.run.first), str(entry.run.last)) == ("2017-01-01", "2020-08-01")


def test_a_run_that_diverged_was_not_evaluated(results: Path, make_row: MakeRow) -> None:
    training = {"status": "diverged", "epochs": 1, "best_epoch": -1, "parameters": 1}
    row = make_row("mine", seeds=[0], diverged=True, training=training)
    assert Evaluated.of_record(Record(results / "mine" / row.runs[0])) is None
    collect(results)
    assert read_ledger(results).entries == ()


def test_metrics_that_are_not_those_of_the_entry_are_found(results: Path, make_row: MakeRow) -> None:
    row = make_row("mine", seeds=[0, 1])
    evidence = collect(results)["mine"]
    shutil.rmtree(results / "mine")
    changed = [
        replace(one, metrics={**one.metrics, "1day.ffr": 0.5}) if one.seed == 1 else one
        for one in evidence.results
    ]
    write_study(results, Evidence.of("mine", changed, evidence.daily))
    reason = f"mine/default, seed 1, run {row.runs[1]}: its metrics are not those of its entry .line 2"
    with pytest.raises(DataError, match=reason):
        collect(results)  # which adopts no other metrics of a run
    assert read_ledger(results).head is not None
    # a run that was computed again has an entry with its new metrics
    run = read_ledger(results).entries[1].run
    from lstm_bench.record.evaluated import metrics_digest

    enter(results, run.model_copy(update={"metrics": metrics_digest(changed[1].metrics)}))
    collect(results)


def test_a_document_states_the_head_and_grows_with_the_ledger(results: Path, make_row: MakeRow) -> None:
    make_row("mine")
    document = documented(results)
    head = read_ledger(results).head
    assert head is not None
    assert f"\nTest evaluations: 3, ledger `{head.hash[:12]}`\n" in document.read_text()
    _check([document], results, None)
    enter(results, read_ledger(results).entries[0].run)  # such as a run with --force
    reason = (
        "the ledger has 1 more evaluation than when the document was made; the lines of before are unchanged"
    )
    with pytest.raises(
        CheckError,
        match=rf"board\.md is stale; .* rebuilds it \({reason}\)(?s:.*)\+Test evaluations: 4, ledger",
    ):
        _check([document], results, None)
    assert write_document(document, results, read_evidence(results))
    _check([document], results, None)


def test_a_document_is_not_rebuilt_over_a_ledger_that_was_changed(results: Path, make_row: MakeRow) -> None:
    make_row("mine")
    document = documented(results)
    before = document.read_text()
    ledger_path(results).unlink()
    evidence = collect(results)  # adopts the seeds anew, at another time or in another order
    assert len(read_ledger(results).entries) == 3
    ledger_path(results).write_bytes(moved(read_ledger(results).entries, 0, 3, days=-1))
    reason = r"line 3 of the ledger has the hash .* has another one; restore"
    with pytest.raises(InputError, match=reason):
        write_document(document, results, evidence)
    with pytest.raises(InputError, match=reason):
        _check([document], results, None)
    assert document.read_text() == before


def test_a_study_of_its_own_document_states_the_head_too(results: Path, make_row: MakeRow) -> None:
    make_row("mine")
    document = results.parent / "other.md"
    document.write_text("<!-- lstm-bench: leaderboard --study none -->\n<!-- lstm-bench: end -->\n")
    write_document(document, results, collect(results))
    assert "Test evaluations: 3, ledger" in document.read_text()
    _check([document], results, None)


# -- tampering -----------------------------------------------------------------------------------------------------


def rehashed(entries: Sequence[Entry]) -> bytes:
    """Number the lines and compute all hashes anew: a chain that is whole."""
    lines, previous = [], "0" * 64
    for number, entry in enumerate(entries, start=1):
        unsigned = entry.model_copy(update={"number": number, "previous": previous})
        lines.append(unsigned.model_copy(update={"hash": unsigned.expected_hash}).line)
        previous = unsigned.expected_hash
    return b"".join(lines)


def moved(entries: Sequence[Entry], begin: int, end: int, days: int) -> bytes:
    """Move the times of some lines, and compute all hashes anew."""
    shift = timedelta(days=days)
    return rehashed(
        [
            entry.model_copy(update={"time": entry.time + shift}) if begin <= place < end else entry
            for place, entry in enumerate(entries)
        ]
    )


def rehash_one(line: bytes, **changes: object) -> bytes:
    """Change a line and give it the hash of its new content."""
    entry = parse_line(line.rstrip(b"\n")).model_copy(update=changes)
    return entry.model_copy(update={"hash": entry.expected_hash}).line


def tamper(path: Path, kind: str, chance: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    entries = read_ledger(path.parents[1]).entries
    at = chance.randrange(len(lines))
    past: datetime = entries[at].time - timedelta(days=chance.randrange(1, 400))
    if kind == "change a byte":
        line = bytearray(lines[at])
        place = chance.randrange(len(line) - 1)
        line[place] = chance.choice([byte for byte in b'0123456789abcdef"{},: ' if byte != line[place]])
        lines[at] = bytes(line)
    elif kind == "delete a line":
        del lines[at]
    elif kind == "delete the last line":
        del lines[-1]
    elif kind == "delete the tail":
        del lines[at:]
    elif kind == "cut off the end":
        lines[-1] = lines[-1][: chance.randrange(1, len(lines[-1]))]
    elif kind == "swap two lines":
        other = (at + chance.randrange(1, len(lines))) % len(lines)
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "repeat a line":
        lines.insert(at, lines[at])
    elif kind == "back-date a line":
        lines[at] = rehash_one(lines[at], time=past)
    elif kind == "change the metrics of a line":
        run = entries[at].run.model_copy(update={"metrics": f"{chance.getrandbits(256):064x}"})
        lines[at] = rehash_one(lines[at], run=run)
    elif kind == "back-date a line and compute all hashes":
        path.write_bytes(moved(entries, at, at + 1, -chance.randrange(1, 400)))
        return
    elif kind == "back-date all lines up to one and compute all hashes":
        path.write_bytes(moved(entries, 0, at + 1, -chance.randrange(1, 400)))
        return
    elif kind == "delete a line and compute all hashes":
        path.write_bytes(rehashed(entries[:at] + entries[at + 1 :]))
        return
    elif kind == "remove the file":
        path.unlink()
        return
    path.write_bytes(b"".join(lines))


KINDS = (
    "change a byte", "delete a line", "delete the last line", "delete the tail", "cut off the end", "swap two lines",
    "repeat a line", "back-date a line", "change the metrics of a line", "back-date a line and compute all hashes",
    "back-date all lines up to one and compute all hashes", "delete a line and compute all hashes", "remove the file",
)  # fmt: skip


def test_fifty_changes_of_the_ledger_are_all_found(results: Path, make_row: MakeRow) -> None:
    make_row("mine", seeds=range(6))
    make_row("mine", "other", seeds=range(4), overrides=["task.model.kwargs.hidden_size=8"])
    document, path = documented(results), ledger_path(results)
    sound, chance = path.read_bytes(), random.Random(0)
    for change in range(50):
        kind = KINDS[change % len(KINDS)]
        path.write_bytes(sound)
        tamper(path, kind, chance)
        assert not path.exists() or path.read_bytes() != sound
        with pytest.raises(InputError) as raised:  # not a document that is merely out of date
            _check([document], results, None)
        assert "ledger" in str(raised.value), kind
    path.write_bytes(sound)
    _check([document], results, None)


def test_without_the_document_only_the_chain_and_the_evidence_speak(results: Path, make_row: MakeRow) -> None:
    """What the head is for: a whole chain with other times, or without an evaluation that no row has."""
    make_row("mine")
    document, path = documented(results), ledger_path(results)
    enter(results, read_ledger(results).entries[0].run)
    write_document(document, results, read_evidence(results))
    entries = read_ledger(results).entries
    path.write_bytes(b"".join(entry.line for entry in entries[:-1]))
    collect(results)
    with pytest.raises(InputError, match=r"line 4 of the ledger .* no such line"):
        _check([document], results, None)
    unstated = "\n".join(
        line for line in document.read_text().split("\n") if not line.startswith("Test evaluations")
    )
    document.write_text(unstated)
    with pytest.raises(CheckError):
        _check([document], results, None)
    assert read_ledger(results).head == Head(3, entries[2].hash)


def test_a_ledger_line_is_one_json_object(results: Path, make_row: MakeRow) -> None:
    make_row("mine", seeds=[0])
    collect(results)
    (line,) = ledger_path(results).read_text().splitlines()
    assert set(json.loads(line)) == {"number", "time", "event", "run", "previous", "hash"}
