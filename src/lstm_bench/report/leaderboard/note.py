"""The words under or above the tables of the leaderboard: what its cells and marks mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lstm_bench.report.leaderboard.row_days import LEAST_SHARE
from lstm_bench.report.leaderboard.tables import Table

__all__ = [
    "BEST_SENTENCE",
    "DAYS_SENTENCE",
    "EMPTY",
    "EVALUATIONS_SENTENCE",
    "SEEDLESS_SENTENCE",
    "SKILL_SENTENCE",
    "note",
]

EMPTY = (
    "There is no row yet: `lstm-bench bench` makes rows, and `lstm-bench leaderboard --out benchmarks.md` puts "
    "them here."
)

BEST_SENTENCE = "cannot be told from the best of the table (model confidence set over days and seeds, 90 %)"
"""What a marked mean says."""

SKILL_SENTENCE = (
    "Skill is the part above the best baseline of the table; the market itself, with an IC and an excess return of 0, "
    "is a baseline of all columns but Max Drawdown."
)

EVALUATIONS_SENTENCE = (
    "Test evaluations are those of the row's runs, of all that the ledger has on the same data and "
    "the same test days."
)


DAYS_SENTENCE = (
    f"A row with fewer than {100 * LEAST_SHARE:.0f} % of the days of its table is not compared: its mean is of its own "
    "days, is never marked, and has no skill."
)
"""What becomes of a row that lacks days."""

SEEDLESS_SENTENCE = (
    "Reversal, momentum and ridge have no seeds, and an ensemble is one combination of its seeds: their interval is "
    "over days alone."
)
"""Which models have an interval without several seeds."""


def note(tables: Sequence[Table], mark: str) -> str:
    """Explain the cells of some tables; ``mark`` describes how a mean is marked, as in ``A bold mean``."""
    return " ".join(_sentences(tables, mark)) if tables else EMPTY


def _sentences(tables: Sequence[Table], mark: str) -> Iterator[str]:
    yield (
        "A cell is mean±std (ddof 1) over the complete seeds; returns, information ratio and drawdown are of the "
        "excess over the benchmark, with cost, as fractions."
    )
    yield (
        "Brackets hold the 95 % interval of the mean over other days and other seeds, for three seeds or more; that of "
        f"Max Drawdown is over seeds alone (Student's t). {SEEDLESS_SENTENCE}"
    )
    if any(table.lacks_days for table in tables):
        yield DAYS_SENTENCE
    if any(table.has_best for table in tables):
        yield f"{mark} {BEST_SENTENCE}."
    if any(table.has_skill for table in tables):
        yield SKILL_SENTENCE
    if not all(table.has_skill for table in tables):
        yield "A table without baselines has no skill: `lstm-bench baselines CONFIG` adds them."
    if any(table.has_evaluations for table in tables):
        yield EVALUATIONS_SENTENCE
    yield (
        "Training time is the mean per seed. `lstm-bench leaderboard --explain STUDY/ROW` prints the seeds behind a "
        "row, what its interval is made of, and how to compute a seed again."
    )
