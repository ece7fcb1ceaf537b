"""Documents with generated blocks, whose content is computed from the evidence."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lstm_bench.core.atomic import write_whole
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import CheckError, InputError, command_line
from lstm_bench.record.evidence import Evidence, study_path
from lstm_bench.record.ledger import Ledger, read_ledger
from lstm_bench.report.documents.blocks import (
    NEW_DOCUMENT,
    CompareOptions,
    LeaderboardOptions,
    find_blocks,
    with_options,
)
from lstm_bench.report.documents.ledger_line import check_heads, ledger_line, new_entries
from lstm_bench.report.documents.speed import read_speed, speed_markdown, speed_path
from lstm_bench.report.leaderboard.comparison import compare_rows
from lstm_bench.report.leaderboard.comparison_tables import comparison_markdown
from lstm_bench.report.leaderboard.find_row import RowMissingError
from lstm_bench.report.leaderboard.formats import markdown
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.rows import rows_of
from lstm_bench.report.leaderboard.setting import KINDS
from lstm_bench.report.leaderboard.tables import leaderboard_tables

__all__ = ["check_document", "write_document"]

NameFile = Callable[[str], str]


def write_document(
    path: Path, results: Path, evidence: Mapping[str, Evidence], options: LeaderboardOptions | None = None
) -> bool:
    """Rewrite a document's generated blocks, or create the document; return whether it changed.

    Links to the evidence in ``results`` are relative to its folder. ``options`` are added to the markers of its
    leaderboards.

    Raises
    ------
    InputError
        If a marker is invalid or missing, or the ledger was changed since the document was made.
    """
    before = _read(path) if path.exists() else None
    after = _rebuilt(NEW_DOCUMENT if before is None else before, path, results, evidence, options)
    if after == before:
        return False
    write_whole(path, after)
    return True


def check_document(path: Path, results: Path, evidence: Mapping[str, Evidence]) -> None:
    """Check that a document's generated blocks match the evidence.

    Raises
    ------
    CheckError
        If a block is stale; the message has a unified diff.
    InputError
        If the document cannot be read, a marker is invalid or missing, or the ledger was changed since the document
        was made.
    """
    folder = () if results == Path("results") else ("--results", results)
    again = command_line("leaderboard", "--out", path, *folder)
    if not path.exists():
        raise InputError(f"{path}: there is no such document; `{again}` makes it")
    before = _read(path)
    after = _rebuilt(before, path, results, evidence, None)
    if after != before:
        names = str(path), f"{path}, rebuilt"
        difference = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
        new = new_entries(before, read_ledger(results))
        reason = (
            f" (the ledger has {counted(new, 'more evaluation')} than when the document was made; the lines of before "
            "are unchanged)"
        )
        raise CheckError(
            f"{path} is stale; `{again}` rebuilds it{reason if new else ''}\n" + "\n".join(difference)
        )


def _rebuilt(
    text: str, path: Path, results: Path, evidence: Mapping[str, Evidence], options: LeaderboardOptions | None
) -> str:
    ledger = read_ledger(results)

    def name_file(study: str) -> str:
        return Path(os.path.relpath(study_path(results, study), path.parent)).as_posix()

    try:
        check_heads(text, results, ledger)
        if options is not None:
            text = with_options(text, options)
        parts, at = [], 0
        for block in find_blocks(text):
            if block.kind == "leaderboard":
                content = _leaderboard(block.arguments, evidence, name_file, ledger)
            elif block.kind == "speed":
                content = _speed(block.arguments, results)
            else:
                content = _comparison(block.arguments, evidence)
            parts += [text[at : block.begin], f"\n{content}\n"]
            at = block.end
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return "".join([*parts, text[at:]])


def _leaderboard(
    arguments: Sequence[str], evidence: Mapping[str, Evidence], name_file: NameFile, ledger: Ledger
) -> str:
    options = LeaderboardOptions.parse(arguments)
    # a document may name a study before it has a row
    shown = {name: found for name, found in evidence.items() if name in (options.studies or evidence)}
    groups = group_rows(rows_of(shown), options.kinds or KINDS, ledger)
    tables = markdown(leaderboard_tables(groups, options.style, name_file))
    return "\n".join(part for part in (tables, ledger_line(ledger)) if part)


def _comparison(arguments: Sequence[str], evidence: Mapping[str, Evidence]) -> str:
    options = CompareOptions.parse(arguments)
    try:
        return comparison_markdown(compare_rows(evidence, options.a, options.b, options.terms))
    except RowMissingError as missing:
        return f"There is no row `{missing.name}` to compare yet.\n"
    except InputError as reason:  # rows change over time; the document states why a comparison is empty
        return f"`{options.a}` and `{options.b}` cannot be compared: {reason}.\n"


def _speed(arguments: Sequence[str], results: Path) -> str:
    if arguments:
        raise InputError(f"<!-- lstm-bench: speed ... -->: got {arguments[0]!r}, expected nothing after it")
    return speed_markdown(read_speed(speed_path(results)))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
