from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.driver import BenchResult, bench
from lstm_bench.bench.manifest import Bench
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError
from lstm_bench.dataset.array_store import default_folder
from lstm_bench.exec.devices import discover
from lstm_bench.record.record import Record
from lstm_bench.report.evidence.collect import collect
from lstm_bench.tune.progress import BenchProgress

Configure = Callable[..., RunConfig]


@pytest.fixture(autouse=True)
def own_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "datasets"))
    assert default_folder() == tmp_path / "datasets"


@pytest.fixture
def candidate(configure: Configure) -> Candidate:
    config = configure("lstm_bench.compat=none", "task.model.kwargs.n_epochs=1").resolved()
    return Candidate("mine", "mine", None, config)


def trained(candidate: Candidate, seeds: list[int], results: Path, *, ensemble: bool = True) -> BenchResult:
    return bench(
        [candidate], seeds, devices=discover("cpu"), executor="inline", results=results, ensemble=ensemble,
        progress=BenchProgress(),
    )  # fmt: skip


def test_the_seeds_of_a_row_make_a_row(candidate: Candidate, tmp_path: Path) -> None:
    first = trained(candidate, [0, 1], tmp_path)
    assert (first.computed, list(first.rows)) == (2, ["mine", "mine-ensemble"])
    row = first.rows["mine-ensemble"]
    assert (row.seeds, row.model) == ((0,), {"kind": "ensemble", "settings": {}})
    record = Record(tmp_path / "mine" / row.runs[0])
    model = record.model()
    assert model is not None
    assert model.settings == {"members": list(first.rows["mine"].runs.values())}
    assert record.table("ensemble")["members"].tolist() == [1, 1, 2]

    assert trained(candidate, [0], tmp_path).rows["mine-ensemble"].runs == row.runs
    second = trained(candidate, [2], tmp_path)  # the row has three seeds then
    again = Record(tmp_path / "mine" / second.rows["mine-ensemble"].runs[0])
    assert again.table("ensemble")["members"].max() == 3
    assert second.rows["mine-ensemble"].seeds == (0,)

    (evidence,) = collect(tmp_path).values()
    assert [(one.row, one.seed, one.run_id) for one in evidence.results if one.model is not None] == [
        ("mine-ensemble", 0, again.path.name)
    ]


def test_one_seed_makes_no_ensemble(
    candidate: Candidate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lstm_bench"):
        assert list(trained(candidate, [4], tmp_path).rows) == ["mine"]
    assert "mine/mine: no ensemble, since it has 1 seed with scores" in caplog.text


def test_a_label_that_is_taken_is_refused_before_training(candidate: Candidate, tmp_path: Path) -> None:
    taken = Candidate("mine-ensemble", "mine", None, candidate.config)
    trained(taken, [0], tmp_path, ensemble=False)
    with pytest.raises(ConfigError, match="got 'mine-ensemble', but mine/mine-ensemble is a row of an LSTM"):
        trained(candidate, [0, 1], tmp_path)
    found = Bench.load(tmp_path / "mine")
    assert found is not None
    assert list(found.rows) == ["mine-ensemble"]


def test_an_lstm_does_not_replace_a_row_of_another_model(candidate: Candidate, tmp_path: Path) -> None:
    trained(candidate, [0, 1], tmp_path)
    label = Candidate("mine-ensemble", "mine", None, candidate.config)
    with pytest.raises(
        ConfigError, match="mine/mine-ensemble is a row of LSTM ensemble; give --name another row"
    ):
        trained(label, [0], tmp_path, ensemble=False)
