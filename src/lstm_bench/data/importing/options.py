"""What an import was asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Basis", "ImportOptions", "ImportSummary"]

Basis = Literal["check", "rescale", "same"]


@dataclass(frozen=True)
class ImportOptions:
    """How files are read and what is made of them.

    Attributes
    ----------
    columns : field -> column of the file
        Over the guesses. Any field that is not known is kept as it is, unadjusted.
    adjust_by : ``auto``, ``factor``, ``adjusted_close``, ``split`` or ``none`` (prices are adjusted already)
        ``auto``: by the first of them that has a column, unless the prices show that they are adjusted already.
    date_format : of dates that are texts, as ``strptime`` takes it; ISO forms and 20200131 are read without
    encoding : of text files
    file_pattern : how files are called, such as ``daily_{symbol}.csv``
    benchmark : ``equal-weight``, ``none``, a symbol among the files' or a file
    market : name of a market to write beside ``all``
    members : file of the market's spans, in the form of ``instruments/<market>.txt``; those of ``all`` without
    drop_bad : leave out rows that cannot be used instead of refusing the files
    zero_volume_is_bar : whether a day with a volume of zero is a bar, and not one without trade
    append : extend the folder by the days after its calendar's end
    basis : what ``append`` does where files adjust to another basis than the folder has. ``check``: refuse.
        ``rescale``: bring new bars to the folder's basis. ``same``: take it to be the folder's where no day that both
        have can tell.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    adjust_by: str = "auto"
    date_format: str | None = None
    encoding: str = "utf-8"
    file_pattern: str | None = None
    benchmark: str = "equal-weight"
    market: str | None = None
    members: Path | None = None
    drop_bad: bool = False
    zero_volume_is_bar: bool = False
    append: bool = False
    basis: str = "check"


@dataclass(frozen=True)
class ImportSummary:
    """What an import wrote.

    Attributes
    ----------
    folder : Path
    files, rows : int
        Files read, and their rows that are bars.
    instruments, new_instruments : int
        Instruments with bars written, and those of them that the folder had not before.
    days : days written; all of the calendar, or those that ``append`` added
    first_day, last_day : ISO days of these
    adjusted_by : what prices were adjusted by; ``none``: they were taken as they are
    said : what was decided of the files' prices and volumes, and by what: sentences
    fields : fields written
    benchmark : code of the benchmark, None without one
    market : name of the market beside ``all``, None without one
    no_trade : rows that say that there was no trade on their day
    dropped : kind of defect -> rows dropped
    rescaled : code -> what its new prices were multiplied by
    ended : codes that the folder has and that got no new bar
    """

    folder: Path
    files: int
    rows: int
    instruments: int
    new_instruments: int
    days: int
    first_day: str
    last_day: str
    adjusted_by: str
    fields: tuple[str, ...]
    benchmark: str | None
    market: str | None
    no_trade: int
    dropped: Mapping[str, int]
    said: tuple[str, ...] = ()
    rescaled: Mapping[str, float] = field(default_factory=dict)
    ended: tuple[str, ...] = ()
