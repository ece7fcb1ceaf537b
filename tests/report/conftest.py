"""Records with made-up figures, in the form that a run writes, and a manifest that names them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.bench.manifest import Bench, BenchRow
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.data import fingerprint
from lstm_bench.data.synthetic import synthesize
from lstm_bench.evaluate.returns.risk import excess_risk
from lstm_bench.record.identity import NUMERICS, run_id
from lstm_bench.record.publish import publish
from lstm_bench.record.record import Record
from lstm_bench.record.scoring_model import ScoringModel

CONFIGS = Path(__file__).parents[2] / "configs"
DATA = "ab" * 32
CALENDAR = ["2008-01-02", "2020-09-30"]
DAYS = pd.bdate_range("2017-01-03", periods=60)
LONG = pd.bdate_range("2017-01-03", periods=200)

_UNTRAINED = {"status": "not trained", "epochs": 0, "best_epoch": None, "parameters": 21}

MakeRow = Callable[..., BenchRow]


def configuration(features: str = "Alpha158", *overrides: str) -> RunConfig:
    return load_workflow(CONFIGS / f"lstm_{features.lower()}.yaml", list(overrides)).resolved()


def leave_record(
    folder: Path,
    config: RunConfig,
    *,
    lift: float = 0.0,
    noise: int = 0,
    data: str = DATA,
    model: ScoringModel | None = None,
    diverged: bool = False,
    figures: Mapping[str, float] | None = None,
    days: pd.DatetimeIndex = DAYS,
    present: slice = slice(None),
    **more: Any,
) -> str:
    """Publish a record with random series for its seed, raised by ``lift``; ``more`` goes into its provenance.

    The series of a seed are the same unless ``noise`` is another one. It lacks ``days`` that are not
    ``present``.
    """
    generator = np.random.default_rng([config.seed, noise] if noise else config.seed)
    ic = pd.DataFrame(
        {
            "ic": generator.normal(0.04 + lift, 0.1, len(days)),
            "rank_ic": generator.normal(0.05 + lift, 0.1, len(days)),
        },
        index=pd.DatetimeIndex(days, name="datetime"),
    )
    report = pd.DataFrame(
        {
            name: generator.normal(mean, 0.01 if mean else 0.0, len(days))
            for name, mean in {"return": 0.001 + lift, "bench": 0.0005, "cost": 0.0, "turnover": 0.0}.items()
        },
        index=ic.index,
    )
    ic, report = ic.iloc[present], report.iloc[present]
    metrics = {
        "IC": float(ic["ic"].mean()),
        "ICIR": float(ic["ic"].mean() / ic["ic"].std()),
        "Rank IC": float(ic["rank_ic"].mean()),
        "Rank ICIR": float(ic["rank_ic"].mean() / ic["rank_ic"].std()),
        **excess_risk(report),
        "1day.ffr": 1.0,
        **(figures or {}),
    }
    name = run_id(config, data, model)
    provenance = {
        "run_id": name,
        "seed": config.seed,
        "data_fingerprint": data,
        "calendar": CALENDAR,
        "numerics": NUMERICS,
        "git": {"commit": "c0ffee", "dirty": False},
        "python": "3.11.9",
        "platform": "Linux",
        "processor": "a processor",
        "packages": {"numpy": "2.4.6"},
        "device": {"name": "cpu", "model": None, "training_path": "nn.LSTM"},
        "training": {"status": "early_stopped", "epochs": 11, "best_epoch": 0, "parameters": 55105},
        "seconds": {"dataset": 0.5, "train": 30.25},
        **({} if model is None else {"model": model.to_json(), "training": _UNTRAINED}),
        **more,
    }

    def write(draft: Path) -> None:
        (draft / "config.yaml").write_text(dump_yaml(config.to_file()), encoding="utf-8")
        (draft / "metrics.json").write_text(json.dumps({} if diverged else metrics), encoding="utf-8")
        if not diverged:
            ic.to_parquet(draft / "ic.parquet")
            report.to_parquet(draft / "report.parquet")
        (draft / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")

    publish(folder / name, write)
    return name


def row_maker(results: Path) -> MakeRow:
    """Write a row's records below ``results`` and name them in a manifest."""

    def make(
        study: str,
        label: str = "default",
        seeds: Iterable[int] = range(3),
        *,
        features: str = "Alpha158",
        overrides: Iterable[str] = (),
        failures: dict[int, str] | None = None,
        absent: Iterable[int] = (),
        model: ScoringModel | None = None,
        **more: Any,
    ) -> BenchRow:
        config, experiment = configuration(features, *overrides), results / study
        lost = {*absent, *(failures or {})}
        runs = {
            seed: leave_record(experiment, config.with_seed(seed), model=model, **more)
            for seed in seeds
            if seed not in lost
        }
        workflow = config.to_file()
        workflow["task"]["model"]["kwargs"].pop("seed")
        row = BenchRow(
            label=label,
            study=study,
            features=features,
            seeds=tuple(seeds),
            runs=runs,
            failures=failures or {},
            workflow=workflow,
            model=None if model is None else model.to_json(),
        )
        (Bench.load(experiment) or Bench()).with_row(row).save(experiment)
        return row

    return make


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def make_row(results: Path) -> MakeRow:
    return row_maker(results)


@pytest.fixture(scope="session")
def rows_below() -> Callable[[Path], MakeRow]:
    """Make rows in a folder that several tests share."""
    return row_maker


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A complete record of a run that was trained here; tests must not change it."""
    from lstm_bench.run.runner import execute

    place = tmp_path_factory.mktemp("recorded")
    synthesize(place / "market", stocks=20, days=400, seed=0)
    days = (place / "market" / "calendars" / "day.txt").read_text().split()
    config = load_workflow(
        CONFIGS / "lstm_alpha158.yaml",
        [
            f"qlib_init.provider_uri={place / 'market'}",
            f"data_handler_config.start_time={days[0]}",
            f"data_handler_config.end_time={days[-1]}",
            f"data_handler_config.fit_start_time={days[0]}",
            f"data_handler_config.fit_end_time={days[199]}",
            f"task.dataset.kwargs.segments={{train: [{days[0]}, {days[199]}], valid: [{days[200]}, {days[249]}], "
            f"test: [{days[250]}, {days[-3]}]}}",
            f"portfolio.backtest.start_time={days[250]}",
            f"portfolio.backtest.end_time={days[-3]}",
            "portfolio.strategy.kwargs.topk=5",
            "portfolio.strategy.kwargs.n_drop=1",
            "task.dataset.kwargs.step_len=5",
            "task.model.kwargs.hidden_size=8",
            "task.model.kwargs.n_epochs=3",
            "task.model.kwargs.batch_size=100",
            "task.model.kwargs.GPU=-1",
            "task.record.1.kwargs.ana_long_short=true",
        ],
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fingerprint, "cache_path", lambda: place / "fingerprints.json")
        record, _ = execute(config, place / "results" / "alpha158", device="cpu")
    return record
