"""``lstm-bench doctor``: report what is installed, what the machine has, which path trains on it and how fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import typer

from lstm_bench.cli.options import RESULTS, Device, Json, Results, Storage, option, takes_options
from lstm_bench.cli.output import print_items, print_json, print_table
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    import torch

    from lstm_bench.config.sections.harness import Precision
    from lstm_bench.model.contract import PackSpec
    from lstm_bench.model.limits import Limits

__all__ = ["DoctorOptions", "doctor"]

Report = dict[str, Any]

_TIMING_COLUMNS: Sequence[tuple[str, Callable[[Report], str]]] = (
    ("path", lambda row: row["path"]),
    ("ms a step and seed", lambda row: f"{row['step_ms']:.2f}"),
    ("samples/s", lambda row: f"{row['samples_per_second']:,.0f}"),
    ("of the product rate", lambda row: f"{row['gemm_share']:.1%}"),
    ("scores/s", lambda row: f"{row['scored_per_second']:,.0f}"),
    ("of the product rate", lambda row: f"{row['score_gemm_share']:.1%}"),
    ("planned MiB", lambda row: f"{row['planned_bytes'] / 2**20:,.0f}"),
    ("peak MiB", lambda row: "" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 2**20:,.0f}"),
)


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

    from lstm_bench.exec.machine import advice, machine_report
    from lstm_bench.model.device import resolve_device
    from lstm_bench.model.limits import measure_limits
    from lstm_bench.tune.repository.store import open_store

    device = resolve_device(options.device, 0 if torch.cuda.is_available() else -1)
    specs = _specs(options)
    # before anything is timed, so that bad input is refused immediately
    choices = {name: _choices(spec, device) for name, (spec, _) in specs.items()}
    store = open_store(options.storage)
    report = machine_report(options.provider_uri, options.results, store.description, store.path)
    report |= {"advice": advice(report), "device": str(device)}
    limits: dict[Precision, Limits] = {}
    if options.with_timings:
        precisions: list[Precision] = ["fp32", options.precision]
        limits = {one: measure_limits(device, options.hidden_size, one) for one in sorted({*precisions})}
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
        _print(report)


def _specs(options: DoctorOptions) -> dict[str, tuple[PackSpec, int]]:
    """Return the networks to report on: those of both feature sets, or the one that the options describe."""
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
    from lstm_bench.model.select import choose_path

    specs = {"none": spec, "qlib": replace(spec, compat="qlib", precision="fp32")}
    choices = {compat: choose_path(one, device) for compat, one in specs.items()}
    return {"choices": {name: {"path": one.name, "reason": one.reason} for name, one in choices.items()}}


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


def _print(report: Report) -> None:
    """Print the tables of a report, and its advice."""
    versions = [(name, found or "not installed") for name, found in report["versions"].items()]
    if (git := report["git"]) is not None:
        versions.append(("git", git["commit"][:12] + (", changed" if git["dirty"] else "")))
    print_table("Versions", ["", ""], versions)
    print_table("Devices", ["", ""], _device_lines(report["devices"]))
    print_table(
        "Folders", ["", "folder", "free"], [_folder_line(*item) for item in report["folders"].items()]
    )
    print_table("Data", ["", ""], _data_lines(report["data"]))
    print_table("Trackers", ["", ""], _tracker_lines(report["tracking"]))
    for precision, limit in report["limits"].items():
        typer.echo(
            f"{report['device']} reaches {limit['gemm_flops'] / 1e9:,.0f} GFLOP/s in {precision} products and "
            f"{limit['copy_bytes'] / 1e9:,.1f} GB/s in copies"
        )
    for shape in report["shapes"]:
        _print_shape(shape)
    for sentence in report["advice"]:
        typer.echo(f"! {sentence}")


def _device_lines(devices: Report) -> list[tuple[str, str]]:
    cpu = devices["cpu"]
    omp = f", OMP_NUM_THREADS={cpu['omp_num_threads']}" if cpu["omp_num_threads"] else ""
    lines = [
        ("cpu", cpu["model"]),
        ("cores", f"{cpu['cores']}, {cpu['logical_cores']} logical, {cpu['usable_cores']} for this process"),
        ("threads", f"{cpu['threads']} in torch, {cpu['usable_cores']} for features{omp}"),
        ("memory", f"{cpu['memory_bytes'] / 2**30:,.1f} GiB, {cpu['free_memory_bytes'] / 2**30:,.1f} free"),
    ]
    lines += [
        (
            one["device"],
            f"{one['model']}, {one['memory_bytes'] / 2**30:,.1f} GiB, capability {one['capability']}",
        )
        for one in devices["cuda"]
    ]
    if not devices["cuda"]:
        lines.append(("cuda", "no device that torch can use"))
    if devices["mps"]:
        lines.append(("mps", "a Metal device"))
    lines.append(("torch's CUDA", devices["torch_cuda"] or "none: a build for the CPU"))
    serves = f", for CUDA up to {devices['driver_cuda']}" if devices["driver_cuda"] else ""
    lines.append(("NVIDIA driver", f"{devices['driver']}{serves}" if devices["driver"] else "none"))
    return lines


def _folder_line(name: str, folder: Report) -> tuple[str, str, str]:
    place = folder.get("store") or folder["folder"] or "none: kernels are compiled in each process"
    if folder["writable"] is False and folder.get("folder"):
        place += ", which cannot be written to"
    elif folder.get("exists") is False and folder["writable"]:
        place += ", which does not exist yet"
    free = "" if folder["free_bytes"] is None else f"{folder['free_bytes'] / 2**30:,.1f} GiB"
    return name, place, free


def _data_lines(data: Report | None) -> list[tuple[str, str]]:
    if data is None:
        return [("folder", "none")]
    markets = data["markets"].items()
    return [
        ("folder", data["folder"] + (", synthetic" if data["synthetic"] else "")),
        ("calendar", f"{counted(data['days'], 'day')}, {data['first_day']} to {data['last_day']}"),
        ("bars", f"of {counted(data['instruments'], 'instrument')}"),
        *(
            (name, f"{counted(market['instruments'], 'instrument')}, to {market['last_day']}")
            for name, market in markets
        ),
    ]


def _tracker_lines(tracking: Report) -> list[tuple[str, str]]:
    wandb, mlflow = tracking["wandb"], tracking["mlflow"]
    key = f"a key for {wandb['host']} in {wandb['key']}" if wandb["key"] else f"no key for {wandb['host']}"
    mode = f"{wandb['mode']} ({wandb['mode_from'] or 'by default'})"
    return [
        ("wandb", f"{wandb['package']}, {mode}, {key}" if wandb["package"] else "not installed"),
        (
            "mlflow",
            f"{mlflow['package']}, {mlflow['tracking_uri'] or 'its default store'}"
            if mlflow["package"]
            else "not installed",
        ),
    ]


def _print_shape(shape: Report) -> None:
    typer.echo()
    windows = f"{counted(shape['step_len'], 'day')} of {counted(shape['d_feat'], 'feature')}"
    layers = f"{counted(shape['num_layers'], 'layer')} of {shape['hidden_size']}"

    if shape["timings"]:
        print_items(
            f"{shape['name']}: {windows}, {layers}, batch {shape['batch_size']}, seeds {shape['members']}, "
            f"{shape['precision']}",
            _TIMING_COLUMNS,
            shape["timings"],
        )
    else:
        typer.echo(f"{shape['name']}: {windows}, {layers}, {shape['precision']}")
    for compat, choice in shape["choices"].items():
        typer.echo(f"compat: {compat} trains on the {choice['path']} path: {choice['reason']}")
