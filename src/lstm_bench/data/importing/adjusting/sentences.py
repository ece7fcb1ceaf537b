"""Sentences on the decision about prices, and its evidence."""

from __future__ import annotations

from lstm_bench.data.importing.adjusting.adjustment import AdjustBy, State
from lstm_bench.data.importing.adjusting.votes import Votes

__all__ = ["STEPS", "column_name", "count_steps", "count_winners", "describe_prices", "option"]

STEPS = {
    "factor": ("step of the factor", "steps of the factor"),
    "adjusted_close": (
        "step of the adjusted close over the close",
        "steps of the adjusted close over the close",
    ),
    "split": ("split", "splits"),
    "dividend": ("dividend", "dividends"),
}
"""Column -> name of its steps, singular and plural."""


def describe_prices(
    votes: Votes, by: AdjustBy, winner: State | None, prices: State, needs_factor: bool, by_cents: bool
) -> str:
    """Describe whether prices are raw or adjusted, and the evidence for it.

    ``winner`` is what the evidence shows, None if nothing, and ``prices`` what was decided. ``needs_factor`` says
    that the factor differs from 1 somewhere, ``by_cents`` that whole cents decided.
    """
    as_raw = f"taken as raw and adjusted by the {column_name(by)}; --adjust-by none takes them as they are"
    as_adjusted = f"taken as they are; --adjust-by {option(by)} would adjust them"
    if by_cents and needs_factor:
        return f"prices: adjusted already (whole cents when divided by the factor); {as_adjusted}"
    if votes.steps == 0:
        none = f"prices: no {STEPS[by][0]} in the files"
        if not needs_factor:
            return f"{none}, so they need no adjustment; taken as they are"
        return f"{none} shows whether they are raw; {as_raw}"
    if winner is None:
        small = f"prices: {count_steps(votes, by)}, too small beside a day's returns to show whether they are raw; "
        if prices == "adjusted":
            would = f"--adjust-by {option(by)} would adjust them"
            return f"{small}taken as adjusted already, as prices beside these columns usually are; {would}"
        return f"{small}{as_raw}"
    if winner == "raw":
        return f"prices: raw by {count_winners(votes, by)}; adjusted by the {column_name(by)}"
    return f"prices: adjusted already by {count_winners(votes, by)}; {as_adjusted}"


def count_winners(votes: Votes, by: AdjustBy) -> str:
    """Describe how many steps agree, such as ``9 of 10 splits (1 too small to tell)``."""
    if not votes.cast:
        one, several = STEPS[by]
        return f"{votes.steps} small {one if votes.steps == 1 else several} together"
    rest = [f"{votes.small} too small to tell"] if votes.small else []
    rest += [f"{votes.cast - votes.most} against it"] if votes.cast > votes.most else []
    more = f" ({', '.join(rest)})" if rest else ""
    return f"{votes.most} of {count_steps(votes, by)}{more}"


def count_steps(votes: Votes, column: str) -> str:
    """Count the steps, such as ``1 split``."""
    return f"{votes.steps} {STEPS[column][votes.steps != 1]}"


def column_name(by: str) -> str:
    """Name a column of adjustment in a sentence."""
    return by.replace("_", " ")


def option(by: str) -> str:
    """Name a column of adjustment as a value of ``--adjust-by``."""
    return by.replace("_", "-")
