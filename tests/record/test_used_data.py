"""The data that a run uses: the digest changes with each used bar, member and day, and with nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.folders import set_bar, shortened

from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.record.outline import Outline
from lstm_bench.record.used_data import UsedData

START, TRAINED, VALID, END, ALL = (
    80,
    180,
    230,
    280,
    320,
)  # positions in the calendar; the last two are exclusive
LOOK_BACK, LABEL = 60, 2


@pytest.fixture(scope="module")
def config(configure: Callable[..., RunConfig], market: Path) -> ResolvedRun:
    days = (market / "calendars" / "day.txt").read_text().split()
    return configure(
        f"data_handler_config.start_time={days[START]}",
        f"data_handler_config.fit_start_time={days[START]}",
        f"data_handler_config.fit_end_time={days[TRAINED - 1]}",
        "data_handler_config.end_time=2035-01-01",
        f"task.dataset.kwargs.segments={{train: [{days[START]}, {days[TRAINED - 1]}], "
        f"valid: [{days[TRAINED]}, {days[VALID - 1]}], test: [{days[VALID]}, {days[END - 1]}]}}",
        f"portfolio.backtest.start_time={days[VALID]}",
        f"portfolio.backtest.end_time={days[END - 1]}",
    ).resolved()


@pytest.fixture(scope="module")
def used(config: ResolvedRun, market: Path) -> UsedData:
    return UsedData.of(config, Provider(market))


@pytest.fixture(scope="module")
def member(market: Path) -> str:
    """A stock of the universe for all days."""
    whole = (market / "calendars" / "day.txt").read_text().split()
    spans = [line.split("\t") for line in (market / "instruments" / "csi300.txt").read_text().splitlines()]
    return next(code for code, first, last in spans if first <= whole[0] and last >= whole[-1])


@pytest.mark.parametrize(
    ("field", "day"),
    [
        ("close", START - LOOK_BACK), ("volume", START), ("open", TRAINED - 1), ("high", VALID - 1),
        ("low", END - 1), ("close", END - 1 + LABEL), ("change", END - 1), ("factor", VALID - 1),
    ],
)  # fmt: skip
def test_each_used_bar_counts_and_is_named(
    used: UsedData, config: ResolvedRun, market_copy: Path, member: str, field: str, day: int
) -> None:
    set_bar(market_copy, member, field, day, 12345.0)
    provider = Provider(market_copy)
    found = UsedData.of(config, provider)
    assert found.digest != used.digest
    month = str(provider.calendar[day])[:7]
    assert used.outline.differences(found.outline) == [f"the bars of {member} changed in {month}"]


@pytest.mark.parametrize(
    ("field", "day"),
    [("close", START - LOOK_BACK - 1), ("close", END + LABEL), ("change", VALID - 2), ("factor", END)],
)
def test_no_other_bar_counts(
    used: UsedData, config: ResolvedRun, market_copy: Path, member: str, field: str, day: int
) -> None:
    set_bar(market_copy, member, field, day, 12345.0)
    assert UsedData.of(config, Provider(market_copy)).digest == used.digest


@pytest.mark.parametrize("day", [VALID - 10, END + 10])
def test_days_that_only_the_exchange_has_count(
    config: ResolvedRun, market: Path, market_copy: Path, member: str, day: int
) -> None:
    days = Provider(market).calendar
    content = config.to_file()
    (record,) = (one for one in content["task"]["record"] if one["class"] == "PortAnaRecord")
    exchange = record["kwargs"]["config"]["backtest"]["exchange_kwargs"]
    exchange |= {"start_time": str(days[VALID - 20]), "end_time": str(days[END + 20])}
    longer = RunConfig.model_validate(content).resolved()
    used = UsedData.of(longer, Provider(market))
    set_bar(market_copy, member, "factor", day, 12345.0)
    assert UsedData.of(longer, Provider(market_copy)).digest != used.digest


def test_a_stock_outside_the_universe_counts_where_it_is_quoted(
    config: ResolvedRun, market_copy: Path, member: str
) -> None:
    universe = market_copy / "instruments" / "csi300.txt"
    lines = [line for line in universe.read_text().splitlines() if not line.startswith(member)]
    universe.write_text("".join(f"{line}\n" for line in lines))
    before = UsedData.of(config, Provider(market_copy))
    for field, day in (("close", VALID - 2), ("close", END), ("open", END - 1)):
        set_bar(market_copy, member, field, day, 12345.0)
        assert UsedData.of(config, Provider(market_copy)).digest == before.digest
    set_bar(market_copy, member, "close", END - 1, 12345.0)
    after = UsedData.of(config, Provider(market_copy))
    assert before.outline.differences(after.outline)[0].startswith(f"the bars of {member} changed in ")


def test_other_files_do_not_count(
    used: UsedData, config: ResolvedRun, market_copy: Path, member: str
) -> None:
    own = market_copy / "features" / member.lower()
    shutil.copy(own / "close.day.bin", own / "vwap60.day.bin")
    shutil.copytree(own, market_copy / "features" / "zz999999")
    (market_copy / "instruments" / "other.txt").write_text("ZZ999999\t2001-01-01\t2035-01-01\n")
    assert UsedData.of(config, Provider(market_copy)).digest == used.digest


def test_days_members_and_the_benchmark_count(
    used: UsedData, config: ResolvedRun, market_copy: Path, member: str
) -> None:
    universe, calendar = market_copy / "instruments" / "csi300.txt", market_copy / "calendars" / "day.txt"
    days, text = calendar.read_text().split(), universe.read_text()

    def difference() -> list[str]:
        found = UsedData.of(config, Provider(market_copy))
        assert (found.digest == used.digest) == (not used.outline.differences(found.outline))
        return used.outline.differences(found.outline)

    last = next(line for line in text.splitlines() if line.startswith(member)).split("\t")[2]
    universe.write_text(text.replace(f"{member}\t{days[0]}\t{last}", f"{member}\t{days[0]}\t{days[END - 1]}"))
    assert difference() == []  # it ends with the last used day
    universe.write_text(text.replace(f"{member}\t{days[0]}\t{last}", f"{member}\t{days[0]}\t{days[END - 2]}"))
    assert difference() == ["the universe's members changed"]
    universe.write_text(text)
    set_bar(market_copy, "SH000300", "close", END - 1, 1.0)
    assert difference() == [f"the bars of SH000300 changed in {days[END - 1][:7]}"]
    shutil.rmtree(market_copy / "features")
    shutil.copytree(Path(config.qlib_init.provider_uri) / "features", market_copy / "features")
    assert difference() == []
    moved = str(np.datetime64(days[200]) + 1)
    if moved not in days:
        calendar.write_text("\n".join([*days[:200], moved, *days[201:]]) + "\n")
        assert "the trading days changed" in difference()


def test_days_that_are_added_do_not_count(
    used: UsedData, config: ResolvedRun, market: Path, tmp_path: Path
) -> None:
    short = shortened(market, tmp_path / "short", END + 10)
    assert UsedData.of(config, Provider(short)).digest == used.digest
    assert (
        UsedData.of(config, Provider(market).as_of(Provider(short).calendar[-1])).digest
        == UsedData.of(config, Provider(short)).digest
    )


def test_a_segment_that_was_cut_short_uses_other_days_once_they_are_there(
    config: ResolvedRun, market: Path, tmp_path: Path
) -> None:
    short = Provider(shortened(market, tmp_path / "short", END - 5))
    before, after = UsedData.of(config, short), UsedData.of(config, Provider(market))
    assert before.digest != after.digest
    phrases = before.outline.differences(after.outline)
    assert f"the rows were {short.calendar[START]}..{short.calendar[-1]}, and are " in phrases[0]
    assert UsedData.of(config, Provider(market).as_of(short.calendar[-1])).digest == before.digest


def test_many_stocks_are_counted(used: UsedData, config: ResolvedRun, market_copy: Path) -> None:
    for path in market_copy.glob("features/*/close.day.bin"):
        content = np.fromfile(path, dtype="<f4")
        content[1:] *= np.float32(1.25)
        content.tofile(path)
    phrases = used.outline.differences(UsedData.of(config, Provider(market_copy)).outline)
    assert any(" stocks, such as " in text and " months from " in text for text in phrases)


def test_the_outline_is_kept_as_text(used: UsedData) -> None:
    assert Outline.from_text(used.outline.to_text()) == used.outline


def test_data_without_the_benchmark_are_used_without_it(
    used: UsedData, config: ResolvedRun, market_copy: Path
) -> None:
    shutil.rmtree(market_copy / "features" / "sh000300")
    assert UsedData.of(config, Provider(market_copy)).digest != used.digest


def test_data_that_do_not_hold_the_segments_are_refused(
    config: ResolvedRun, market: Path, tmp_path: Path
) -> None:
    short = shortened(market, tmp_path / "short", VALID - 5)
    with pytest.raises(DataError, match=r"segment 'test': .* holds no trading day"):
        UsedData.of(config, Provider(short))
