"""The cache of built datasets: each data configuration is computed once, and all processes share the result."""

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

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Array
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.array_entry import Entry, open_entry
from lstm_bench.dataset.array_store import ArrayStore
from lstm_bench.dataset.build import build_dataset, refuse_unseen_fit, requested_segments
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.stored import pack_dataset, unpack_dataset

__all__ = ["DatasetCache"]

logger = logging.getLogger("lstm_bench")

_CODE = ("core", "config", "data", "features", "dataset")
"""Subpackages with code that determines a dataset's content."""

_PACKAGES = ("llvmlite", "numpy")
"""Packages whose versions determine a dataset's content; llvmlite compiles the kernels."""


class DatasetCache:
    """Datasets on disk; all processes map the same pages.

    An entry's name is a hash of the data's fingerprint, the configuration of columns and rows, the requested segments,
    and this package's code. ``step_len`` is left out, because it only affects how windows are gathered. An entry ends
    with the last of the requested segments, or with the fit period if that ends later. See
    :mod:`lstm_bench.dataset.array_entry` for the locks that protect entries in use.
    ``folder`` and ``max_bytes`` are those of :class:`lstm_bench.dataset.array_store.ArrayStore`.
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
        """Return the dataset of :func:`lstm_bench.dataset.build.build_dataset`, built at most once.

        Its entry stays open as long as the dataset exists. Arguments and errors are those of :meth:`ensure`.
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
        """Return the open entry of a dataset; build it if it is absent.

        Its ``path`` is for :meth:`open_entry`, in this or another process. Raises ConfigError and DataError as
        ``build_dataset`` does, and DataError if the cache cannot be written.

        ``fingerprint`` is that of the data, from :func:`lstm_bench.data.fingerprint.fingerprint`; the other arguments
        are those of ``build_dataset``.
        """
        if segments is not None:
            refuse_unseen_fit(config, segments)
        identity = _identity(config, fingerprint, segments, d_feat, embargo)
        key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]

        def build() -> tuple[dict[str, Array], dict[str, Any]]:
            started = time.perf_counter()
            dataset = build_dataset(config, provider, segments, d_feat=d_feat, embargo=embargo)
            arrays, content = pack_dataset(dataset, d_feat)
            logger.info("dataset cache: built %s in %.1f s", key, time.perf_counter() - started)
            return arrays, {"identity": identity, "dataset": content}

        return self.store.open(key, build)

    @staticmethod
    def open_entry(path: Path, config: DatasetConfig) -> Dataset:
        """Return the dataset of an entry, without bars.

        Raises DataError if the entry is missing, damaged, or belongs to another configuration. Raises ConfigError if
        ``step_len`` does not fit its columns.
        The ``step_len`` of ``config`` can differ from that of the configuration that the entry was built for.
        """
        entry = open_entry(path)
        identity, dataset = entry.content["identity"], entry.content["dataset"]
        expected = _identity(
            config, identity["data"], identity["wanted"], dataset["d_feat"], dataset["embargo"]
        )
        different = [key for key, value in expected.items() if identity[key] != value]
        if different:
            entry.close()
            raise DataError(
                f"{path}: this entry belongs to another configuration: its {', '.join(different)} differ"
            )
        return _dataset(entry, config, None)


def _dataset(entry: Entry, config: DatasetConfig, provider: Provider | None) -> Dataset:
    dataset = unpack_dataset(config, entry.arrays, entry.content["dataset"], provider)
    weakref.finalize(dataset, entry.close)
    return dataset


def _identity(
    config: DatasetConfig, fingerprint: str, segments: Sequence[SegmentName] | None, d_feat: int, embargo: int
) -> dict[str, Any]:
    """Return everything that determines an entry's content, as plain data."""
    requested = requested_segments(segments)
    kwargs = config.resolved().kwargs.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "data": fingerprint,
        "code": _code(),
        "class": config.name,
        "handler": kwargs["handler"],
        # without segments, the dataset extends to the handler's end_time
        "wanted": None if segments is None else list(requested),
        "segments": {name: kwargs["segments"][name] for name in requested},
        "d_feat": None if config.is_time_series else d_feat,
        "embargo": embargo,
        # the end of the embargo, the next segment's first day, is not in the identity otherwise
        "next": [str(kwargs["segments"][name][0]) for name in get_args(SegmentName)[1:]] if embargo else None,
    }


@cache
def _code() -> str:
    """Digest the code that builds datasets, and the versions of the packages that it uses."""
    package = Path(__file__).parents[1]
    files = [file for part in _CODE for file in (package / part).rglob("*.py")]
    digest = hashlib.sha256("".join(f"{name} {version(name)}\n" for name in _PACKAGES).encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
