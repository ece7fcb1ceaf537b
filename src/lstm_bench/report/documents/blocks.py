"""Generated blocks of a document, and the options in their markers.

A block begins with ``<!-- lstm-bench: leaderboard [--compat] [--kind KIND]... [--study NAME]... -->``,
``<!-- lstm-bench: compare A B [--metric M]... [--margin X] -->`` or ``<!-- lstm-bench: speed -->`` on a separate line,
and ends with
``<!-- lstm-bench: end -->``. The content depends only on the opening marker and the evidence.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.report.leaderboard.comparison import Terms
from lstm_bench.report.leaderboard.setting import Kind, parse_kind
from lstm_bench.report.leaderboard.tables import Style

__all__ = ["NEW_DOCUMENT", "Block", "CompareOptions", "LeaderboardOptions", "find_blocks", "with_options"]

NEW_DOCUMENT = "# Benchmarks\n\n<!-- lstm-bench: leaderboard -->\n<!-- lstm-bench: end -->\n"

_MARKER = re.compile(r"^<!-- lstm-bench: (?P<words>.*?) *-->$", re.MULTILINE)
_END = "end"
_BLOCKS = ("compare", "leaderboard", "speed")


@dataclass(frozen=True)
class Block:
    """A block: its kind, its marker's arguments, and the span of its content in the text."""

    kind: str
    arguments: tuple[str, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class LeaderboardOptions:
    """Options in the marker of a leaderboard: its style, and the kinds of tables and studies to show, all if empty."""

    style: Style = field(default_factory=Style)
    kinds: tuple[Kind, ...] = ()
    studies: tuple[str, ...] = ()

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> LeaderboardOptions:
        """Parse a marker's arguments.

        Raises
        ------
        InputError
            If an argument is unknown.
        """
        compat, kinds, studies, rest = False, list[Kind](), list[str](), list(arguments)
        while rest:
            word = rest.pop(0)
            if word == "--study" and rest:
                studies.append(rest.pop(0))
            elif word == "--kind" and rest:
                kinds.append(parse_kind(rest.pop(0)))
            elif word == "--compat":
                compat = True
            else:
                hint = choices_hint(word, ("--compat", "--kind KIND", "--study NAME"))
                raise InputError(f"<!-- lstm-bench: leaderboard ... -->: got {word!r}; {hint}")
        return cls(Style(compat), tuple(dict.fromkeys(kinds)), tuple(dict.fromkeys(studies)))

    def marker(self) -> str:
        """Format the marker."""
        flags = ["--compat"] * self.style.compat
        kinds = [word for kind in self.kinds for word in ("--kind", kind)]
        studies = [word for study in self.studies for word in ("--study", study)]
        return f"<!-- lstm-bench: {shlex.join(['leaderboard', *flags, *kinds, *studies])} -->"

    def __or__(self, other: LeaderboardOptions) -> LeaderboardOptions:
        return LeaderboardOptions(
            Style(self.style.compat or other.style.compat),
            tuple(dict.fromkeys([*self.kinds, *other.kinds])),
            tuple(dict.fromkeys([*self.studies, *other.studies])),
        )


@dataclass(frozen=True)
class CompareOptions:
    """The rows in the marker of a comparison, and the terms of the comparison."""

    a: str
    b: str
    terms: Terms = field(default_factory=Terms)

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> CompareOptions:
        """Parse a marker's arguments.

        Raises
        ------
        InputError
            If they are not two rows, or an option is unknown or wrong.
        """
        rows, metrics, margin, rest = [], [], None, list(arguments)
        while rest:
            word = rest.pop(0)
            if word == "--metric" and rest:
                metrics.append(rest.pop(0))
            elif word == "--margin" and rest:
                margin = _number(rest.pop(0))
            elif word.startswith("--"):
                hint = choices_hint(word, ("--metric M", "--margin X"))
                raise InputError(f"<!-- lstm-bench: compare ... -->: got {word!r}; {hint}")
            else:
                rows.append(word)
        if len(rows) != 2:
            raise InputError(
                f"<!-- lstm-bench: compare ... -->: got {counted(len(rows), 'row')}, expected two, each STUDY/ROW"
            )
        return cls(rows[0], rows[1], Terms.of(metrics, margin))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(
            f"<!-- lstm-bench: compare ... -->: --margin: got {text!r}, expected a number"
        ) from error


def find_blocks(text: str) -> list[Block]:
    """Find a document's blocks.

    Raises
    ------
    InputError
        If a marker is unknown or misplaced, or the document has no block.
    """
    found: list[Block] = []
    opened: re.Match[str] | None = None
    for match in _MARKER.finditer(text):
        words = _words(match)
        place = f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        if words == [_END]:
            if opened is None:
                raise InputError(f"{place} ends no block")
            kind, *arguments = _words(opened)
            found.append(Block(kind, tuple(arguments), opened.end() + 1, match.start()))
            opened = None
        elif opened is not None:
            raise InputError(f"{place} is inside a block; put <!-- lstm-bench: end --> on a line above it")
        elif not words or words[0] not in _BLOCKS:
            name = words[0] if words else ""
            raise InputError(f"{place}: got {name!r}; {choices_hint(name, [*_BLOCKS, _END])}")
        else:
            opened = match
    if opened is not None:
        raise InputError(f"{opened[0]} has no end; put <!-- lstm-bench: end --> on a line below it")
    if not found:
        raise InputError(
            "no generated block; put these two lines where the leaderboard belongs:\n"
            "<!-- lstm-bench: leaderboard -->\n<!-- lstm-bench: end -->"
        )
    return found


def with_options(text: str, options: LeaderboardOptions) -> str:
    """Add options to the markers of a document's leaderboards."""

    def extended(match: re.Match[str]) -> str:
        kind, *arguments = _words(match) or [""]
        if kind != "leaderboard":
            return match[0]
        return (LeaderboardOptions.parse(arguments) | options).marker()

    return text if options == LeaderboardOptions() else _MARKER.sub(extended, text)


def _words(match: re.Match[str]) -> list[str]:
    try:
        return shlex.split(match["words"])
    except ValueError as error:
        raise InputError(f"{match[0]}: {error}") from error
