"""Runs on a folder that days are added to: they meet their records as long as the days and stocks used are the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.folders import set_bar, shortened

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import DataError, InputError
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.record.identity import run_id
from lstm_bench.record.record import Record
from lstm_bench.record.stamp import NamedData, Stamp, data_of_run
from lstm_bench.run.runner import execute, execute_pack, preview

DAYS = 310  # of the folder before days are added


@pytest.fixture(scope="module")
def folders(market: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder as it was, and with days added."""
    place = tmp_path_factory.mktemp("folders")
    return shortened(market, place / "before", DAYS), Path(shutil.copytree(market, place / "after"))


@pytest.fixture(scope="module")
def config(configure: Callable[..., RunConfig], folders: tuple[Path, Path]) -> RunConfig:
    """Configure a run whose test segment ends well inside both."""
    days = (folders[0] / "calendars" / "day.txt").read_text().split()
    return configure(
        f"task.dataset.kwargs.segments.test=[{days[250]}, {days[-8]}]",
        f"portfolio.backtest.end_time={days[-8]}",
        "data_handler_config.end_time=2035-01-01",
        provider=folders[0],
    )


def on(config: RunConfig, folder: Path) -> RunConfig:
    moved = config.qlib_init.model_copy(update={"provider_uri": str(folder)})
    return config.model_copy(update={"qlib_init": moved})


@pytest.fixture(scope="module")
def experiment(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seed 0, computed before days were added."""
    place = tmp_path_factory.mktemp("experiment")
    execute(config.with_seed(0), place, device="cpu")
    return place


@pytest.fixture
def records(experiment: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(experiment, tmp_path / "records"))


def test_the_id_is_that_of_the_folder_where_nothing_was_added(
    config: RunConfig, folders: tuple[Path, Path], records: Path
) -> None:
    (name,) = (path.name for path in records.glob("[!.]*"))
    assert name == run_id(config.with_seed(0).resolved(), fingerprint(Provider(folders[0])))


def test_after_days_are_added_the_record_is_met_and_new_seeds_join_it(
    config: RunConfig, folders: tuple[Path, Path], records: Path
) -> None:
    later = on(config, folders[1])
    first, second = execute_pack(later, [0, 1], records, device="cpu")
    assert (first.computed, second.computed) == (False, True)
    one, two = first.record.provenance(), second.record.provenance()
    assert one["data_fingerprint"] == two["data_fingerprint"] == fingerprint(Provider(folders[0]))
    assert one["data_used"] == two["data_used"]
    assert two["folder_fingerprint"] == fingerprint(Provider(folders[1])) != two["data_fingerprint"]
    (again,) = execute_pack(on(config, folders[0]), [1], records, device="cpu")
    assert again.record == second.record
    assert preview(later.with_seed(1), experiment=records)["run_id"] == second.record.path.name
    # and in the figures there is no difference
    (alone,) = execute_pack(config, [1], records / "alone", device="cpu")
    assert alone.record.metrics() == second.record.metrics()


def test_another_bar_makes_another_run_and_one_of_later_days_does_not(
    config: RunConfig, folders: tuple[Path, Path], records: Path, tmp_path: Path
) -> None:
    changed = Path(shutil.copytree(folders[1], tmp_path / "changed"))
    codes = sorted(path.name for path in (changed / "features").glob("s[hz]6*"))
    set_bar(changed, codes[0], "close", DAYS + 3, 12345.0)
    assert not execute(on(config, changed).with_seed(0), records, device="cpu")[1]
    set_bar(changed, codes[0], "close", 270, 12345.0)
    record, computed = execute(on(config, changed).with_seed(0), records, device="cpu")
    assert computed
    assert record.provenance()["data_fingerprint"] == fingerprint(Provider(changed))


def test_force_takes_the_folders_own_name(
    config: RunConfig, folders: tuple[Path, Path], records: Path
) -> None:
    later, provider = on(config, folders[1]).resolved(), Provider(folders[1])
    assert data_of_run(later, provider, records, [0]).name == fingerprint(Provider(folders[0]))
    assert data_of_run(later, provider, records, [0], force=True).name == fingerprint(provider)
    # a record under the folder's own name settles it
    own = records / run_id(later.with_seed(5), fingerprint(provider))
    own.mkdir()
    (own / "provenance.json").write_text("{}")
    assert data_of_run(later, provider, records, [0, 5]).name == fingerprint(provider)


def test_records_of_before_there_was_a_digest_are_met_on_their_own_folder_alone(
    config: RunConfig, folders: tuple[Path, Path], records: Path
) -> None:
    (seal,) = records.glob("[!.]*/provenance.json")
    seal.write_text(seal.read_text().replace("data_used", "unused"))
    assert not execute(config.with_seed(0), records, device="cpu")[1]
    assert data_of_run(on(config, folders[1]).resolved(), Provider(folders[1]), records, [0]).name == (
        fingerprint(Provider(folders[1]))
    )
    seal.write_text("{torn")
    assert Record.find(seal.parent) is not None
    data_of_run(on(config, folders[1]).resolved(), Provider(folders[1]), records, [0])


def test_a_stamp_shows_the_days_that_were_there(
    config: RunConfig, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    resolved = config.resolved()
    stamp = Stamp.of(resolved, Provider(folders[0]))
    assert stamp is not None
    assert Stamp.from_json(stamp.to_json()) == stamp
    opened = stamp.open(resolved, Provider(folders[1]))
    assert np.array_equal(opened.calendar, Provider(folders[0]).calendar)
    changed = Path(shutil.copytree(folders[1], tmp_path / "changed"))
    code = sorted(path.name for path in (changed / "features").glob("s[hz]6*"))[0]
    set_bar(changed, code, "close", 270, 12345.0)
    month = str(opened.calendar[270])[:7]
    with pytest.raises(InputError, match=f"^the bars of {code.upper()} changed in {month}$"):
        stamp.open(resolved, Provider(changed))
    with pytest.raises(InputError, match=r"the calendar does not have .*, their last day, and ends on"):
        stamp.open(resolved, Provider(shortened(folders[0], tmp_path / "shorter", DAYS - 1)))


def test_a_worker_refuses_a_folder_that_changed_meanwhile(folders: tuple[Path, Path]) -> None:
    provider = Provider(folders[1]).as_of(Provider(folders[0]).calendar[-1])
    data = NamedData(provider, "a" * 64, fingerprint(provider))
    again = NamedData.from_json(data.to_json(), str(folders[1]))
    until = provider.calendar[-1]
    assert (again.name, again.cached_as) == ("a" * 64, f"{fingerprint(Provider(folders[1]))} until {until}")
    assert len(again.provider.calendar) == DAYS
    with pytest.raises(DataError, match="changed while the command was at work"):
        NamedData.from_json(data.to_json(), str(folders[0]))
