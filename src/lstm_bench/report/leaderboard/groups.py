"""Tables of comparable rows: grouped by setting, with their reference lines."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lstm_bench.record.ledger import Ledger
from lstm_bench.report.leaderboard.evaluations import Evaluations, evaluations_of
from lstm_bench.report.leaderboard.published import COLUMNS, PUBLISHED, Reference
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.report.leaderboard.setting import KINDS, QLIB_LABEL, Setting, Span
from lstm_bench.report.leaderboard.standing import Standing

__all__ = ["FEATURE_SETS", "MARKET", "Group", "group_rows"]

FEATURE_SETS = ("Alpha158", "Alpha360")
"""Qlib's feature sets, which are listed first."""

MARKET = Reference("Market", "no forecast, the benchmark is held", dict.fromkeys(COLUMNS, (0.0, np.nan)))
"""The market's zero: no forecast has no IC, and the benchmark has no return in excess of itself."""


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one table, the highest mean IC first. ``ledger`` has the evaluations on test."""

    setting: Setting
    rows: tuple[Row, ...]
    ledger: Ledger = field(default_factory=Ledger)

    @cached_property
    def standing(self) -> Standing:
        """How the rows stand to each other."""
        return Standing(self.rows)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Lines below the rows: the market's zero beside baselines, and what Qlib published for its full benchmark."""
        market = (MARKET,) if self.standing.baselines else ()
        if self.setting.kind != "full" or self.setting.label != QLIB_LABEL:
            return market
        return (*market, *(row for row in PUBLISHED if row.features == self.setting.features))

    @cached_property
    def evaluations(self) -> dict[str, Evaluations]:
        """Name of a row -> how often its test data were evaluated; empty if the ledger knows no evaluation of them."""
        found = {row.name: evaluations_of(self.ledger, row) for row in self.rows}
        return found if any(one.total for one in found.values()) else {}


def group_rows(
    rows: Iterable[Row], kinds: Container[str] = KINDS, ledger: Ledger | None = None
) -> list[Group]:
    """Group rows into tables of some kinds, one per setting, in the order of feature sets and kinds."""
    tables: dict[Setting, list[Row]] = {}
    for row in rows:
        if row.setting.kind in kinds:
            tables.setdefault(row.setting, []).append(row)
    return [
        Group(one, tuple(sorted(tables[one], key=_rank)), ledger or Ledger())
        for one in sorted(tables, key=_order)
    ]


def _rank(row: Row) -> tuple[float, str]:
    mean = row.cell("IC").mean
    return (np.inf if np.isnan(mean) else -mean, row.name)


def _order(setting: Setting) -> tuple[int, str, int, str, str, str, Span, str, int]:
    known = setting.features in FEATURE_SETS
    place = FEATURE_SETS.index(setting.features) if known else len(FEATURE_SETS)
    return (
        place,
        setting.features,
        KINDS.index(setting.kind),
        setting.market,
        setting.region,
        setting.data_fingerprint,
        setting.test,
        setting.label,
        setting.numerics,
    )
