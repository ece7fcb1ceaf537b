"""Time this package beside pyqlib on the same machine and data, and print the ratios.

    python tests/perf/against_qlib.py [--what dataset,evaluation,epoch] [--kernels 1,2] [--n-jobs 0,2] [--json OUT]

``LSTM_BENCH_REAL_DATA`` names a Qlib folder that covers 2010 to 2020, ``LSTM_BENCH_ORACLE_PYTHON`` an interpreter
with pyqlib. Ours is timed in one process per feature set: imports done, kernels compiled by a run on a small
synthetic market, files in the page cache, nothing of ours cached. pyqlib gets the best of its settings.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from lstm_bench.config.sections.harness import Precision
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.pack import Pack
from lstm_bench.model.paths.cpu.outputs import PRECISIONS
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.report.documents.speed import Cell, SpeedTable
from lstm_bench.run.evaluation import evaluate_scores, load_market

if TYPE_CHECKING:
    from tests.perf.tables import add_json_option, make_table, merge_tables
else:  # a script finds what lies beside it
    from tables import add_json_option, make_table, merge_tables

ROOT = Path(__file__).parents[2]
DATES = [
    "data_handler_config.start_time=2010-01-01",
    "data_handler_config.fit_start_time=2010-01-01",
    "task.dataset.kwargs.segments.train.0=2010-01-01",
    "lstm_bench.compat=none",
]
CPU = torch.device("cpu")
Seconds = dict[str, float]
WORK = {
    "dataset alpha158-20": "Alpha158 dataset, the 20 columns of the benchmark",
    "dataset alpha158": "Alpha158 dataset, all 158 columns",
    "dataset alpha360": "Alpha360 dataset",
    "signal metrics": "signal metrics: IC and Rank IC",
    "backtest": "backtest and its risk analysis, quotes read from disk",
    "epoch alpha158": "Alpha158: an epoch",
    "epoch alpha158, bf16": "Alpha158: an epoch, bf16",
    "predict alpha158": "Alpha158: `predict` on test",
    "predict alpha158, bf16": "Alpha158: `predict` on test, bf16",
    "epoch alpha360": "Alpha360: an epoch",
    "epoch alpha360, bf16": "Alpha360: an epoch, bf16",
    "predict alpha360": "Alpha360: `predict` on test",
    "predict alpha360, bf16": "Alpha360: `predict` on test, bf16",
}
KINDS = {
    "datasets": ("dataset",),
    "evaluation": ("signal", "backtest"),
    "training and scoring": ("epoch", "predict"),
}
NOTE = (
    "Ours is the best in process: imports done, kernels compiled, files in the page cache, nothing of ours cached. "
    "pyqlib gets the best of its settings. An epoch is a pass over train and a scoring of valid; Qlib's also scores "
    "train. bf16 is the opt-in of `lstm_bench.training.precision`; Qlib computes in float32."
)

SEEDS, EPOCHS = 20, 11  # of a row; seeds 0 to 4 of the benchmark stop after 11 or 12
ROW_NOTE = (
    f"Reckoned from the figures of the same measurement: {SEEDS} seeds of {EPOCHS} epochs, scored and evaluated. Qlib "
    "builds its dataset for each seed, here it is built once."
)


def configure(features: str, provider: str) -> RunConfig:
    """Qlib's benchmark; ``alpha158-20`` has 20 columns, ``alpha158`` all of them."""
    overrides = [*DATES, f"qlib_init.provider_uri={provider}"]
    if features == "alpha158":
        overrides.append(
            "data_handler_config.infer_processors.0={class: Fillna, kwargs: {fields_group: label}}"
        )
    name = "lstm_alpha360" if features == "alpha360" else "lstm_alpha158"
    return load_workflow(ROOT / "configs" / f"{name}.yaml", overrides)


def build(features: str, provider: str) -> Dataset:
    config = configure(features, provider)
    dataset = build_dataset(config.task.dataset, Provider(provider), d_feat=config.task.model.kwargs.d_feat)
    for segment, key in (("train", "learn"), ("valid", "learn"), ("test", "infer")):
        dataset.samples(segment, key)  # type: ignore[arg-type]
    return dataset


def best_of(repeats: int, work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def time_datasets(provider: str, repeats: int) -> Seconds:
    return {
        f"dataset {features}": best_of(repeats, lambda features=features: build(features, provider))  # type: ignore[misc]
        for features in ("alpha158-20", "alpha158", "alpha360")
    }


def time_evaluation(provider: str, pred: Path, repeats: int) -> Seconds:
    config = configure("alpha158-20", provider).resolved()
    source = Provider(provider)
    dataset = build("alpha158-20", provider)
    test = dataset.samples("test", "infer")
    table = pd.read_parquet(pred).iloc[:, 0]
    scores = table.reindex(dataset.index(test.days, test.instruments)).to_numpy(dtype=np.float32)
    span, rows = dataset.rows_of(test)
    panel, label = dataset.scores_to_panel(test, scores)[span], dataset.raw_label[span]
    days, codes = dataset.days[span], dataset.instruments
    signal = best_of(repeats, lambda: signal_metrics(panel, label, rows))

    def both() -> None:
        market = load_market(config, source, days, codes)
        evaluate_scores(config, market, panel, label, rows, days, codes)

    return {"signal metrics": signal, "backtest": best_of(repeats, both) - signal}


def time_epoch(features: str, provider: str) -> Seconds:
    config = configure("alpha360" if features == "alpha360" else "alpha158-20", provider)
    dataset = build("alpha360" if features == "alpha360" else "alpha158-20", provider)
    train, valid = dataset.samples("train", "learn"), dataset.samples("valid", "learn")
    test = ResidentSamples.place(dataset.samples("test", "infer"), CPU)

    def timed(precision: Precision) -> Iterator[float]:
        spec = dataclasses.replace(PackSpec.of(config), precision=precision)
        pack = Pack(spec, [MemberSpec.of(config)], train, valid, CPU)
        yield best_of(1, lambda: (pack.train_epoch([0]), pack.score_valid([0])))
        yield best_of(1, lambda: pack.path.score([0], test))

    names = f"epoch {features}", f"predict {features}"
    return {
        name if precision == "fp32" else f"{name}, {precision}": seconds
        for precision in PRECISIONS
        for name, seconds in zip(names, timed(precision), strict=True)
    }


def warm_up() -> None:
    """Compile every kernel on a synthetic market."""
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder) / "market", stocks=20, days=2800)
        market = str(Path(folder) / "market")
        time_datasets(market, 1)
        dataset = build("alpha158-20", market)
        test = dataset.samples("test", "infer")
        pred = Path(folder) / "pred.parquet"
        score = np.random.default_rng(0).standard_normal(len(test))
        pd.DataFrame({"score": score}, index=dataset.index(test.days, test.instruments)).to_parquet(pred)
        time_evaluation(market, pred, 1)


