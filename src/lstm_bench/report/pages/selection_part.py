"""The part of a study's page that shows how much of its best trial is selection."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_bench.report.pages.page import Cell, Note, Part, pair_table
from lstm_bench.tune.selection import Selection

__all__ = ["selection_parts"]


def selection_parts(selection: Selection | None) -> Iterator[Part]:
    """Yield the statistics of a selection, what they mean, and why some are absent."""
    if selection is None:
        yield Note("No trial is complete.", is_absence=True)
        return
    values = [(name, Cell(value, is_text=True)) for name, value in selection.lines()]
    yield pair_table("selection-table", "What is left after the choice among trials", values)
    if selection.sharpe is not None or selection.overfitting is not None:
        yield Note(
            "The Sharpe ratio is of the daily return of the best fifth of scores above all stocks, on valid. The "
            "deflated one is the probability that it exceeds what luck gives the best of so many trials; p above "
            "0.05 is not significant. The probability of overfitting is how often the best trial of one half of "
            "the days is below the median on the other half; without skill it is 0.5 on average. The interval of the "
            "IC is not corrected for the choice."
        )
    for note in selection.notes:
        yield Note(f"{note[0].upper()}{note[1:]}.", is_absence=True)
