"""Makes the membership spans of imported markets: ``all``, and one that the user names."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lstm_bench.data.arrays import Days
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.qlib_folder import MembershipSpan
from lstm_bench.data.universe import Universe, read_universe

__all__ = ["all_spans", "extend_spans", "named_market"]


def named_market(options: ImportOptions, spans: list[MembershipSpan]) -> dict[str, list[MembershipSpan]]:
    """Make the market that ``--market`` names: the spans of ``--members``, or those of ``all``.

    Raises DataError if the file of members cannot be read.
    """
    if options.market is None:
        return {}
    if options.members is None:
        return {options.market: spans}
    universe = read_universe(options.members)
    return {options.market: [(code, *span) for code in universe.instruments for span in universe.spans[code]]}


def extend_spans(
    universe: Universe, until: np.datetime64, last_bars: dict[str, np.datetime64]
) -> list[MembershipSpan]:
    """Extend the spans that reach the folder's last day, ``until``, to the last new bar."""
    return [
        (code, first, last_bars[code] if last >= until and code in last_bars else last)
        for code in universe.instruments
        for first, last in universe.spans[code]
    ]


def all_spans(universe: Universe, bars: Iterable[tuple[str, Days]]) -> list[MembershipSpan]:
    """Extend ``all`` by new bars: a code's last span ends with them, a new code gets a span."""
    spans = {code: list(universe.spans[code]) for code in universe.instruments}
    for code, days in bars:
        if code in spans:
            first, last = spans[code].pop(spans[code].index(max(spans[code], key=lambda span: span[1])))
            spans[code].append((first, max(last, days[-1])))
        else:
            spans[code] = [(days[0], days[-1])]
    return [(code, first, last) for code in sorted(spans) for first, last in spans[code]]
