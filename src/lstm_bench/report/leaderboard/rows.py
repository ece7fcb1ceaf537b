"""Rows of the leaderboard: seeds aggregated, and grouped into tables of comparable rows."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import get_args

import numpy as np

from lstm_bench.config.sections.universe import market_text
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.record.evidence import Evidence
from lstm_bench.record.evidence_schema import SeedResult, Status
from lstm_bench.report.leaderboard.published import PUBLISHED, PublishedRow
from lstm_bench.report.leaderboard.setting import (
    OF_QLIBS_MARKET,
    Kind,
    Span,
    is_of_qlibs_market,
    kind_of,
    parse_config,
    segments,
)
from lstm_bench.statistics.estimate import Estimate
from lstm_bench.statistics.seed_interval import mean_interval

__all__ = ["FEATURE_SETS", "Cell", "Group", "Row", "Setting", "group_rows", "published_rows", "rows_of"]

FEATURE_SETS = ("Alpha158", "Alpha360")
"""Qlib's feature sets, which are listed first."""

_ALPHA158_COLUMNS = 158


@dataclass(frozen=True)
class Cell:
    """A metric over the complete seeds.

    Attributes
    ----------
    mean, std : std with ddof 1; NaN if there are too few values
    n : number of values; fewer than complete seeds if some runs lack the metric
    """

    mean: float
    std: float
    n: int
    values: tuple[float, ...]

    @cached_property
    def interval(self) -> Estimate:
        """The mean with Student's t interval over seeds."""
        return mean_interval(self.values)


@dataclass(frozen=True)
class Setting:
    """Settings that the rows of one table have in common.

    Attributes
    ----------
    features : the handler's class
    market, region : the universe, and the region of the trading rules
    data_fingerprint : empty if no seed is complete
    test : first and last day of the test segment, clipped to the data
    kind : Qlib's benchmark, a reduced one, other data, or a synthetic market
    label : expression of the label, without spaces
    numerics : version of the code's numerics; 0 if no seed is complete
    """

    features: str
    kind: Kind
    market: str
    region: str
    data_fingerprint: str
    test: Span
    label: str
    numerics: int

    @property
    def comparable(self) -> dict[str, object]:
        """What rows must share to be compared."""
        return {
            "data": self.data_fingerprint[:12],
            "market": self.market,
            "label": self.label,
            "numerics": self.numerics,
            "test segment": "..".join(map(str, self.test)),
        }

    @property
    def is_reduced(self) -> bool:
        """Whether the runs are a reduced version of Qlib's benchmark."""
        return self.kind == "reduced"


@dataclass(frozen=True)
class Group:
    """The rows of one table, the highest mean IC first."""

    setting: Setting
    rows: tuple[Row, ...]


@dataclass(frozen=True, eq=False)
class Row:
    """One configuration over its seeds.

    Attributes
    ----------
    study, label : together its name
    results : by seed
    data : fingerprint of its data, the first seed's if None; see :func:`rows_of`
    """

    study: str
    label: str
    results: tuple[SeedResult, ...]
    data: str | None = None

    @property
    def name(self) -> str:
        """The row's name, ``STUDY/ROW``."""
        return f"{self.study}/{self.label}"

    @cached_property
    def complete(self) -> tuple[SeedResult, ...]:
        """Results of the complete seeds."""
        return tuple(result for result in self.results if result.status == "complete")

    def count(self, status: Status) -> int:
        """Return the number of seeds with a status."""
        return sum(result.status == status for result in self.results)

    @property
    def diverged(self) -> int:
        """Seeds that diverged before any epoch was usable; the row's means do not include them."""
        failed = [result for result in self.results if result.status == "failed"]
        return sum(result.training_status == "diverged" for result in failed)

    @property
    def shortfall(self) -> str:
        """Describe the seeds that failed, are missing or diverged after their best epoch; empty if there are none."""
        late = sum(result.training_status == "diverged" for result in self.complete)
        counts = {
            "diverged": self.diverged,
            "failed": self.count("failed") - self.diverged,
            "missing": self.count("missing"),
            f"diverged after {'its' if late == 1 else 'their'} best epoch": late,
        }
        return ", ".join(f"{n} {what}" for what, n in counts.items() if n)

    def values(self, metric: str) -> dict[int, float]:
        """Return a metric by seed, of the complete seeds that have it."""
        return {result.seed: result.metrics[metric] for result in self.complete if metric in result.metrics}

    def cell(self, metric: str) -> Cell:
        """Aggregate a metric over the complete seeds."""
        values = np.array(list(self.values(metric).values()), dtype=np.float64)
        mean = float(values.mean()) if len(values) else np.nan
        std = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        return Cell(mean, std, len(values), tuple(values.tolist()))

    @cached_property
    def config(self) -> RunConfig:
        """The configuration of one of its seeds, without the data folder."""
        return parse_config(json.loads((self.complete or self.results)[0].config))

    @cached_property
    def reductions(self) -> tuple[str, ...]:
        """How the row's seeds fall short of Qlib's benchmark, without repeats; empty for other data."""
        if not is_of_qlibs_market(self.config) or self.is_synthetic:
            return ()
        reasons = (result.reduced.split("; ") for result in self.complete or self.results if result.reduced)
        return tuple(dict.fromkeys(itertools.chain.from_iterable(reasons)))

    @property
    def is_synthetic(self) -> bool:
        """Whether its data is a synthetic market."""
        return any(result.synthetic for result in self.complete or self.results)

    @cached_property
    def setting(self) -> Setting:
        """The setting, which determines the row's table."""
        first = (self.complete or self.results)[0]
        calendar = None
        if first.calendar_first and first.calendar_last:
            calendar = first.calendar_first, first.calendar_last
        handler = self.config.task.dataset.kwargs.handler
        return Setting(
            features=first.features,
            kind=kind_of(self.config, self.is_synthetic, bool(self.reductions)),
            market=market_text(handler.kwargs.instruments),
            region=self.config.qlib_init.region,
            data_fingerprint=self.data or first.data_fingerprint or "",
            test=segments(self.config, calendar)["test"],
            label="".join(handler.label.expressions[0].split()),
            numerics=first.numerics or 0,
        )

    @property
    def dataset(self) -> str:
        """The feature set, with its number of columns if they are a selection."""
        columns = self.config.task.model.kwargs.d_feat
        selected = self.config.task.dataset.is_time_series and columns != _ALPHA158_COLUMNS
        features = self.results[0].features
        return f"{features} ({counted(columns, 'column')})" if selected else features

    def known(self, field: str) -> list[float]:
        """Return the known values of a numeric field over the complete seeds."""
        values = (getattr(result, field) for result in self.complete)
        return [value for value in values if value is not None]


