"""Prints the report of ``doctor`` as text."""

from __future__ import annotations

from typing import Any

import typer

from lstm_bench.cli.output import print_table
from lstm_bench.core.counting import counted

__all__ = ["print_report"]

Report = dict[str, Any]


def print_report(report: Report) -> None:
    """Print the tables of a report, and its advice."""
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
