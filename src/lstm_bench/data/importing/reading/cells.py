"""Parses cells into days, symbols and numbers. Cells that cannot be read are marked as bad, never guessed."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.data.arrays import Bools, Days, Floats

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "parse_days",
    "parse_numbers",
    "parse_splits",
    "parse_symbols",
    "parse_texts",
    "show_cell",
    "stripped_texts",
]

_MISSING = ("", "-", "--", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "none")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[$€£¥]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_DAY = re.compile(
    r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})"
    r"([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?",
    re.ASCII,
)
_SYMBOL = re.compile(r"[^\s./\\:*?\"<>|][^\s/\\:*?\"<>|]{0,63}")
_RATIO = re.compile(r"(\d+\.?\d*)\s*[:/]\s*(\d+\.?\d*)", re.ASCII)


def show_cell(column: pa.ChunkedArray, row: int) -> str:
    """Show a cell."""
    return repr(column[row].as_py())


def parse_days(column: pa.ChunkedArray, date_format: str | None) -> tuple[Days, Bools]:
    """Parse days.

    Parameters
    ----------
    column
        Dates, timestamps (the day as written, in whatever time zone), texts such as ``2020-01-31``,
        ``2020/1/31``, ``20200131`` or ``2020-01-31 00:00:00-05:00``, or numbers such as 20200131.
    date_format : the ``strptime`` format of texts; None for the forms above

    Returns
    -------
    days : ``[R]`` datetime64[D], NaT if bad
    bad : ``[R]`` bool
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        days = column.cast(pa.timestamp("s"), safe=False).to_numpy().astype("datetime64[D]")
        return days, np.isnat(days)

    def read(text: str) -> np.datetime64:
        day = _day(text) if date_format is None else _strptime(text, date_format)
        return np.datetime64("NaT" if day is None else day, "D")

    days = parse_texts(stripped_texts(column), read, np.dtype("datetime64[D]"))
    return days, np.isnat(days)


def _day(text: str) -> datetime.date | None:
    match = _DAY.fullmatch(text)
    if match is None or (not match[2] and len(match[3]) + len(match[4]) != 4):
        return None
    try:
        return datetime.date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def _strptime(text: str, date_format: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text, date_format).date()
    except ValueError:
        return None


def parse_symbols(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.object_], Bools]:
    """Parse symbols.

    Returns
    -------
    symbols : ``[R]`` str, upper case, stripped, without the ``'`` that marks texts in Excel
    bad : ``[R]`` bool
        Symbols that are empty, or cannot name a folder.
    """
    written = stripped_texts(column)
    symbols = parse_texts(written, lambda text: text.removeprefix("'").upper(), np.dtype(object))
    good = parse_texts(
        written, lambda text: _SYMBOL.fullmatch(text.removeprefix("'")) is not None, np.dtype(bool)
    )
    return symbols, ~good


def parse_numbers(column: pa.ChunkedArray) -> tuple[Floats, Bools]:
    """Parse numbers.

    Returns
    -------
    numbers : ``[R]`` float64, NaN if missing or bad
        An empty cell, ``NA``, ``NaN``, ``null``, ``None`` and ``-`` are missing. A leading currency sign and commas
        between thousands are ignored.
    bad : ``[R]`` bool
        Cells that are neither a finite number nor missing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        numbers = _floats(column)
        return np.where(np.isinf(numbers), np.nan, numbers), np.isinf(numbers)
    text = pc.utf8_trim_whitespace(column)
    known = pc.if_else(
        pc.is_in(text, value_set=pa.array(_MISSING, column.type)), pa.scalar(None, column.type), text
    )
    try:
        numbers = _floats(known)
    except pa.ArrowInvalid:
        numbers = parse_texts(known, _number, np.dtype(np.float64))
    bad = ~np.isfinite(numbers) & known.is_valid().to_numpy()
    return np.where(bad, np.nan, numbers), bad


def parse_splits(column: pa.ChunkedArray) -> tuple[Floats, Bools]:
    """Parse split ratios, new shares per old one: ``2``, ``2:1`` or ``2/1``; 1 for 0 or a missing one."""
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        ratios = parse_texts(stripped_texts(column), _ratio, np.dtype(np.float64))
        bad = np.isnan(ratios)
    else:
        ratios, bad = parse_numbers(column)
    return np.where(np.isnan(ratios) | (ratios == 0), 1.0, ratios), bad


def _ratio(text: str) -> float:
    match = _RATIO.fullmatch(text)
    if match is not None:
        return float(match[1]) / float(match[2]) if float(match[2]) else np.nan
    return 1.0 if text in _MISSING else _number(text)


def _number(text: str) -> float:
    """Parse a number; NaN if the text is not a number."""
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    text = text.translate({ord(sign): None for sign in "$€£¥"}) if text[:1] in "$€£¥+-" else text
    return float(text) if _NUMBER.fullmatch(text) else np.nan


def _floats(column: pa.ChunkedArray) -> Floats:
    import pyarrow as pa

    numbers: Floats = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return numbers


def stripped_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert cells to stripped texts; empty if missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.string()), ""))


def parse_texts(
    column: pa.ChunkedArray, read: Callable[[str], Any], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Parse each distinct text once; null becomes None (NaN in numbers)."""
    coded = column.combine_chunks().dictionary_encode()
    values = np.asarray([read(text) for text in coded.dictionary.to_pylist()] + [None], dtype=dtype)
    found: npt.NDArray[Any] = values[coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]
    return found
