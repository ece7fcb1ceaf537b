"""Describes this machine and this installation, without timing anything or asking a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

from lstm_bench.config.secret import without_password
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.core.kernel import cache_folder
from lstm_bench.core.writable import may_write, nearest_existing
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.array_store import default_bytes, default_folder
from lstm_bench.features.host import processors
from lstm_bench.record.provenance import environment
from lstm_bench.tracking.wandb_login import find_login

__all__ = ["DEFAULT_DATA", "advice", "machine_report"]

Report = dict[str, Any]

_PACKAGES = (
    "lstm-bench", "torch", "triton", "numba", "numpy", "pandas", "pyarrow", "scipy", "optuna", "pydantic",
    "safetensors", "sqlalchemy", "typer", "wandb", "mlflow", "optuna-dashboard", "psycopg",
    "lightgbm",
)  # fmt: skip
"""Packages on which numbers and storage depend, and the optional ones."""

_INSTALLED_AS = {"mlflow": ("mlflow", "mlflow-skinny")}
"""Distributions that install a package, if there are several."""

DEFAULT_DATA = "~/.qlib/qlib_data/cn_data"
"""Folder into which Qlib's command downloads data, and which the ready workflow files name."""

_LITTLE_DISK = 5 * 2**30
_LITTLE_MEMORY = 2 * 2**30


def machine_report(provider_uri: str | None, results: Path, store: str, store_path: Path | None) -> Report:
    """Describe versions, devices, folders, data and trackers.

    Parameters
    ----------
    provider_uri
        The data folder to describe; None for the folder of the ready workflow files.
    store
        Where studies are, without a password.
    store_path
        The store's file; None for a database.

    Returns
    -------
    dict
        Plain data: ``versions``, ``git``, ``devices``, ``folders``, ``data`` (None if there is none), ``tracking``.

    Raises
    ------
    DataError
        If ``provider_uri`` is given and is not a Qlib folder.
    """
    known = environment()
    versions: dict[str, str | None] = {"python": known["python"], "platform": known["platform"]}
    return {
        "versions": versions | {name: _version(name) for name in _PACKAGES},
        "git": known["git"],
        "devices": _devices(known["processor"]),
        "folders": _folders(results, store, store_path),
        "data": _data(provider_uri),
        "tracking": _tracking(),
    }


def _version(name: str) -> str | None:
    for distribution in _INSTALLED_AS.get(name, (name,)):
        with suppress(PackageNotFoundError):
            return version(distribution)
    return None


