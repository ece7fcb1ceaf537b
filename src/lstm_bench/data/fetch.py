"""Fetching a data folder from the web: download, resume, verify, unpack, all or nothing."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lstm_bench.core.atomic import publish, staging
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError, RunError
from lstm_bench.data.archive import SUFFIXES, find_data_folder, unpack
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import refuse_full

__all__ = ["MAX_BYTES", "FetchProgress", "Fetched", "SilentFetch", "default_folder", "fetch"]

logger = logging.getLogger("lstm_bench")

MAX_BYTES = 20 * 10**9
"""Most that an archive and what is in it may take unless told otherwise."""

_CHUNK = 1 << 18
_TIMEOUT = 60.0  # seconds without a byte
_ATTEMPTS = 5
_PAUSE = 1.0  # seconds before the second attempt; it doubles


class FetchProgress(Protocol):
    """Shows how far a fetch is."""

    def begin(self, what: str, done: int, total: int | None) -> None:
        """Begin to download or unpack; ``done`` of ``total`` bytes are there already."""

    def advance(self, count: int) -> None:
        """Count bytes."""


class SilentFetch:
    """Shows nothing."""

    def begin(self, what: str, done: int, total: int | None) -> None:
        """Show nothing."""

    def advance(self, count: int) -> None:
        """Show nothing."""


@dataclass(frozen=True)
class Fetched:
    """What was fetched.

    Attributes
    ----------
    folder : the data folder
    url : str
    sha256 : hex, of the archive
    archive_bytes, bytes : size of the archive, and of the files in it
    resumed_at : bytes that an earlier attempt had left
    """

    folder: Path
    url: str
    sha256: str
    archive_bytes: int
    bytes: int
    resumed_at: int


def default_folder(url: str) -> Path:
    """Name the folder after the archive.

    Raises
    ------
    DataError
        Where the address is none of an archive.
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

    A download that is cut off stays beside ``out``; the next call goes on where it ended, if the server says by ETag
    or date that the file is still the same. Nothing else is left behind by a failure.

    Parameters
    ----------
    url
        ``http`` or ``https``, of a ``.tar.gz``, ``.tar.xz``, ``.tar.zst`` or ``.tar``. A folder or two around the
        data folder are stripped.
    out
        Folder to make, new or empty; named after the archive if None.
    sha256
        What the archive must hash to, hex.
    max_bytes
        Most that the archive, and the files in it, may take.
    progress
        Shows how far it is.

    Raises
    ------
    DataError
        Where the address, the checksum or the archive is wrong, or ``out`` cannot be written.
    RunError
        Where the network fails; what was downloaded is kept.
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
        download = _Download(url, place, max_bytes, progress)
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
        calendar = Provider(folder).calendar  # refuses what is no calendar
        publish(folder, out)
    logger.info("%s: %s, %s to %s", out, counted(len(calendar), "trading day"), calendar[0], calendar[-1])
    return Fetched(out, url, digest, size, total, resumed_at)


class _Download:
    """A file that grows beside the folder to make, and a note of which file it is a part of."""

    def __init__(self, url: str, out: Path, max_bytes: int, progress: FetchProgress) -> None:
        self._url, self._max, self._progress = url, max_bytes, progress
        self.path = out.with_name(f".{out.name}.download")
        self._note = out.with_name(f".{out.name}.download.json")

    def remove(self) -> None:
        """Remove the file and the note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def complete(self) -> int:
        """Download what is missing; return how much was there at the beginning.

        Raises
        ------
        DataError
            Where the server refuses, or the file is too large; nothing is kept then.
        RunError
            Where the network fails again and again.
        """
        resumed_at = self._there()
        for attempt in range(_ATTEMPTS):
            before = self._there()
            try:
                self._get()
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code not in (408, 429):
                    self.remove()
                    raise DataError(f"{self._url}: the server says {error.code} {error.reason}") from error
                reason: object = f"the server says {error.code} {error.reason}"
            except urllib.error.URLError as error:
                reason = error.reason
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                reason = error
            else:
                return resumed_at
            if attempt + 1 < _ATTEMPTS:
                logger.warning("%s: %s; trying again", self._url, reason)
                time.sleep(0 if self._there() > before else _PAUSE * 2**attempt)
        raise RunError(
            f"{self._url}: {reason}; {counted(self._there(), 'byte')} are kept, and the same command goes on from there"
        )

    def _there(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def _get(self) -> None:
        done, validator = self._there(), self._validator()
        if done and validator is None:  # nothing says that the rest belongs to it
            self.path.unlink()
            done = 0
        headers = {"Accept-Encoding": "identity", "User-Agent": "lstm-bench"}
        if done and validator is not None:
            headers |= {"Range": f"bytes={done}-", "If-Range": validator}
        request = urllib.request.Request(self._url, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
                self._receive(response, done)
        except urllib.error.HTTPError as error:
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
            if total != str(done):  # another file by now: all of it is needed
                self.remove()
                self._get()

    def _receive(self, response: Any, done: int) -> None:
        """Write what the server sends: the rest if it says so, or else all of it."""
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range") or "")
        resumes = response.status == http.client.PARTIAL_CONTENT
        if resumes and (span is None or int(span[1]) != done):
            self.remove()
            raise http.client.HTTPException("the server sent another part than was asked for")
        done = done if resumes else 0
        length = response.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        if total is not None and total > self._max:
            self._refuse_size(f"{total:,}")
        if not resumes:
            self._remember(response.headers)
        self._progress.begin("downloading", done, total)
        with self.path.open("ab" if resumes else "wb") as file:
            while chunk := response.read1(_CHUNK):
                done += len(chunk)
                if done > self._max:
                    self._refuse_size(f"more than {self._max:,}")
                file.write(chunk)
                self._progress.advance(len(chunk))
        if total is not None and done < total:
            raise http.client.IncompleteRead(b"", total - done)

    def _refuse_size(self, size: str) -> None:
        self.remove()
        raise DataError(f"{self._url}: {size} bytes; expected at most {self._max:,} (--max-size)")

    def _remember(self, headers: Any) -> None:
        """Note what the server calls this state of the file: a strong ETag, or else its date."""
        tag = headers.get("ETag")
        strong = tag if tag and not tag.startswith("W/") else None
        note = {"url": self._url, "validator": strong or headers.get("Last-Modified")}
        self._note.write_text(json.dumps(note), encoding="utf-8")

    def _validator(self) -> str | None:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # absent, or cut off by a crash
            return None
        same = isinstance(note, dict) and note.get("url") == self._url
        validator = note.get("validator") if same else None
        return validator if isinstance(validator, str) else None
