"""Fetches a data folder from the web: downloads, resumes, verifies and unpacks it, whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from lstm_bench.core.atomic import publish, staging
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.archive import SUFFIXES, find_data_folder, unpack
from lstm_bench.data.download import Download, FetchProgress, SilentFetch
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import refuse_full

__all__ = ["MAX_BYTES", "Fetched", "default_folder", "fetch"]

logger = logging.getLogger("lstm_bench")

MAX_BYTES = 20 * 10**9
"""Default limit of an archive, and of the files in it."""


@dataclass(frozen=True)
class Fetched:
    """Result of a fetch."""

    folder: Path  # the data folder
    url: str
    sha256: str  # hex, of the archive
    # size of the archive, and of the files in it
    archive_bytes: int
    bytes: int
    resumed_at: int  # bytes that an earlier attempt had downloaded


def default_folder(url: str) -> Path:
    """Name the folder after the archive.

    Raises DataError if the address is not that of an archive.
    """
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])
    for suffix in SUFFIXES:
        stem = name[: -len(suffix)]
        if name.lower().endswith(suffix) and stem and not stem.startswith(".") and not set(stem) & set("/\\"):
            return Path(stem)
    raise DataError(
        f"{url}: expected an address that ends with {', '.join(SUFFIXES)}; name the folder with --out"
    )


def fetch(
    url: str,
    out: str | os.PathLike[str] | None = None,
    *,
    sha256: str | None = None,
    max_bytes: int = MAX_BYTES,
    progress: FetchProgress | None = None,
) -> Fetched:
    """Download the archive of a Qlib data folder and unpack it, whole or not at all.

    An interrupted download stays next to ``out``. The next call resumes it if the server's ETag or date shows that
    the file is still the same. A failure leaves nothing else behind.

    Parameters
    ----------
    url
        ``http`` or ``https`` address of a ``.tar.gz``, ``.tar.xz``, ``.tar.zst`` or ``.tar``. Up to two folders around
        the data folder are stripped.
    out
        Folder to create, new or empty; named after the archive if None.
    sha256
        Expected hash of the archive, hex.
    max_bytes
        Limit of the archive, and of the files in it.
    progress
        Shows the progress; None shows nothing.

    Raises
    ------
    DataError
        If the address, the checksum or the archive is wrong, or ``out`` cannot be written.
    RunError
        If the network fails. The part that was downloaded stays.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"url: got {url!r}, expected an address that begins with https:// or http://")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise DataError(f"--sha256: got {sha256!r}, expected 64 hexadecimal digits")
    place = (default_folder(url) if out is None else Path(out)).expanduser()
    progress = progress or SilentFetch()
    try:
        refuse_full(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        download = Download(url, place, max_bytes, progress)
        resumed_at = download.complete()
        try:
            fetched = _unpack(download.path, url, place, sha256, max_bytes, progress, resumed_at)
        except DataError:
            download.remove()
            raise
        download.remove()
    except OSError as error:
        raise DataError(f"{place}: cannot be written: {error.strerror or error}") from error
    return fetched


def _unpack(
    archive: Path,
    url: str,
    out: Path,
    sha256: str | None,
    max_bytes: int,
    progress: FetchProgress,
    resumed_at: int,
) -> Fetched:
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise DataError(f"{url}: SHA-256 is {digest}, expected {sha256.lower()}; the download was removed")
    size = archive.stat().st_size
    progress.begin("unpacking", 0, size)
    with staging(out) as staged:
        total = unpack(archive, staged, max_bytes, progress.advance)
        folder = find_data_folder(staged)
        calendar = Provider(folder).calendar  # rejects an invalid calendar
        publish(folder, out)
    logger.info("%s: %s, %s to %s", out, counted(len(calendar), "trading day"), calendar[0], calendar[-1])
    return Fetched(out, url, digest, size, total, resumed_at)
