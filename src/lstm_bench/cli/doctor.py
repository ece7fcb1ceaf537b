"""``lstm-bench doctor``: what is installed, what the machine has, which path trains on it, and how fast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lstm_bench.cli.options import Storage
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from lstm_bench.config.sections.harness import Precision
    from lstm_bench.model.contract import PackSpec, PathChoice
    from lstm_bench.model.limits import Limits

__all__ = ["doctor"]

Report = dict[str, Any]


def doctor(
    with_timings: Annotated[
        bool, typer.Option("--time", help="Time a few training steps on noise, on each path that can serve.")
    ] = False,
    provider_uri: Annotated[
        str | None,
        typer.Option(help="The Qlib data folder to look at; ~/.qlib/qlib_data/cn_data if it is there."),
    ] = None,
    results: Annotated[Path, typer.Option(help="Where records are.")] = Path("results"),
    storage: Storage = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, mps, cuda or cuda:k; all but auto are demands.")
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    hidden_size: Annotated[int, typer.Option(help="H, units of a layer.", min=1)] = 64,
    num_layers: Annotated[int, typer.Option(help="Stacked layers.", min=1)] = 2,
    step_len: Annotated[
        int | None, typer.Option(help="L, days in a window; each feature set's own by default.", min=1)
    ] = None,
    d_feat: Annotated[
        int | None, typer.Option(help="F, features a day; each feature set's own by default.", min=1)
    ] = None,
    batch_size: Annotated[int, typer.Option(help="B, samples in a step.", min=1)] = 800,
    seeds: Annotated[int, typer.Option(help="K, members that train together.", min=1)] = 1,
    precision: Annotated[
        Literal["fp32", "tf32", "bf16"],
        typer.Option(help="Of the products; a CPU has fp32, perhaps bf16."),
    ] = "fp32",
) -> None:
    """Show versions, devices, folders, data and trackers, which path trains here, and what stands in the way."""
    import torch

    from lstm_bench.exec.machine import advice, machine_report
    from lstm_bench.model.device import resolve_device
    from lstm_bench.tune.repository.store import open_store

    chosen = resolve_device(device, 0 if torch.cuda.is_available() else -1)
    shape = {"hidden_size": hidden_size, "num_layers": num_layers, "batch_size": batch_size}
    specs = _specs(step_len, d_feat, {**shape, "precision": precision})
    # before anything is timed, so that a refusal comes at once
    choices = {name: _choices(spec, chosen) for name, (spec, _) in specs.items()}
    store = open_store(storage)
    report = machine_report(provider_uri, results, store.description, store.path)
    report |= {"advice": advice(report), "device": str(chosen)}
    limits = _limits(chosen, hidden_size, precision) if with_timings else {}
    report["limits"] = {
        one: {"gemm_flops": limit.gemm_flops, "copy_bytes": limit.copy_bytes} for one, limit in limits.items()
    }
    report["shapes"] = [
        {
            "name": name,
            "d_feat": spec.d_feat,
            "step_len": days,
            **shape,
            "members": seeds,
            "precision": precision,
            **choices[name],
            "timings": _timings(spec, days, seeds, chosen, limits) if with_timings else [],
        }
        for name, (spec, days) in specs.items()
    ]
    if as_json:
        print_json(report)
    else:
        _print(report)


def _limits(device: torch.device, hidden_size: int, precision: Precision) -> dict[Precision, Limits]:
    from lstm_bench.model.limits import measure_limits

    wanted: set[Precision] = {"fp32", precision}
    return {one: measure_limits(device, hidden_size, one) for one in sorted(wanted)}


def _specs(
    step_len: int | None, d_feat: int | None, shared: Mapping[str, Any]
) -> dict[str, tuple[PackSpec, int]]:
    """Return the shapes to look at: both feature sets', or the one that is given."""
    from dataclasses import replace

    from lstm_bench.model.timing import DEFAULT_SHAPES, Shape, qlib_spec

    shapes = {
        name: Shape(d_feat or shape.d_feat, step_len or shape.step_len)
        for name, shape in DEFAULT_SHAPES.items()
    }
    if step_len and d_feat:
        shapes = {"as given": Shape(d_feat, step_len)}
    return {
        name: (replace(qlib_spec(shape.d_feat), **shared), shape.step_len) for name, shape in shapes.items()
    }


def _choices(spec: PackSpec, device: torch.device) -> Report:
    from dataclasses import replace

    from lstm_bench.model.select import choose_path

    def said(choice: PathChoice) -> Report:
        return {"path": choice.name, "reason": choice.reason}

    qlib = choose_path(replace(spec, compat="qlib", precision="fp32"), device)
    return {"choices": {"none": said(choose_path(spec, device)), "qlib": said(qlib)}}


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
    versions = [(name, found or "not installed") for name, found in report["versions"].items()]
    if report["git"] is not None:
        versions.append(
            ("git", report["git"]["commit"][:12] + (", changed" if report["git"]["dirty"] else ""))
        )
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
        ("threads", f"{cpu['threads']} in torch, {cpu['usable_cores']} where features are computed{omp}"),
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
    where = folder.get("store") or folder["folder"] or "none: kernels are compiled in each process"
    if folder["writable"] is False and folder.get("folder"):
        where += ", which cannot be written to"
    elif folder.get("exists") is False and folder["writable"]:
        where += ", not made yet"
    free = "" if folder["free_bytes"] is None else f"{folder['free_bytes'] / 2**30:,.1f} GiB"
    return name, where, free


def _data_lines(data: Report | None) -> list[tuple[str, str]]:
    if data is None:
        return [("folder", "none")]
    markets = data["markets"].items()
    return [
        ("folder", data["folder"] + (", made up" if data["synthetic"] else "")),
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
    title = f"{shape['name']}: {windows}, {layers}, batch {shape['batch_size']}, seeds {shape['members']}"
    if not shape["timings"]:
        typer.echo(f"{shape['name']}: {windows}, {layers}, {shape['precision']}")
        _print_choices(shape)
        return
    print_table(
        f"{title}, {shape['precision']}",
        [
            "path",
            "ms a step and seed",
            "samples/s",
            "of the product rate",
            "scores/s",
            "of the product rate",
            "planned MiB",
            "peak MiB",
        ],
        [
            [
                row["path"],
                f"{row['step_ms']:.2f}",
                f"{row['samples_per_second']:,.0f}",
                f"{row['gemm_share']:.1%}",
                f"{row['scored_per_second']:,.0f}",
                f"{row['score_gemm_share']:.1%}",
                f"{row['planned_bytes'] / 2**20:,.0f}",
                "" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 2**20:,.0f}",
            ]
            for row in shape["timings"]
        ],
    )
    _print_choices(shape)


def _print_choices(shape: Report) -> None:
    for compat, choice in shape["choices"].items():
        typer.echo(f"compat: {compat} trains on the {choice['path']} path: {choice['reason']}")
