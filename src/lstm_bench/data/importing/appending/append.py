"""Extends a Qlib data folder by the new days of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock

from lstm_bench.core.atomic import recover
from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.folder_adjustment import adjustment_note, read_folder_adjustment
from lstm_bench.data.importing.appending.extension import Extension
from lstm_bench.data.importing.options import ImportOptions, ImportSummary
from lstm_bench.data.importing.source_bars import read_source
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import History, replace_in_qlib_folder

__all__ = ["append_bars"]


def append_bars(source: Path, out: Path, options: ImportOptions) -> ImportSummary:
    """Extend a folder by the days after its calendar's end, whole or not at all.

    Rows of the folder's days are not written: they show on which basis the files adjust. Instruments that are new to
    the folder are added with all their bars. If there is no new day, nothing is written.

    Raises DataError if there is no such folder, a field of the folder is missing, or the basis does not fit.
    """
    out = out.expanduser().resolve()  # replace the target of a link, not the link
    try:
        with FileLock(out.parent / f".{out.name}.lock"):
            recover(out)
            return _append(source, out, options)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error


def _append(source: Path, out: Path, options: ImportOptions) -> ImportSummary:
    provider = Provider(out)
    bars = read_source(source, options, read_folder_adjustment(out))
    adjustment = bars.decision.adjustment
    extension = Extension(provider, bars, options)
    fields: set[str] = set()

    def histories() -> Iterator[History]:
        for history in extension.histories():
            fields.update(history.fields)
            yield history

    if len(extension.added):
        note = adjustment_note(adjustment, bars.decision.is_conclusive)
        replace_in_qlib_folder(out, extension.days, extension.markets(), histories(), note)
    end = provider.calendar[-1:]
    return ImportSummary(
        folder=out,
        files=bars.files,
        rows=bars.bars,
        instruments=len(extension.tails) + len(extension.new),
        new_instruments=len(extension.new),
        days=len(extension.added),
        first_day=str(np.concatenate([extension.added, end])[0]),
        last_day=str(np.concatenate([end, extension.added])[-1]),
        adjusted_by=adjustment.applied,
        said=(*(bars.messages if len(extension.added) else ()), *extension.messages),
        fields=tuple(sorted(fields)),
        benchmark=extension.benchmark,
        market=options.market,
        no_trade=bars.no_trade,
        dropped=bars.dropped,
        rescaled=extension.rescaled,
        ended=extension.ended,
    )
