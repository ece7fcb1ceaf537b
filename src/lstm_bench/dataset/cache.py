"""The cache of built datasets: computed once per data configuration, and shared by all processes."""

from __future__ import annotations

import hashlib
import json
import logging
import time
import weakref
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import numpy.typing as npt

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.array_entry import Entry, open_entry
from lstm_bench.dataset.array_store import ArrayStore, EntryInfo
from lstm_bench.dataset.build import build_dataset, refuse_unseen_fit, requested_segments
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.stored import pack_dataset, unpack_dataset

__all__ = ["DatasetCache"]

logger = logging.getLogger("lstm_bench")

_CODE = ("core", "config", "data", "features", "dataset")
"""Rooms of the package that decide what is in a dataset."""

_PACKAGES = ("llvmlite", "numpy")
"""What they compute with; llvmlite compiles the kernels."""


class DatasetCache:
    """Datasets on disk, of which each process maps the same pages.

    An entry is named by a hash of the data's fingerprint, the configuration of the columns and rows, the segments
    asked for, and this package's code; ``step_len``, which only decides how windows are gathered, is left out. It
    holds nothing of later days than the dataset of those segments does. See
    :mod:`lstm_bench.dataset.array_entry` for the locks that keep what is in use.

    Parameters
    ----------
    folder
        ``LSTM_BENCH_CACHE`` by default, or else a folder of the user's cache.
    max_bytes
        ``LSTM_BENCH_CACHE_GB`` by default, or else 20 GB.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int | None = None) -> None:
        self.store = ArrayStore(folder, max_bytes)

    def open(
        self,
        config: DatasetConfig,
        provider: Provider,
        fingerprint: str,
        segments: Sequence[SegmentName] | None = None,
        *,
        d_feat: int,
        embargo: int = 0,
    ) -> Dataset:
        """Return the dataset that :func:`lstm_bench.dataset.build.build_dataset` gives, built once.

        Its entry stays as long as the dataset does. The arguments are those of :func:`ensure`, and so are the errors.
        """
        entry = self.ensure(config, provider, fingerprint, segments, d_feat=d_feat, embargo=embargo)
        return _dataset(entry, config, provider)

    def ensure(
        self,
        config: DatasetConfig,
        provider: Provider,
        fingerprint: str,
        segments: Sequence[SegmentName] | None = None,
        *,
        d_feat: int,
        embargo: int = 0,
    ) -> Entry:
        """Return the entry of a dataset, built where it is absent; the entry stays until it is closed.

        Parameters
        ----------
        config, provider, segments, d_feat, embargo
            As for ``build_dataset``.
        fingerprint
            The data's, :func:`lstm_bench.data.fingerprint.fingerprint`.

        Returns
        -------
        Entry
            Its ``path`` is what :func:`open_entry` takes, here or in another process.

        Raises
        ------
        ConfigError, DataError
            As ``build_dataset`` does, and where the cache cannot be written.
        """
        if segments is not None:
            refuse_unseen_fit(config, segments)
        identity = _identity(config, fingerprint, segments, d_feat, embargo)
        key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]

        def build() -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
            started = time.perf_counter()
            dataset = build_dataset(config, provider, segments, d_feat=d_feat, embargo=embargo)
            arrays, content = pack_dataset(dataset, d_feat)
            logger.info("dataset cache: built %s in %.1f s", key, time.perf_counter() - started)
            return arrays, {"identity": identity, "dataset": content}

        return self.store.open(key, build)

    @staticmethod
    def open_entry(path: Path, config: DatasetConfig) -> Dataset:
        """Return the dataset of an entry, without any bars.

        Parameters
        ----------
        path
            The entry's folder.
        config
            That the entry was made for, with a ``step_len`` of its own.

        Raises
        ------
        DataError
            Where the entry is not there, is damaged, or is another configuration's.
        ConfigError
            Where ``step_len`` does not fit its columns.
        """
        entry = open_entry(path)
        identity, dataset = entry.content["identity"], entry.content["dataset"]
        expected = _identity(
            config, identity["data"], identity["wanted"], dataset["d_feat"], dataset["embargo"]
        )
        others = [key for key, value in expected.items() if identity[key] != value]
        if others:
            entry.close()
            raise DataError(f"{path}: this entry is not of the configuration: its {', '.join(others)} differ")
        return _dataset(entry, config, None)

    def info(self) -> list[EntryInfo]:
        """Describe all entries, the most recently used first."""
        return self.store.info()

    def clear(self) -> list[EntryInfo]:
        """Remove all entries that no process has open; return those removed."""
        return self.store.clear()


def _dataset(entry: Entry, config: DatasetConfig, provider: Provider | None) -> Dataset:
    dataset = unpack_dataset(config, entry.arrays, entry.content["dataset"], provider)
    weakref.finalize(dataset, entry.close)
    return dataset


def _identity(
    config: DatasetConfig,
    fingerprint: str,
    segments: Sequence[SegmentName] | None,
    d_feat: int,
    embargo: int,
) -> dict[str, Any]:
    """Return all that decides the content of an entry, as plain data."""
    wanted = requested_segments(segments)
    kwargs = config.resolved().kwargs.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "data": fingerprint,
        "code": _code(),
        "class": config.name,
        "handler": kwargs["handler"],
        # the dataset of all segments goes on to the handler's end_time, that of some ends with the last of them
        "wanted": None if segments is None else list(wanted),
        "segments": {name: kwargs["segments"][name] for name in wanted},
        "d_feat": None if config.is_time_series else d_feat,
        "embargo": embargo,
        # where it ends: the day after it is nowhere else in the identity
        "next": [str(kwargs["segments"][name][0]) for name in get_args(SegmentName)[1:]] if embargo else None,
    }


@cache
def _code() -> str:
    """Digest the code that makes datasets, and the versions of what it computes with."""
    package = Path(__file__).parents[1]
    files = [file for part in _CODE for file in (package / part).rglob("*.py")] + [
        package / "core" / "kernel.py"
    ]
    digest = hashlib.sha256("".join(f"{name} {version(name)}\n" for name in _PACKAGES).encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
