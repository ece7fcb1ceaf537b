"""``lstm-bench data fetch``: download a Qlib data folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from lstm_bench.cli.options import parse_option
from lstm_bench.cli.output import print_json

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from lstm_bench.data.download import FetchProgress

__all__ = ["fetch"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def fetch(
    url: Annotated[
        str,
        typer.Argument(
            help="Address of a .tar.gz, .tar.xz or .tar.zst of a Qlib data folder.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder to make; named after the archive by default.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="What the archive must hash to.", metavar="HEX")] = None,
    max_size: Annotated[
        str, typer.Option(help="Most that the archive, and the files in it, may take: 500M, 20G.")
    ] = "20G",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Download the archive of a Qlib data folder, verify it and unpack it.

    What was cut off goes on where it ended when the command is given again. The README has the address of the
    community's release that Qlib's README points to.
    """
    from lstm_bench.data import fetch as fetching

    max_bytes = parse_option("--max-size", max_size, _size)
    with _shown(sys.stderr) as progress:
        fetched = fetching.fetch(url, out, sha256=sha256, max_bytes=max_bytes, progress=progress)
    if as_json:
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
def _shown(stream: TextIO) -> Iterator[FetchProgress]:
    """Give a progress bar on a terminal, and none elsewhere."""
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
        yield _BarOf(bars)


class _BarOf:
    """One bar: the download, then the archive as it is unpacked."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("connecting", total=None)

    def begin(self, what: str, done: int, total: int | None) -> None:
        """Start over."""
        self._bars.reset(self._task, total=total, completed=done, description=what)

    def advance(self, count: int) -> None:
        """Move."""
        self._bars.advance(self._task, count)
