"""Races that train, of two small rows on the synthetic market."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.market import Configure

from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.driver import bench
from lstm_bench.bench.manifest import Bench
from lstm_bench.bench.race import Race, RaceResult, run_race
from lstm_bench.bench.racer import racer_of
from lstm_bench.bench.standing import Standing
from lstm_bench.core.errors import ConfigError, InputError
from lstm_bench.exec.devices import Device
from lstm_bench.record.evidence import Evidence
from lstm_bench.record.evidence_schema import SeedResult
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.comparison import Terms
from lstm_bench.report.leaderboard.race import race_of
from lstm_bench.run import runner
from lstm_bench.tune.progress import BenchProgress

CPU = Device("cpu", "cpu", 1 << 34, 2)
A, B = ("narrow", "default"), ("wide", "default")
EQUIVALENT = 10.0
"""A margin within which any two rows are: a race ends with the fifth pair."""


class Heard(BenchProgress):
    """Remembers the packs that began, and interrupts before one of them."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.packs: list[str] = []
        self.interrupt_after = interrupt_after

    def entered(self, label: str, recorded: int, missing: int) -> None: ...
    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None: ...
    def note(self, text: str) -> None: ...

    def began(self, key: str, slot: str) -> None:
        self.packs.append(key)

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        if len(self.packs) == self.interrupt_after:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module", autouse=True)
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Share the cache of datasets among the races."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTM_BENCH_CACHE", str(tmp_path_factory.mktemp("datasets")))
        yield


