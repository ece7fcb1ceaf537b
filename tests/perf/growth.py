"""Measures how training, scoring, datasets and evaluation scale, and how near each is to the machine's limits.

    python tests/perf/growth.py [--device cpu] [--axes members,step-len,hidden-size,stocks] [--json FILE]

Members, days in a window and units are tried on samples of noise, with Qlib's LSTM otherwise. Stocks are tried on
synthetic markets, whose dataset, training and evaluation are those of Qlib's Alpha158 benchmark on all of them.

A share is of the machine's measured limit: of training and scoring, the rate of products of the same precision or
that of copies in memory, whichever is nearer; of all else, the rate of copies.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from lstm_bench.config.sections.dataset import SegmentName
from lstm_bench.config.sections.harness import Precision
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import LAST_DAY, synthesize
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import DataKey, Dataset
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.model.contract import MemberSpec, PackSpec, PathChoice
from lstm_bench.model.device import resolve_device
from lstm_bench.model.limits import Limits, best_seconds, measure_limits
from lstm_bench.model.pack import Pack
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.select import choose_path
from lstm_bench.model.timing import DEFAULT_SHAPES, PathTiming, qlib_spec, time_pack, time_path
from lstm_bench.report.documents.speed import Cell, SpeedTable
from lstm_bench.run.evaluation import evaluate_scores, load_market

if TYPE_CHECKING:
    from tests.perf.tables import add_json_option, finish, make_table
    from tests.perf.traffic import scoring_share, step_share
else:  # a script finds what lies beside it
    from tables import add_json_option, finish, make_table
    from traffic import scoring_share, step_share

ROOT = Path(__file__).parents[2]
REFERENCE = PathChoice("reference", "asked for")
SAMPLES: list[tuple[SegmentName, DataKey]] = [("train", "learn"), ("valid", "learn"), ("test", "infer")]
STEPPED = ["ms a step and seed", "samples/s", "step, share", "scores/s and seed", "scores, share"]


class Bench(NamedTuple):
    """Data and settings that all axes share."""

    device: torch.device
    features: str
    precision: Precision
    seconds: float

    def spec(self, **changes: object) -> PackSpec:
        own = qlib_spec(DEFAULT_SHAPES[self.features].d_feat)
        return replace(own, **{"precision": self.precision, **changes})  # type: ignore[arg-type]

    def limits(self, spec: PackSpec) -> Limits:
        return measure_limits(self.device, spec.hidden_size, spec.precision)

    def time(
        self, spec: PackSpec, step_len: int, members: int = 1, choice: PathChoice | None = None
    ) -> PathTiming:
        choice = choice or choose_path(spec, self.device)
        print(f"{spec.hidden_size} units, {step_len} days, {members} seeds, {choice.name}", flush=True)
        return time_path(spec, step_len, self.device, choice, members=members, seconds=self.seconds)

    def title(self, axis: str) -> str:
        return f"Growth with {axis}, {self.features}, {self.device.type} {self.precision}"


def stepped(timing: PathTiming, limits: Limits, spec: PackSpec, step_len: int) -> list[Cell]:
    """Cells of the columns ``STEPPED``."""
    return [
        timing.step_seconds * 1e3,
        round(timing.samples_per_second),
        f"{step_share(timing, limits, spec, step_len):.1%}",
        round(1 / timing.score_seconds),
        f"{scoring_share(timing, limits, spec, step_len):.1%}",
    ]


def rates(limits: Limits) -> str:
    return (
        f"Products reach {limits.gemm_flops / 1e9:,.0f} GFLOP/s, copies {limits.copy_bytes / 1e9:,.1f} GB/s."
    )


def by_members(bench: Bench, counts: list[int]) -> SpeedTable:
    spec, step_len = bench.spec(), DEFAULT_SHAPES[bench.features].step_len
    limits = bench.limits(spec)
    plain = bench.time(spec, step_len, choice=REFERENCE)
    rows: list[list[Cell]] = []
    for count in counts:
        timing = bench.time(spec, step_len, count)
        ratio = plain.step_seconds / timing.step_seconds
        rows.append(
            [str(count), timing.step_seconds * count * 1e3, *stepped(timing, limits, spec, step_len), ratio]
        )
    columns = ["seeds", "ms a step of all", *STEPPED, "times nn.LSTM, one after the other"]
    note = f"{rates(limits)} A step of nn.LSTM, with torch's optimizer, takes {plain.step_seconds * 1e3:.1f} ms a seed."
    return make_table(bench.title("seeds"), columns, rows, note, bench.device)


def by_step_len(bench: Bench, values: list[int]) -> SpeedTable:
    spec = bench.spec()
    limits = bench.limits(spec)
    rows = [[str(value), *stepped(bench.time(spec, value), limits, spec, value)] for value in values]
    return make_table(bench.title("days in a window"), ["days", *STEPPED], rows, rates(limits), bench.device)


def by_hidden_size(bench: Bench, values: list[int]) -> SpeedTable:
    rows = []
    for value in values:
        spec = bench.spec(hidden_size=value)
        limits = bench.limits(spec)
        step_len = DEFAULT_SHAPES[bench.features].step_len
        cells = stepped(bench.time(spec, step_len), limits, spec, step_len)
        rows.append([str(value), round(limits.gemm_flops / 1e9), *cells])
    note = "Product rates are of matrices of that size on a CPU, of large ones elsewhere."
    columns = ["units", "GFLOP/s of products", *STEPPED]
    return make_table(bench.title("units of a layer"), columns, rows, note, bench.device)


def by_stocks(bench: Bench, values: list[int], days: int) -> SpeedTable:
    limits = bench.limits(bench.spec())
    rows = []
    for count in [20, *values]:  # the first compiles the kernels, and does not count
        print(f"{count} stocks", flush=True)
        rows.append(measured_market(bench, count, days, limits))
    columns = [
        "stocks", "samples", "dataset, s", "dataset, share", "an epoch, s", "epoch, share", "predict test, s",
        "predict, share", "signal metrics, ms", "signal, share", "backtest, ms", "backtest, share",
    ]  # fmt: skip
    note = (
        f"{rates(limits)} {days} days of synthetic bars; an epoch is what its steps and the scoring of valid take at "
        "the rate of a few of them; the backtest has its quotes in memory. Shares of a dataset, of signal metrics and "
        "of a backtest are those of the bytes of bars, columns, scores, labels and quotes in the rate of copies."
    )
    return make_table(
        f"Growth with stocks, Alpha158, {bench.device.type}", columns, rows[1:], note, bench.device
    )


def configure(market: Path, days: int, bench: Bench) -> RunConfig:
    """Qlib's Alpha158 benchmark on all stocks of a market: six, two and two tenths of its days."""
    calendar = np.busday_offset(LAST_DAY, np.arange(1 - days, 1))
    first, train, valid, test = (int(days * part) for part in (0, 0.6, 0.8, 0.98))
    segments = {"train": (first, train), "valid": (train + 1, valid), "test": (valid + 1, test)}
    spans = ", ".join(f"{name}: [{calendar[a]}, {calendar[b]}]" for name, (a, b) in segments.items())
    overrides = [
        f"qlib_init.provider_uri={market}", "market=all", "lstm_bench.compat=none",
        f"lstm_bench.training.precision={bench.precision}",
        *(f"data_handler_config.{key}={calendar[first]}" for key in ("start_time", "fit_start_time")),
        f"data_handler_config.fit_end_time={calendar[train]}", f"data_handler_config.end_time={calendar[-1]}",
        f"task.dataset.kwargs.segments={{{spans}}}",
        f"portfolio.backtest.start_time={calendar[valid + 1]}", f"portfolio.backtest.end_time={calendar[test]}",
    ]  # fmt: skip
    return load_workflow(ROOT / "configs" / "lstm_alpha158.yaml", overrides)