def rows_of(evidence: Mapping[str, Evidence], studies: Iterable[str] = ()) -> list[Row]:
    """Return the rows of all studies, or of the named ones, sorted by name.

    Rows that used the same days and stocks are comparable even if their data folders differ: each is assigned the
    data of the folder with the earliest end. Rows of two folders that used different days and stocks are not
    comparable, since the folders may differ.

    Raises
    ------
    InputError
        If a named study has no evidence.
    """
    for name in (named := list(studies)):
        if name not in evidence:
            raise InputError(f"study: there is no evidence of {name!r}; {choices_hint(name, evidence)}")
    first: dict[str, tuple[date, str]] = {}  # digest of the used data -> the folder with the earliest end
    for result in (result for found in evidence.values() for result in found.results):
        if result.data_used is not None and result.data_fingerprint is not None:
            folder = result.calendar_last or date.max, result.data_fingerprint
            first[result.data_used] = min(folder, first.get(result.data_used, folder))

    def row_of(study: str, label: str, results: tuple[SeedResult, ...]) -> Row:
        known = [first[one.data_used][1] for one in results if one.data_used in first]
        return Row(study, label, results, known[0] if known else None)

    return [
        row_of(study, label, tuple(results))
        for study in sorted(named or evidence)
        for label, results in itertools.groupby(evidence[study].results, key=lambda result: result.row)
    ]


def group_rows(rows: Iterable[Row]) -> list[Group]:
    """Group rows into tables, one per setting, in the order of feature sets and kinds."""
    tables: dict[Setting, list[Row]] = {}
    for row in rows:
        tables.setdefault(row.setting, []).append(row)
    return [Group(one, tuple(sorted(tables[one], key=_rank))) for one in sorted(tables, key=_order)]


def published_rows(groups: Iterable[Group], features: str) -> list[PublishedRow]:
    """Return the rows that Qlib published for a feature set, if they are comparable with its tables.

    Qlib's rows are on the CSI 300 and are left out if all rows of the feature set are on other data.
    """
    kinds = [group.setting.kind for group in groups if group.setting.features == features]
    if kinds and not any(kind in OF_QLIBS_MARKET for kind in kinds):
        return []
    return [row for row in PUBLISHED if row.features == features]


def _rank(row: Row) -> tuple[float, str]:
    mean = row.cell("IC").mean
    return (np.inf if np.isnan(mean) else -mean, row.name)


def _order(setting: Setting) -> tuple[int, str, int, str, str, str, Span, str, int]:
    known = setting.features in FEATURE_SETS
    place = FEATURE_SETS.index(setting.features) if known else len(FEATURE_SETS)
    return (
        place,
        setting.features,
        get_args(Kind).index(setting.kind),
        setting.market,
        setting.region,
        setting.data_fingerprint,
        setting.test,
        setting.label,
        setting.numerics,
    )
