"""``lstm-bench doctor``: report what is installed, what the machine has, which path trains on it and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lstm_bench.cli.options import RESULTS, Device, Json, Results, Storage, option, takes_options
from lstm_bench.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from lstm_bench.config.sections.harness import Precision
    from lstm_bench.model.contract import PackSpec, PathChoice
    from lstm_bench.model.limits import Limits

__all__ = ["DoctorOptions", "doctor"]

Report = dict[str, Any]


@dataclass(frozen=True)
class DoctorOptions:
    """Options of ``doctor``."""

    with_timings: bool = option(
        False, "Time a few training steps on noise, on each path that can train.", "--time"
    )
    provider_uri: str | None = option(
        None, "Qlib data folder to describe; by default ~/.qlib/qlib_data/cn_data if it exists."
    )
    results: Results = RESULTS
    storage: Storage = None
    device: Device = "auto"
    as_json: Json = False
    hidden_size: int = option(64, "H, units of a layer.", min=1)
    num_layers: int = option(2, "Stacked layers.", min=1)
    step_len: int | None = option(None, "L, days in a window; by default each feature set's own.", min=1)
    d_feat: int | None = option(None, "F, features of a day; by default each feature set's own.", min=1)
    batch_size: int = option(800, "B, samples in a step.", min=1)
    seeds: int = option(1, "K, members that train together.", min=1)
    precision: Literal["fp32", "tf32", "bf16"] = option(
        "fp32", "Of matrix products; a CPU has fp32, some have bf16."
    )


@takes_options
def doctor(options: DoctorOptions) -> None:
    """Show this machine: versions, devices, folders, data, trackers, the path that trains here, and what is missing."""
    import torch

    from lstm_bench.cli.doctor_text import print_report
    from lstm_bench.exec.machine import advice, machine_report
    from lstm_bench.model.device import resolve_device
    from lstm_bench.tune.repository.store import open_store

    device = resolve_device(options.device, 0 if torch.cuda.is_available() else -1)
    specs = _specs(options)
    # before anything is timed, so that bad input is refused immediately
    choices = {name: _choices(spec, device) for name, (spec, _) in specs.items()}
    store = open_store(options.storage)
    report = machine_report(options.provider_uri, options.results, store.description, store.path)
    report |= {"advice": advice(report), "device": str(device)}
    limits = _limits(device, options.hidden_size, options.precision) if options.with_timings else {}
    report["limits"] = {
        one: {"gemm_flops": limit.gemm_flops, "copy_bytes": limit.copy_bytes} for one, limit in limits.items()
    }
    report["shapes"] = [
        {
            "name": name,
            "d_feat": spec.d_feat,
            "step_len": days,
            "members": options.seeds,
            **_network(options),
            **choices[name],
            "timings": _timings(spec, days, options.seeds, device, limits) if options.with_timings else [],
        }
        for name, (spec, days) in specs.items()
    ]
    if options.as_json:
        print_json(report)
    else:
        print_report(report)


def _limits(device: torch.device, hidden_size: int, precision: Precision) -> dict[Precision, Limits]:
    from lstm_bench.model.limits import measure_limits

    precisions: set[Precision] = {"fp32", precision}
    return {one: measure_limits(device, hidden_size, one) for one in sorted(precisions)}


def _specs(options: DoctorOptions) -> dict[str, tuple[PackSpec, int]]:
    """Return the networks to report on: those of both feature sets, or the one that the options describe."""
    from dataclasses import replace

    from lstm_bench.model.timing import DEFAULT_SHAPES, Shape, qlib_spec

    step_len, d_feat = options.step_len, options.d_feat
    shapes = {
        name: Shape(d_feat or shape.d_feat, step_len or shape.step_len)
        for name, shape in DEFAULT_SHAPES.items()
    }
    if step_len and d_feat:
        shapes = {"as given": Shape(d_feat, step_len)}
    return {
        name: (replace(qlib_spec(shape.d_feat), **_network(options)), shape.step_len)
        for name, shape in shapes.items()
    }


def _network(options: DoctorOptions) -> Report:
    return {name: getattr(options, name) for name in ("hidden_size", "num_layers", "batch_size", "precision")}


def _choices(spec: PackSpec, device: torch.device) -> Report:
    from dataclasses import replace

    from lstm_bench.model.select import choose_path

    def describe(choice: PathChoice) -> Report:
        return {"path": choice.name, "reason": choice.reason}

    qlib = choose_path(replace(spec, compat="qlib", precision="fp32"), device)
    return {"choices": {"none": describe(choose_path(spec, device)), "qlib": describe(qlib)}}


def _timings(
    spec: PackSpec, step_len: int, members: int, device: torch.device, limits: Mapping[Precision, Limits]
) -> list[Report]:
    from lstm_bench.model.select import training_bytes
    from lstm_bench.model.timing import runnable_choices, time_path

    rows = []
    for choice in runnable_choices(spec, device):
        timing = time_path(spec, step_len, device, choice, members=members)
        limit = limits["fp32" if choice.name == "reference" else spec.precision]
        rows.append(
            {
                "path": timing.path,
                "step_ms": timing.step_seconds * 1e3,
                "samples_per_second": timing.samples_per_second,
                "gemm_share": timing.train_flops / limit.gemm_flops,
                "scored_per_second": 1 / timing.score_seconds,
                "score_gemm_share": timing.score_flops / limit.gemm_flops,
                "planned_bytes": training_bytes(spec, choice, members, step_len),
                "peak_bytes": timing.peak_bytes,
            }
        )
    return rows
