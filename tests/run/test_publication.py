"""Records and the ledger: what is counted after a process was ended between the two."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import DataError
from lstm_bench.record import ledger
from lstm_bench.record.evaluated import Evaluated
from lstm_bench.record.ledger import ledger_path, read_ledger
from lstm_bench.record.ledger_entry import Entry
from lstm_bench.record.publish import enter_missing
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.run.preparation import Prepared
from lstm_bench.run.publication import PackRun, find_recorded
from lstm_bench.run.scored import Scores, Scoring

Command = Callable[..., PackRun]


def noise(prepared: Prepared) -> Scores:
    return Scores(np.random.default_rng(0).normal(size=len(prepared.test)).astype(np.float32))


@pytest.fixture
def command(configure: Callable[..., RunConfig], tmp_path: Path) -> Command:
    config = configure("lstm_bench.compat=none").resolved()

    def run(number: int = 0) -> PackRun:
        model = ScoringModel("ridge", {"penalty": float(number)})
        return Scoring(config, tmp_path / "e").record(model, noise)

    return run


def entered(results: Path) -> list[tuple[str, str]]:
    return [(entry.event, entry.run.run_id) for entry in read_ledger(results).entries]


@pytest.mark.parametrize("error", [KeyboardInterrupt, DataError("damaged")])
def test_what_was_published_but_not_entered_is_entered_once_by_the_same_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(results: Path, run: Evaluated) -> Entry:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "enter", fail)
        with pytest.raises((KeyboardInterrupt, DataError)):
            command()
    assert entered(tmp_path) == []
    for _ in range(2):
        run = command()
        assert not run.computed
        assert entered(tmp_path) == [("adopted", run.record.path.name)]
    assert read_ledger(tmp_path).entries[0].run == Evaluated.of_record(run.record)


def test_whoever_finds_a_record_waits_for_the_process_that_enters_it(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = []

    def enter(results: Path, run: Evaluated) -> Entry:
        (record,) = (Record(path.parent) for path in (results / "e").glob("*/provenance.json"))
        others.append(threading.Thread(target=enter_missing, args=([record],)))
        others[0].start()
        others[0].join(timeout=0.5)
        assert others[0].is_alive()
        return entering(results, run)

    entering = ledger.enter
    monkeypatch.setattr(ledger, "enter", enter)
    run = command()
    others[0].join()
    assert entered(tmp_path) == [("evaluated", run.record.path.name)]


def test_several_processes_that_find_a_record_enter_it_once(command: Command, tmp_path: Path) -> None:
    run = command()
    ledger_path(tmp_path).unlink()
    finders = [threading.Thread(target=enter_missing, args=([run.record],)) for _ in range(4)]
    for finder in finders:
        finder.start()
    for finder in finders:
        finder.join()
    assert entered(tmp_path) == [("adopted", run.record.path.name)]


def test_the_ledger_is_read_once_for_all_records(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {number: command(number).record.path for number in range(3)}
    reads = []

    def read(results: Path) -> ledger.Ledger:
        reads.append(results)
        return read_ledger(results)

    monkeypatch.setattr(ledger, "read_ledger", read)
    assert set(find_recorded(folders, force=False)) == {0, 1, 2}
    assert reads == [tmp_path]