@pytest.fixture(scope="module")
def benched(configure: Configure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rows with one seed each; tests must not change the folder."""
    results = tmp_path_factory.mktemp("benched") / "results"
    for row in (A, B):
        bench_row(configure, row, [0], results)
    return results


def bench_row(configure: Configure, row: tuple[str, str], seeds: list[int], results: Path) -> None:
    size = {A: 2, B: 4}[row]
    config = configure(f"task.model.kwargs.hidden_size={size}", "task.model.kwargs.n_epochs=1").resolved()
    candidate = Candidate(row[1], row[0], None, config)
    bench([candidate], seeds, devices=[CPU], executor="inline", results=results, progress=Heard())


@pytest.fixture
def results(benched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(benched, tmp_path / "results"))


def race_in(results: Path, most: int = 6) -> Race:
    return race_of(
        collect(results), "/".join(A), "/".join(B), Terms.of(["Rank IC"], EQUIVALENT), most, lambda _: ()
    )


def rows_results(evidence: Mapping[str, Evidence], study: str, label: str) -> list[SeedResult]:
    return [one for one in evidence[study].results if one.row == label]


def run(results: Path, progress: Heard, *, provider_uri: str | None = None, **terms: Any) -> RaceResult:
    return run_race(
        race_in(results, **terms),
        devices=[CPU], executor="inline", results=results, provider_uri=provider_uri, progress=progress,
    )  # fmt: skip


def seeds_in(results: Path) -> list[tuple[int, ...]]:
    found = []
    for study, label in (A, B):
        manifest = Bench.load(results / study)
        assert manifest is not None
        found.append(tuple(sorted(manifest.rows[label].runs)))
    return found


@pytest.fixture(scope="module")
def undisturbed(benched: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Standing]:
    results = Path(shutil.copytree(benched, tmp_path_factory.mktemp("undisturbed") / "results"))
    heard = Heard()
    done = run(results, heard)
    assert (done.computed, done.interrupted, done.failures) == (8, False, {})
    expected = [f"{'/'.join(row)}, seed {seed}" for seed in range(1, 5) for row in (A, B)]
    assert heard.packs == expected
    return results, race_in(results).standing()


def test_a_race_trains_both_rows_until_it_is_decided(undisturbed: tuple[Path, Standing]) -> None:
    results, found = undisturbed
    assert (found.seeds, found.is_decided, found.is_over) == ((0, 1, 2, 3, 4), True, True)
    assert seeds_in(results) == [(0, 1, 2, 3, 4)] * 2
    assert abs(found.estimate.value) < EQUIVALENT


def test_a_decided_race_trains_nothing(undisturbed: tuple[Path, Standing]) -> None:
    heard = Heard()
    assert run(undisturbed[0], heard).computed == 0
    assert heard.packs == []


def test_interrupted_and_continued_in_another_order_it_has_the_same_verdict(
    undisturbed: tuple[Path, Standing], configure: Configure, results: Path
) -> None:
    bench_row(configure, A, [5, 3], results)
    first = run(results, Heard(interrupt_after=3))
    assert (first.computed, first.interrupted) == (3, True)
    assert seeds_in(results) == [(0, 1, 2, 3, 5), (0, 1)]
    half = race_in(results).standing()
    assert (half.seeds, half.is_over) == ((0, 1), False)
    second = run(results, Heard())
    assert (second.computed, second.interrupted) == (4, False)
    assert race_in(results).standing() == undisturbed[1]


@pytest.mark.parametrize(
    ("of_a", "of_b"),
    [
        pytest.param([1], [1], id="interrupted when only the second seed was finished"),
        pytest.param([0], [7], id="no common seeds"),
    ],
)
def test_the_seeds_that_rows_have_do_not_change_the_verdict(
    undisturbed: tuple[Path, Standing], configure: Configure, tmp_path: Path, of_a: list[int], of_b: list[int]
) -> None:
    results = tmp_path / "results"
    bench_row(configure, A, of_a, results)
    bench_row(configure, B, of_b, results)
    run(results, Heard())
    assert seeds_in(results) == [tuple(sorted({*range(5), *seeds})) for seeds in (of_a, of_b)]
    assert race_in(results).standing() == undisturbed[1]


def test_the_budget_ends_a_race(results: Path) -> None:
    assert run(results, Heard(), most=2).computed == 2
    found = race_in(results, most=2).standing()
    assert (found.seeds, found.is_decided, found.is_over) == ((0, 1), False, True)


def test_rows_without_records_race_from_their_evidence(results: Path, market: Path) -> None:
    race_in(results)  # writes the evidence
    for study, _ in (A, B):
        shutil.rmtree(results / study)
    with pytest.raises(ConfigError, match="--provider-uri: narrow/default has evidence, but no manifest in"):
        run(results, Heard(), most=2)
    assert run(results, Heard(), most=2, provider_uri=str(market)).computed == 2
    assert seeds_in(results) == [(1,), (1,)]
    assert race_in(results, most=2).standing().seeds == (0, 1)


def test_data_that_moved_keep_the_rows_earlier_seeds(results: Path, market_copy: Path) -> None:
    assert run(results, Heard(), most=2, provider_uri=str(market_copy)).computed == 2
    assert seeds_in(results) == [(0, 1), (0, 1)]


def test_other_data_are_refused(results: Path, market_copy: Path) -> None:
    close = next((market_copy / "features").iterdir()) / "close.day.bin"
    close.write_bytes(close.read_bytes()[:-4] + b"\0\0\x80\x3f")
    with pytest.raises(
        InputError, match=r"narrow/default was computed from data .*, with other days or stocks"
    ):
        run(results, Heard(), most=2, provider_uri=str(market_copy))
    assert seeds_in(results) == [(0,), (0,)]


def test_a_pack_that_fails_ends_the_race(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(runner, "execute_pack", fails)
    heard = Heard()
    done = run(results, heard)
    assert done.computed == 0
    assert done.failures == {("narrow/default", 1): "ValueError: no", ("wide/default", 1): "ValueError: no"}
    assert {name.split(" ")[-1] for name in heard.packs} == {"1"}


def test_rows_that_cannot_race_are_refused(results: Path) -> None:
    rows = rows_results(collect(results), *A)
    ridge = [replace(one, model=ScoringModel("ridge").text()) for one in rows]
    with pytest.raises(
        InputError,
        match="narrow/default is a row of the model Ridge, and a race trains further seeds of LSTMs",
    ):
        racer_of(*A, ridge, "IC")
    with pytest.raises(InputError, match="no seed of narrow/default has 'Long Precision'"):
        racer_of(*A, [replace(one, metrics={"IC": 0.1}) for one in rows], "Long Precision")
    with pytest.raises(InputError, match="was computed with version 1 of the numerics"):
        racer_of(*A, [replace(one, numerics=1) for one in rows], "IC")
    with pytest.raises(InputError, match="no seed of narrow/default is complete"):
        racer_of(*A, [replace(one, status="missing") for one in rows], "IC")