def _devices(processor: str) -> Report:
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
    memory = psutil.virtual_memory()
    cpu = {
        "model": processor,
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": os.cpu_count(),
        "usable_cores": processors(),
        "threads": torch.get_num_threads(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "memory_bytes": memory.total,
        "free_memory_bytes": memory.available,
    }
    return {
        "cpu": cpu,
        "cuda": cuda,
        "mps": torch.backends.mps.is_available(),
        "torch_cuda": torch.version.cuda,
        **_driver(),
    }


def _driver() -> dict[str, str | None]:
    """Ask nvidia-smi for the driver's version and the newest CUDA that it supports.

    There may be a driver although torch was built without CUDA.
    """
    try:
        done = subprocess.run(["nvidia-smi"], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return {"driver": None, "driver_cuda": None}
    found = {key: re.search(rf"{key} Version:\s*([\d.]+)", done.stdout) for key in ("Driver", "CUDA")}
    driver, cuda = (None if match is None else match[1] for match in found.values())
    return {"driver": driver, "driver_cuda": cuda}


def _folders(results: Path, store: str, store_path: Path | None) -> dict[str, Report]:
    kernels = cache_folder()
    report = {
        "results": _folder(results),
        "datasets": _folder(default_folder()) | {"max_bytes": default_bytes()},
        "kernels": {"folder": None, "exists": False, "writable": False, "free_bytes": None}
        if kernels is None
        else _folder(kernels),
    }
    if store_path is None:  # `study list` finds out whether a server answers
        return report | {"studies": {"store": store, "writable": None, "free_bytes": None}}
    return report | {"studies": {"store": store, **_folder(store_path.parent)}}


def _folder(folder: Path) -> Report:
    """Describe whether a folder exists, can be written or made, and its free space."""
    existing = nearest_existing(folder)
    return {
        "folder": str(folder),
        "exists": folder.is_dir(),
        "writable": may_write(existing),
        "free_bytes": shutil.disk_usage(existing).free,
    }


def _data(provider_uri: str | None) -> Report | None:
    if provider_uri is not None:
        return _describe(Provider(provider_uri))
    try:
        return _describe(Provider(DEFAULT_DATA))
    except DataError:  # the default folder need not exist
        return None


def _describe(provider: Provider) -> Report:
    """Describe the data without reading bars."""
    days = provider.calendar
    markets = {}
    for name in provider.markets:
        universe = provider.universe(name)
        last = max(last for spans in universe.spans.values() for _, last in spans)
        markets[name] = {"instruments": len(universe.instruments), "last_day": str(min(last, days[-1]))}
    return {
        "folder": str(provider.root),
        "synthetic": provider.is_synthetic,
        "first_day": str(days[0]),
        "last_day": str(days[-1]),
        "days": len(days),
        "instruments": len(provider.folders),
        "markets": markets,
    }


def _tracking() -> Report:
    mlflow, login = os.environ.get("MLFLOW_TRACKING_URI"), find_login()
    return {
        "wandb": {"package": _version("wandb"), **asdict(login)},
        "mlflow": {"package": _version("mlflow"), "tracking_uri": mlflow and without_password(mlflow)},
    }


def advice(report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each problem and its remedy."""
    return [
        *_about_devices(report["devices"]),
        *_about_folders(report["folders"]),
        *_about_data(report["data"]),
        *_about_tracking(report["tracking"]),
    ]


def _about_devices(devices: Mapping[str, Any]) -> list[str]:
    sentences = []
    if devices["driver"] and not devices["torch_cuda"]:
        sentences.append(
            "there is an NVIDIA driver, but torch is a build for the CPU: `pip install torch` brings one with CUDA"
        )
    elif devices["driver"] and not devices["cuda"]:
        sentences.append(
            f"there is an NVIDIA driver {devices['driver']}, but torch, built for CUDA {devices['torch_cuda']}, sees "
            f"no device: the driver serves CUDA up to {devices['driver_cuda'] or '?'}, and CUDA_VISIBLE_DEVICES may "
            "hide devices"
        )
    cpu = devices["cpu"]
    if cpu["threads"] > cpu["usable_cores"]:
        sentences.append(
            f"{counted(cpu['threads'], 'thread')} share {counted(cpu['usable_cores'], 'core')}: set "
            f"OMP_NUM_THREADS={cpu['usable_cores']}"
        )
    if cpu["free_memory_bytes"] < _LITTLE_MEMORY:
        sentences.append(
            f"only {cpu['free_memory_bytes'] / 2**30:.1f} GiB of memory are free: a run of the CSI 300 takes 1 to 2"
        )
    return sentences


def _about_folders(folders: Mapping[str, Mapping[str, Any]]) -> list[str]:
    sentences = []
    ways = {
        "results": "give --out another",
        "datasets": "set LSTM_BENCH_CACHE to another",
        "kernels": "set NUMBA_CACHE_DIR to another, or kernels are compiled in each process",
        "studies": "set LSTM_BENCH_STORAGE, or give --storage, to another",
    }
    for name, folder in folders.items():
        where = folder.get("folder") or f"the folder of {name}"
        if folder["writable"] is False:
            sentences.append(f"{where} cannot be written to: {ways[name]}")
        elif folder["free_bytes"] is not None and folder["free_bytes"] < _LITTLE_DISK:
            sentences.append(f"{where} has only {folder['free_bytes'] / 2**30:.1f} GiB left: {ways[name]}")
    return sentences


def _about_data(data: Mapping[str, Any] | None) -> list[str]:
    if data is None:
        return [
            f"there is no data in {DEFAULT_DATA}: give --provider-uri, or make some up: lstm-bench data synth market"
        ]
    late = [
        f"{name!r} ends on {market['last_day']}"
        for name, market in data["markets"].items()
        if market["last_day"] < data["last_day"]
    ]
    return (
        [
            f"the calendar continues to {data['last_day']}, but market {', '.join(late)}: later days have no rows"
        ]
        if late
        else []
    )


def _about_tracking(tracking: Mapping[str, Any]) -> list[str]:
    wandb = tracking["wandb"]
    if not wandb["package"] or wandb["mode"] != "online" or wandb["key"]:
        return []
    sentences = [] if wandb["warning"] is None else [wandb["warning"]]
    return [*sentences, "wandb is installed and has no key: `wandb login`, or WANDB_MODE=offline"]
