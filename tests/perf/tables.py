"""Tables of the perf scripts: printed, and merged into the file that benchmarks.md shows."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from lstm_bench.record.provenance import environment
from lstm_bench.report.documents.speed import Cell, SpeedTable, merge_tables, speed_lines

__all__ = ["add_json_option", "finish", "make_table", "merge_tables"]

_CPU = torch.device("cpu")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="also put the tables into this file, as a rule results/leaderboard/speed.json, "
        "in the places of those of the same titles",
    )


def make_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    note: str = "",
    device: torch.device = _CPU,
) -> SpeedTable:
    """Make a table that says where and how it was measured."""
    return SpeedTable(
        title=title,
        columns=tuple(columns),
        rows=tuple(tuple(row) for row in rows),
        note=note,
        machine=_machine(device),
        torch=torch.__version__,
        command=_command(),
    )


def finish(tables: Sequence[SpeedTable], path: Path | None) -> None:
    """Print the tables, and put them into the file if there is one."""
    for table in tables:
        print(f"\n{table.title}")
        lines = [list(table.columns), *speed_lines(table)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(table.columns))]
        for first, *others in lines:
            cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
            print("  ".join([first.ljust(widths[0]), *cells]).rstrip())
        if table.note:
            print(table.note)
    if path is not None:
        merge_tables(path, tables)


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cores = os.cpu_count() or 1
    return f"{cores} core{'s' * (cores > 1)} of {environment()['processor']}"


def _command() -> str:
    """Write the command without ``--json``, which decides no figure, and without folders of this machine."""
    words, skip = [f"tests/perf/{Path(sys.argv[0]).name}"], False
    for word in sys.argv[1:]:
        if not (skip or word.startswith("--json")):
            name, equals, value = word.rpartition("=")
            words.append(f"{name}{equals}{Path(value).name if value.startswith('/') else value}")
        skip = word == "--json"
    return " ".join(words)