def measured_market(bench: Bench, stocks: int, days: int, limits: Limits) -> list[Cell]:
    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder) / "market"
        synthesize(market, stocks=stocks, days=days)
        config = configure(market, days, bench)

        def build() -> Dataset:
            built = build_dataset(config.task.dataset, Provider(str(market)), d_feat=20)
            for segment, key in SAMPLES:
                built.samples(segment, key)
            return built

        seconds, dataset = best_seconds(build), build()
        samples = sum(len(dataset.samples(segment, key)) for segment, key in SAMPLES)
        built_bytes = 4 * (
            dataset.raw_label.size * 6 + samples * 21
        )  # six fields of bars; 20 columns, a label
        row: list[Cell] = [f"{stocks:,}", samples, seconds, share(built_bytes, seconds, limits)]
        return [*row, *trained(bench, config, dataset, limits), *evaluated(config, dataset, limits)]


def trained(bench: Bench, config: RunConfig, dataset: Dataset, limits: Limits) -> list[Cell]:
    spec = PackSpec.of(config)
    train, valid = dataset.samples("train", "learn"), dataset.samples("valid", "learn")
    test = ResidentSamples.place(dataset.samples("test", "infer"), bench.device)
    if len(train) < spec.batch_size:  # the market that only compiles
        return [None] * 4
    pack = Pack(spec, [MemberSpec.of(config)], train, valid, bench.device)
    timing = time_pack(pack, test, seconds=bench.seconds)
    step_len = dataset.step_len
    epoch = len(train) // spec.batch_size * timing.step_seconds + len(valid) * timing.score_seconds
    return [
        epoch,
        f"{step_share(timing, limits, spec, step_len):.1%}",
        len(test) * timing.score_seconds,
        f"{scoring_share(timing, limits, spec, step_len):.1%}",
    ]


