"""The options of an import, and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Basis", "ImportOptions", "ImportSummary"]

Basis = Literal["check", "rescale", "same"]


@dataclass(frozen=True)
class ImportOptions:
    """Options of reading files and of the folder to write.

    Attributes
    ----------
    columns : field -> column of the file
        Takes precedence over recognised headers. A field of any other name is kept unchanged.
    adjust_by : ``auto``, ``factor``, ``adjusted_close``, ``split`` or ``none`` (prices are adjusted already)
        ``auto``: by the first of these with a column, unless the prices show that they are adjusted already.
    date_format : ``strptime`` format of dates; None for ISO forms and 20200131
    encoding : of text files
    file_pattern : pattern of file names, such as ``daily_{symbol}.csv``
    benchmark : ``equal-weight``, ``none``, a symbol of the files, or a file
    market : name of a market to write in addition to ``all``
    members : file of the market's spans, in the form of ``instruments/<market>.txt``; None for the spans of ``all``
    drop_bad : drop rows with defects instead of refusing the files
    zero_volume_is_bar : whether a day with a volume of zero is a bar instead of a day without trade
    append : extend the folder by the days after its calendar's end
    basis : what ``append`` does if files adjust to another basis than the folder's. ``check``: refuse.
        ``rescale``: convert new bars to the folder's basis. ``same``: assume the folder's basis if the files have no
        day in common with the folder.
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
    """Summary of the files that an import wrote.

    Attributes
    ----------
    folder : Path
    files, rows : int
        Files read, and bars in them.
    instruments, new_instruments : int
        Instruments with bars written, and those of them that are new to the folder.
    days : number of days written: all of the calendar, or those that ``append`` added
    first_day, last_day : ISO days of these
    adjusted_by : the column that prices were adjusted by; ``none``: they were not changed
    said : sentences about the decisions on prices and volumes, and their reasons
    fields : fields written
    benchmark : code of the benchmark, None without one
    market : name of the market other than ``all``, None without one
    no_trade : rows without trade on their day
    dropped : kind of defect -> rows dropped
    rescaled : code -> factor by which its new prices were multiplied
    ended : codes of the folder without a new bar
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
