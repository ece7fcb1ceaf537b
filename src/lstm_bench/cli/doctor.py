"""``lstm-bench doctor``: what is installed, what the machine can do, and which path trains on it, how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lstm_bench.cli.output import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    from lstm_bench.config.harness import Precision
    from lstm_bench.model.limits import Limits
    from lstm_bench.model.path import Choice
    from lstm_bench.model.spec import PackSpec

__all__ = ["doctor"]

Report = dict[str, Any]


def doctor(
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
    seeds: Annotated[int, typer.Option(help="K, replicas that train together.", min=1)] = 1,
    precision: Annotated[
        Literal["fp32", "tf32", "bf16"], typer.Option(help="Of the products; the CPU knows fp32 only.")
    ] = "fp32",
) -> None:
    """Show versions, devices and folders, and time a few training steps on noise, on each path that can serve."""
    import torch

    from lstm_bench.model.device import resolve_device
    from lstm_bench.model.limits import measure_limits
    from lstm_bench.run.provenance import environment

    chosen = resolve_device(device, 0 if torch.cuda.is_available() else -1)
    shape = {"hidden_size": hidden_size, "num_layers": num_layers, "batch_size": batch_size}
    specs = _specs(step_len, d_feat, {**shape, "precision": precision})
    # before anything is timed, so that a refusal comes at once
    choices = {name: _choices(spec, chosen) for name, (spec, _) in specs.items()}
    wanted: set[Precision] = {"fp32", precision}
    limits: dict[Precision, Limits] = {
        one: measure_limits(chosen, hidden_size, one) for one in sorted(wanted)
    }
    known = environment()
    report: Report = {
        "versions": _versions(known),
        "devices": _devices(known["processor"]),
        "folders": _folders(),
        "device": str(chosen),
        "limits": {
            one: {"gemm_flops": limit.gemm_flops, "copy_bytes": limit.copy_bytes}
            for one, limit in limits.items()
        },
        "shapes": [
            {
                "name": name,
                "d_feat": spec.d_feat,
                "step_len": days,
                **shape,
                "replicas": seeds,
                "precision": precision,
                **choices[name],
                "timings": _timings(spec, days, seeds, chosen, limits),
            }
            for name, (spec, days) in specs.items()
        ],
    }
    if as_json:
        print_json(report)
    else:
        _print(report)


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

    from lstm_bench.model.path import choose_path

    def said(choice: Choice) -> Report:
        return {"path": choice.name, "reason": choice.reason}

    qlib = choose_path(replace(spec, compat="qlib", precision="fp32"), device)
    return {"choices": {"none": said(choose_path(spec, device)), "qlib": said(qlib)}}


def _timings(
    spec: PackSpec, step_len: int, replicas: int, device: torch.device, limits: Mapping[Precision, Limits]
) -> list[Report]:
    from lstm_bench.model.memory import training_bytes
    from lstm_bench.model.timing import runnable_choices, time_path

    rows = []
    for choice in runnable_choices(spec, device):
        timing = time_path(spec, step_len, device, choice, replicas=replicas)
        limit = limits["fp32" if choice.name == "reference" else spec.precision]
        rows.append(
            {
                "path": timing.path,
                "step_ms": timing.step_seconds * 1e3,
                "samples_per_second": timing.samples_per_second,
                "gemm_share": timing.train_flops / limit.gemm_flops,
                "scored_per_second": 1 / timing.score_seconds,
                "score_gemm_share": timing.score_flops / limit.gemm_flops,
                "planned_bytes": training_bytes(spec, choice, replicas, step_len),
                "peak_bytes": timing.peak_bytes,
            }
        )
    return rows


def _versions(known: Mapping[str, Any]) -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {"python": known["python"], "platform": known["platform"]}
    found |= {name: known["packages"][name] for name in ("lstm-bench", "torch", "numba", "numpy")}
    try:
        found["triton"] = version("triton")
    except PackageNotFoundError:
        found["triton"] = None
    return found


def _devices(processor: str) -> Report:
    import os

    import psutil
    import torch

    cuda = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        cuda.append(
            {
                "device": f"cuda:{index}",
                "model": properties.name,
                "memory_bytes": properties.total_memory,
                "capability": f"{properties.major}.{properties.minor}",
            }
        )
    cpu = {
        "model": processor,
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": psutil.virtual_memory().total,
    }
    return {"cpu": cpu, "cuda": cuda, "torch_cuda": torch.version.cuda, "driver": _driver()}


def _driver() -> str | None:
    """Ask NVIDIA's own tool: a driver may be there although torch was built without CUDA."""
    import subprocess

    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.split()), None)


def _folders() -> dict[str, Report]:
    from lstm_bench.dataset.array_store import default_folder
    from lstm_bench.kernel import cache_folder

    kernels, datasets = cache_folder(), default_folder()
    return {
        "kernels": {"folder": None if kernels is None else str(kernels), "writable": kernels is not None},
        "datasets": {"folder": str(datasets), "writable": _writable(datasets)},
    }


def _writable(folder: Path) -> bool:
    """Tell whether a folder can be written to, or be made."""
    import os

    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _print(report: Report) -> None:
    versions = [(name, found or "not installed") for name, found in report["versions"].items()]
    print_table("Versions", ["", ""], versions)
    print_table("Devices", ["", ""], _device_lines(report["devices"]))
    for name, folder in report["folders"].items():
        state = "" if folder["writable"] else ", which cannot be written to"
        where = folder["folder"] or "none: it cannot be written to, and kernels are compiled in each process"
        typer.echo(f"cache of {name}: {where}{state if folder['folder'] else ''}")
    for precision, limit in report["limits"].items():
        typer.echo(
            f"{report['device']} reaches {limit['gemm_flops'] / 1e9:,.0f} GFLOP/s in {precision} products and "
            f"{limit['copy_bytes'] / 1e9:,.1f} GB/s in copies"
        )
    for shape in report["shapes"]:
        _print_shape(shape)


def _device_lines(devices: Report) -> list[tuple[str, str]]:
    cpu = devices["cpu"]
    lines = [
        ("cpu", cpu["model"]),
        ("cores", f"{cpu['cores']}, {cpu['logical_cores']} logical; {cpu['threads']} threads in use"),
        ("memory", f"{cpu['memory_bytes'] / 2**30:,.1f} GiB"),
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
    lines.append(("torch's CUDA", devices["torch_cuda"] or "none: a build for the CPU"))
    lines.append(("NVIDIA driver", devices["driver"] or "none"))
    return lines


def _print_shape(shape: Report) -> None:
    typer.echo()
    windows = f"{shape['step_len']} days of {shape['d_feat']} features"
    layers = f"{shape['num_layers']} layers of {shape['hidden_size']}"
    title = f"{shape['name']}: {windows}, {layers}, batch {shape['batch_size']}, seeds {shape['replicas']}"
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
    for compat, choice in shape["choices"].items():
        typer.echo(f"compat: {compat} trains on the {choice['path']} path: {choice['reason']}")
