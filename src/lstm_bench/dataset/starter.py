"""The workflow file that ``lstm-bench init`` writes, fitted to a data folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from lstm_bench.config.sections.exchange import REGIONS, Region
from lstm_bench.core.errors import DataError, InputError, choices_hint
from lstm_bench.data.arrays import Days
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Universe
from lstm_bench.dataset.proportional import split_days

__all__ = ["LEAST_DAYS", "LEAST_STOCKS", "Starter", "fit_starter"]

FeatureSetName = Literal["alpha158", "alpha360"]

LOOK_BACK = 60
"""Days of bars before a sample that the longest column of either feature set needs."""

LABEL_DAYS = 2
"""Days of bars after a sample that its label needs: it is the return from the next close to the one after."""

LEAST_DAYS = 250
"""Fewest days with bars, for three segments."""

LEAST_STOCKS = 5
"""Fewest stocks on a typical day; an IC over fewer stocks is meaningless."""

_TEMPLATE = Path(__file__).with_name("starter.yaml.jinja")

_CODES: Mapping[Region, re.Pattern[str]] = {
    "cn": re.compile(r"(SH|SZ|BJ)\d{6}"),
    "tw": re.compile(r"\d{4,6}(\.TWO?)?"),
}
"""Patterns of a region's codes; any other code counts as an American ticker."""

_KNOWN_INDICES = ("SH000300", "SH000905", "SH000852", "^GSPC", "SPY", "^TWII", "EQUALWEIGHT")
"""Benchmarks in order of preference, if a folder has several."""


class Costs(NamedTuple):
    """Costs as shares of the value traded, and the smallest cost of an order in money."""

    open_cost: float
    close_cost: float
    min_cost: float
    reason: str


COSTS: Mapping[Region, Costs] = {
    "cn": Costs(0.0005, 0.0015, 5, "commission, and stamp duty on sales, as in Qlib's benchmark"),
    "us": Costs(0.0005, 0.0005, 0, "5 basis points a side for commission and spread: put yours here"),
    "tw": Costs(0.001425, 0.004425, 20, "commission, and transaction tax on sales"),
}


class FirstAndLast(NamedTuple):
    """First and last day, both inclusive."""

    first: date
    last: date


@dataclass(frozen=True)
class Starter:
    """The choices made from the data, and the text of the file."""

    market: str
    stocks: int
    region: Region
    region_reason: str
    benchmark: str
    segments: Mapping[str, FirstAndLast]
    topk: int
    n_drop: int
    text: str = ""


def fit_starter(
    provider: Provider,
    uri: str,
    *,
    market: str | None = None,
    region: Region | None = None,
    benchmark: str | None = None,
    features: FeatureSetName = "alpha158",
) -> Starter:
    """Fit a workflow file for LSTM to the days and stocks of a data folder.

    By default, the market is the only one other than ``all``, or ``all`` if there is no other; the region is inferred
    from the codes; the benchmark is an index of the folder. ``uri`` is the folder's name in the file. Raises
    InputError if the folder does not have what an argument names, or a default is ambiguous. Raises DataError if the
    market has fewer than 250 days with bars, or fewer than 5 stocks on a typical day.
    """
    universe = provider.universe(_market(provider, market))
    days, stocks = _usable_days(provider, universe)
    codes = universe.instruments
    topk = min(max(1, round(stocks / 6)), 50)
    starter = Starter(
        market=universe.name,
        stocks=stocks,
        region=region or _region(codes),
        region_reason="as given" if region else f"from codes such as {codes[0]}",
        benchmark=_benchmark(provider, universe, benchmark),
        segments=_segments(days),
        topk=topk,
        n_drop=max(1, round(topk / 10)),
    )
    return replace(starter, text=_render(starter, uri, date.fromisoformat(str(days[0])), features))


def _market(provider: Provider, market: str | None) -> str:
    markets = provider.markets
    if market is not None:
        if market.lower() not in markets:
            raise InputError(f"--market: the data has no market {market!r}; {choices_hint(market, markets)}")
        return market.lower()
    named = [name for name in markets if name != "all"]
    if len(named) > 1:
        raise InputError(f"--market: the data has several markets, expected one of: {', '.join(named)}")
    return named[0] if named else "all"


def _usable_days(provider: Provider, universe: Universe) -> tuple[Days, int]:
    """Days from the first to the last with at least half of the usual number of stocks, and that number."""
    panel = provider.panel(universe.instruments, ["close"], 0, len(provider.calendar))
    members = universe.member(panel.days, panel.instruments)
    counts = (members & ~np.isnan(panel.fields["close"])).sum(axis=1)
    usual = int(np.median(counts[counts > 0])) if counts.any() else 0
    if usual < LEAST_STOCKS:
        raise DataError(
            f"market {universe.name!r}: got {usual} stocks with bars on a typical day, expected at least "
            f"{LEAST_STOCKS}: metrics compare the stocks of a day"
        )
    filled = np.flatnonzero(counts >= usual / 2)
    days = panel.days[filled[0] : filled[-1] + 1]
    if len(days) < LEAST_DAYS:
        raise DataError(
            f"market {universe.name!r}: got {len(days)} days with bars ({days[0]} to {days[-1]}), expected at least "
            f"{LEAST_DAYS} for train, valid and test"
        )
    return days, usual


def _segments(days: Days) -> dict[str, FirstAndLast]:
    """Split the days that have a full look-back and a label in proportion to Qlib's segments."""
    usable = [date.fromisoformat(str(day)) for day in days[LOOK_BACK : len(days) - LABEL_DAYS]]
    spans = split_days(usable)
    assert spans is not None, "LEAST_DAYS leaves enough"
    return {name: FirstAndLast(*span) for name, span in spans.items()}


def _region(codes: tuple[str, ...]) -> Region:
    for region, pattern in _CODES.items():
        if sum(pattern.fullmatch(code) is not None for code in codes) > len(codes) / 2:
            return region
    return "us"


def _benchmark(provider: Provider, universe: Universe, benchmark: str | None) -> str:
    """Choose an index: a code with bars that is not a member of the universe."""
    indices = sorted(set(provider.folders) - set(universe.instruments))
    if benchmark is not None:
        if benchmark.upper() not in provider.folders:
            hint = choices_hint(benchmark, indices or sorted(provider.folders))
            raise InputError(f"--benchmark: the data has no bars of {benchmark!r}; {hint}")
        return benchmark.upper()
    known = [code for code in _KNOWN_INDICES if code in indices]
    if known or len(indices) == 1:
        return (known or indices)[0]
    found = ", ".join(indices[:10]) if indices else f"no code that is not in market {universe.name!r}"
    raise InputError(f"--benchmark: expected the code of an index with bars; the data has {found}")


def _render(starter: Starter, uri: str, start: date, features: FeatureSetName) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    rules, costs = REGIONS[starter.region], COSTS[starter.region]
    text = template.render(starter=starter, uri=uri, start=start, features=features, rules=rules, costs=costs)
    return f"{text}\n"
