"""``lstm-bench data fetch``: download a Qlib data folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from lstm_bench.cli.options import Json, argument, option, parse_option, takes_options
from lstm_bench.cli.output import print_json

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from lstm_bench.data.download import FetchProgress

__all__ = ["FetchOptions", "fetch"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class FetchOptions:
    """Options of ``data fetch``."""

    url: str = argument(
        ..., "Address of a .tar.gz, .tar.xz or .tar.zst of a Qlib data folder.", show_default=False
    )
    out: Path | None = option(None, "Folder to make; by default named after the archive.")
    sha256: str | None = option(None, "Expected SHA-256 of the archive.", metavar="HEX")
    max_size: str = option("20G", "Largest size of the archive, and of the files in it: 500M, 20G.")
    as_json: Json = False


@takes_options
def fetch(options: FetchOptions) -> None:
    """Get a Qlib data folder from the web: download its archive, verify it and unpack it.

    The same command continues an interrupted download. docs/data.md has the address of the community's release that
    Qlib's README points to.
    """
    from lstm_bench.data import fetch as fetching

    max_bytes = parse_option("--max-size", options.max_size, _size)
    with _progress_bar(sys.stderr) as progress:
        fetched = fetching.fetch(
            options.url, options.out, sha256=options.sha256, max_bytes=max_bytes, progress=progress
        )
    if options.as_json:
        print_json(asdict(fetched))
        return
    resumed = f" ({fetched.resumed_at / 1e6:,.1f} MB of it before)" if fetched.resumed_at else ""
    sizes = f"{fetched.bytes / 1e6:,.1f} MB, from {fetched.archive_bytes / 1e6:,.1f} MB downloaded{resumed}"
    typer.echo(f"{fetched.folder}: {sizes}\nSHA-256 {fetched.sha256}")


def _size(text: str) -> int:
    number, unit = text.strip().upper().removesuffix("B"), ""
    if number[-1:] in _UNITS:
        number, unit = number[:-1], number[-1:]
    try:
        size = int(float(number) * _UNITS[unit])
    except (ValueError, OverflowError):
        size = 0
    if size < 1:
        raise ValueError(f"got {text!r}, expected a size such as 500M or 20G")
    return size


@contextmanager
def _progress_bar(stream: TextIO) -> Iterator[FetchProgress]:
    """Yield a progress bar if ``stream`` is a terminal, else a silent progress."""
    if not stream.isatty():
        from lstm_bench.data.download import SilentFetch

        yield SilentFetch()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(file=stream), transient=True) as bars:
        yield _FetchBar(bars)


class _FetchBar:
    """One bar for the download, then for unpacking."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("connecting", total=None)

    def begin(self, what: str, done: int, total: int | None) -> None:
        self._bars.reset(self._task, total=total, completed=done, description=what)

    def advance(self, count: int) -> None:
        self._bars.advance(self._task, count)
