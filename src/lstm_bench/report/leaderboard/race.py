"""A race of two rows of the leaderboard, and how it reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from lstm_bench.bench.race import Race, RaceResult
from lstm_bench.bench.racer import racer_of
from lstm_bench.config.values.seeds import first_seeds, seed_list
from lstm_bench.core.counting import counted
from lstm_bench.record.evidence import Evidence
from lstm_bench.report.leaderboard.comparison import Comparison, Terms, check_comparable
from lstm_bench.report.leaderboard.comparison_tables import estimate_text, plain_estimate
from lstm_bench.report.leaderboard.find_row import find_row
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import rows_of

__all__ = ["race_object", "race_of", "race_text"]


def race_of(
    evidence: Mapping[str, Evidence],
    a: str,
    b: str,
    terms: Terms,
    most: int,
    tuned_on: Callable[[str], Collection[int] | None],
) -> Race:
    """Make the race of two rows by the primary metric.

    Parameters
    ----------
    a, b
        Names of rows, as in :func:`~lstm_bench.report.leaderboard.comparison.compare_rows`.
    most
        Number of seeds, of which each row is trained with as many as the verdict needs. They are 0, 1, 2 ..., whatever
        seeds the rows have, so the verdict does not depend on when a race was interrupted.
    tuned_on
        Takes a study, and returns the seeds that it was tuned on, which are left out; None if they are unknown. It is
        asked about rows of trials.

    Raises
    ------
    InputError
        If the rows cannot be compared, or no further seeds of one can be trained.
    """
    rows = rows_of(evidence)
    pair = find_row(rows, a), find_row(rows, b)
    check_comparable(*pair)
    left, right = (racer_of(row.study, row.label, row.results, terms.primary) for row in pair)
    studies = {row.study for row in pair if row.results[0].trial is not None}
    without = {seed for study in studies for seed in tuned_on(study) or ()}
    seeds = first_seeds(most, without)
    return Race(left, right, terms.primary, seeds, terms.margin_of(terms.primary))


def race_text(race: Race, comparison: Comparison) -> str:
    """Describe a race, and the difference over seeds and days beside it."""
    found = race.standing()
    metric = COLUMNS.get(race.metric, race.metric)
    used = f"{counted(len(found.seeds), 'seed')} of each row"
    if found.seeds:
        used += f" ({seed_list(found.seeds).removesuffix(',')})"
    margin = "no margin" if race.margin is None else f"margin {race.margin:g}"
    text = f"Race by {metric}: {used}, at most {len(race.seeds)}; {margin}."
    if found.seeds:
        text += (
            f" A − B over these seeds is {estimate_text(found.estimate)}. The interval is of the 95 % confidence "
            "sequence, which may be looked at after each seed."
        )
    if found.skipped:
        text += f" Seeds without a figure are left out: {seed_list(found.skipped).removesuffix(',')}."
    if found.is_over and not found.is_decided:
        text += " The budget has ended."
    beside = comparison.primary
    return (
        f"{text}\n\nThe race decides about these test days. More seeds do not reduce the noise of days: over seeds and "
        f"days A − B is {estimate_text(beside.difference.estimate)}, {beside.verdict.text}."
    )


def race_object(race: Race, result: RaceResult) -> dict[str, Any]:
    """Return a race as plain data."""
    found = race.standing()
    return {
        "metric": race.metric,
        "margin": race.margin,
        "max_seeds": len(race.seeds),
        "seeds": list(found.seeds),
        "skipped": list(found.skipped),
        "difference": plain_estimate(found.estimate),
        "decided": found.is_decided,
        "verdict": found.verdict.text,
        "more_seeds": found.verdict.more_seeds,
        "computed": result.computed,
        "interrupted": result.interrupted,
        "failures": [
            {"row": row, "seed": seed, "error": error} for (row, seed), error in result.failures.items()
        ],
    }
