"""Downloads a file, and resumes an interrupted download if the file on the server is still the same."""

from __future__ import annotations

import http.client
import json
import logging
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError, RunError

__all__ = ["Download", "FetchProgress", "SilentFetch"]

logger = logging.getLogger("lstm_bench")

_CHUNK = 1 << 18
_TIMEOUT = 60.0  # seconds without a byte
_ATTEMPTS = 5
_PAUSE = 1.0  # seconds before the second attempt; it doubles


class FetchProgress(Protocol):
    """Shows the progress of a fetch."""

    def begin(self, what: str, done: int, total: int | None) -> None:
        """Begin to download or unpack; ``done`` of ``total`` bytes exist already."""

    def advance(self, count: int) -> None:
        """Count bytes."""


class SilentFetch:
    """Shows nothing."""

    def begin(self, what: str, done: int, total: int | None) -> None:
        """Show nothing."""

    def advance(self, count: int) -> None:
        """Show nothing."""


class Download:
    """A partial file next to the target folder, and a note that identifies the file on the server."""

    def __init__(self, url: str, out: Path, max_bytes: int, progress: FetchProgress) -> None:
        self._url, self._max, self._progress = url, max_bytes, progress
        self.path = out.with_name(f".{out.name}.download")
        self._note = out.with_name(f".{out.name}.download.json")

    def remove(self) -> None:
        """Remove the file and the note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def complete(self) -> int:
        """Download what is missing; return the number of bytes that existed before.

        Raises DataError if the server refuses, or the file is too large. The partial download is removed. Raises
        RunError if all attempts fail.
        """
        resumed_at = self._size()
        for attempt in range(_ATTEMPTS):
            before = self._size()
            try:
                self._get()
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code not in (408, 429):
                    self.remove()
                    raise DataError(
                        f"{self._url}: the server answered {error.code} {error.reason}"
                    ) from error
                reason: object = f"the server answered {error.code} {error.reason}"
            except urllib.error.URLError as error:
                reason = error.reason
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                reason = error
            else:
                return resumed_at
            if attempt + 1 < _ATTEMPTS:
                logger.warning("%s: %s; trying again", self._url, reason)
                time.sleep(0 if self._size() > before else _PAUSE * 2**attempt)
        raise RunError(
            f"{self._url}: {reason}; {counted(self._size(), 'byte')} are kept, and the same command resumes there"
        )

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def _get(self) -> None:
        done, validator = self._size(), self._validator()
        if done and validator is None:  # the rest may belong to another file
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
            if total != str(done):  # the file has changed: download all of it
                self.remove()
                self._get()

    def _receive(self, response: Any, done: int) -> None:
        """Write the response: the rest of the file, or all of it."""
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range") or "")
        resumes = response.status == http.client.PARTIAL_CONTENT
        if resumes and (span is None or int(span[1]) != done):
            self.remove()
            raise http.client.HTTPException("the server sent a part that was not requested")
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
        """Note the server's version of the file: a strong ETag, or else its date."""
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