def evaluated(config: RunConfig, dataset: Dataset, limits: Limits) -> list[Cell]:
    test = dataset.samples("test", "infer")
    scores = np.random.default_rng(0).standard_normal(len(test), dtype=np.float32)
    span = slice(int(test.days.min()), int(test.days.max()) + 1)
    panel, label = dataset.scores_to_panel(test, scores)[span], dataset.raw_label[span]
    rows = ~np.isnan(panel)
    days, codes = dataset.days[span], dataset.instruments
    source = Provider(config.qlib_init.provider_uri)
    resolved = config.resolved()
    market = load_market(resolved, source, days, codes)
    assert market is not None
    signal = best_seconds(lambda: signal_metrics(panel, label, rows))
    whole = best_seconds(lambda: evaluate_scores(resolved, market, panel, label, rows, days, codes))
    backtest = max(whole - signal, 1e-9)
    signal_bytes = panel.nbytes + label.nbytes + rows.nbytes
    quoted = panel.nbytes + sum(values.nbytes for values in market.quotes.fields.values())
    return [
        signal * 1e3,
        share(signal_bytes, signal, limits),
        backtest * 1e3,
        share(quoted, backtest, limits),
    ]


def share(moved_bytes: int, seconds: float, limits: Limits) -> str:
    return f"{moved_bytes / limits.copy_bytes / seconds:.2%}"


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:k")
    parser.add_argument("--axes", default="members,step-len,hidden-size,stocks", help="which of these")
    parser.add_argument("--features", choices=sorted(DEFAULT_SHAPES), default="Alpha158", help="of the noise")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    parser.add_argument("--members", type=numbers, default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--step-lens", type=numbers, default=[10, 20, 40, 60])
    parser.add_argument("--hidden-sizes", type=numbers, default=[32, 64, 128, 256])
    parser.add_argument("--stocks", type=numbers, default=[300, 1000, 5000])
    parser.add_argument("--days", type=int, default=400, help="of each synthetic market")
    parser.add_argument("--seconds", type=float, default=1.0, help="that repeats of a figure may take")
    add_json_option(parser)
    given = parser.parse_args()
    logging.getLogger("lstm_bench").setLevel(logging.ERROR)  # a synthetic market has no vwap
    if given.device == "cpu":
        torch.set_num_threads(os.cpu_count() or 1)
    device = resolve_device(given.device, 0 if torch.cuda.is_available() else -1)
    bench = Bench(device, given.features, given.precision, given.seconds)
    axes = {
        "members": lambda: by_members(bench, given.members),
        "step-len": lambda: by_step_len(bench, given.step_lens),
        "hidden-size": lambda: by_hidden_size(bench, given.hidden_sizes),
        "stocks": lambda: by_stocks(bench, given.stocks, given.days),
    }
    for axis in given.axes.split(","):
        if axis not in axes:
            parser.error(f"--axes: got {axis!r}; choices: {', '.join(axes)}")
    finish([axes[axis]() for axis in given.axes.split(",")], given.json)


if __name__ == "__main__":
    main()