def ask_qlib(provider: str, pred: Path, what: list[str], kernels: list[int], n_jobs: list[int]) -> Seconds:
    """Seconds of pyqlib, each the best over its settings."""
    best: Seconds = {}
    python = os.environ["LSTM_BENCH_ORACLE_PYTHON"]
    for kernel in kernels:
        for jobs in n_jobs if any(name.startswith("epoch") for name in what) else n_jobs[:1]:
            command = [
                python,
                str(Path(__file__).with_name("qlib_timings.py")),
                provider,
                str(kernel),
                str(jobs),
            ]
            done = subprocess.run([*command, str(pred), *what], stdout=subprocess.PIPE, text=True, check=True)
            for name, seconds in json.loads(done.stdout).items():
                best[name] = min(seconds, best.get(name, seconds))
    return best


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--what", default="dataset,evaluation,epoch-alpha158,epoch-alpha360")
    parser.add_argument("--kernels", type=numbers, default=[1, 2], help="pyqlib's settings to try")
    parser.add_argument("--n-jobs", type=numbers, default=[0, 2], help="its loader processes to try")
    parser.add_argument("--repeats", type=int, default=3, help="of ours, the best counts")
    parser.add_argument("--pred", type=Path, help="scores to evaluate, a Parquet file of Qlib's")
    add_json_option(parser)
    arguments = parser.parse_args()
    provider = os.environ["LSTM_BENCH_REAL_DATA"]
    pred = arguments.pred or Path(os.environ["LSTM_BENCH_REFERENCE"]) / "qlib_pred_alpha158.parquet"
    torch.set_num_threads(os.cpu_count() or 1)

    warm_up()
    ours: Seconds = {}
    theirs: Seconds = {}
    for what in arguments.what.split(","):
        if what == "dataset":
            ours |= time_datasets(provider, arguments.repeats)
            for features in ("alpha158-20", "alpha158", "alpha360"):
                theirs |= ask_qlib(provider, pred, [features], arguments.kernels, [0])
        elif what == "evaluation":
            ours |= time_evaluation(provider, pred, arguments.repeats)
            theirs |= ask_qlib(provider, pred, [what], [1], [0])
        else:
            ours |= time_epoch(what.removeprefix("epoch-"), provider)
            theirs |= ask_qlib(provider, pred, [what], arguments.kernels[-1:], arguments.n_jobs)
        print(f"{what} done", flush=True)
    table = pd.DataFrame({"qlib_seconds": theirs, "seconds": ours})
    table["ratio"] = table["qlib_seconds"] / table["seconds"]
    print(table.to_string(float_format=lambda value: f"{value:.3f}"))
    if arguments.json:
        merge_tables(arguments.json, list(tables(ours, theirs)))


def tables(ours: Seconds, theirs: Seconds) -> Iterator[SpeedTable]:
    """Make a table for each kind of work, so that one may be timed again without the others."""
    columns = ["work", "Qlib, s", "here, s", "times faster"]
    for title, kinds in KINDS.items():
        rows: list[list[Cell]] = [
            [WORK[name], theirs[own], ours[name], theirs[own] / ours[name]]
            for name in WORK
            if name in ours and (own := name.removesuffix(", bf16")) in theirs and name.startswith(kinds)
        ]
        if rows:
            yield make_table(f"Beside Qlib: {title}", columns, rows, NOTE)
    yield from twenty_seeds(ours, theirs, columns)


def twenty_seeds(ours: Seconds, theirs: Seconds, columns: list[str]) -> Iterator[SpeedTable]:
    """Reckon a row of the leaderboard, where all that it takes was timed."""
    built, epoch, *once = (
        "dataset alpha158-20",
        "epoch alpha158",
        "predict alpha158",
        "signal metrics",
        "backtest",
    )
    if all(name in ours and name in theirs for name in (built, epoch, *once)):
        seed, own = (EPOCHS * given[epoch] + sum(given[name] for name in once) for given in (theirs, ours))
        row = SEEDS * (theirs[built] + seed), ours[built] + SEEDS * own
        cells: list[Cell] = [f"Alpha158: {SEEDS} seeds, from bars to metrics", *row, row[0] / row[1]]
        yield make_table("Beside Qlib: a row of the leaderboard", columns, [cells], ROW_NOTE)


if __name__ == "__main__":
    main()
