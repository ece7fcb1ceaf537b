"""Rows of a leaderboard: seeds summed up, and sorted into tables of what can be compared."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from typing import get_args

import numpy as np

from lstm_bench.config.sections.universe import market_text
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.record.evidence import Evidence, SeedResult, Status
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
from lstm_bench.report.leaderboard.statistics import Estimate, bootstrap_mean

__all__ = [
    "FEATURE_SETS",
    "Cell",
    "Group",
    "Row",
    "RowMissingError",
    "Setting",
    "find_row",
    "group_rows",
    "published_rows",
    "rows_of",
]

FEATURE_SETS = ("Alpha158", "Alpha360")
"""Qlib's, which come first."""

_ALPHA158_COLUMNS = 158


class RowMissingError(InputError):
    """No row has the name that was given."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Cell:
    """A metric over the complete seeds.

    Attributes
    ----------
    mean, std : std with ddof 1; NaN where there are too few values
    n : values, which are fewer than complete seeds where a run has no such figure
    interval : bootstrap of the mean over seeds
    """

    mean: float
    std: float
    n: int
    values: tuple[float, ...]

    @cached_property
    def interval(self) -> Estimate:
        """The mean with its bootstrap interval over seeds."""
        return bootstrap_mean(self.values)


@dataclass(frozen=True)
class Setting:
    """What rows must share to stand in one table.

    Attributes
    ----------
    features : the handler's class
    market, region : of the stocks, and of the trading rules
    data_fingerprint : empty where no seed is complete
    test : first and last day of the test segment, clipped to the data
    kind : whether the runs are Qlib's benchmark, less of it, of own data, or of a synthetic market
    label : expression of the label, without spaces
    numerics : of the code that computed it; 0 where no seed is complete
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
    def is_reduced(self) -> bool:
        """Whether the runs are less than Qlib's benchmark, which they claim to be."""
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
    data : fingerprint of the data that it stands for, its first seed's where None; see :func:`rows_of`
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
        """Return how many seeds have a status."""
        return sum(result.status == status for result in self.results)

    @property
    def diverged(self) -> int:
        """Seeds that diverged before any epoch was usable: the row's means are without them."""
        return sum(
            result.status == "failed" and result.training_status == "diverged" for result in self.results
        )

    @property
    def shortfall(self) -> str:
        """Say which seeds are not there, and why, or have the weights of before they diverged; empty for none."""
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
        """Sum a metric up."""
        values = np.array(list(self.values(metric).values()), dtype=np.float64)
        n = len(values)
        mean = float(values.mean()) if n else np.nan
        return Cell(mean, float(values.std(ddof=1)) if n > 1 else np.nan, n, tuple(values.tolist()))

    @cached_property
    def config(self) -> RunConfig:
        """The configuration, with some seed of it and no data folder."""
        return parse_config(json.loads((self.complete or self.results)[0].config))

    @cached_property
    def reductions(self) -> tuple[str, ...]:
        """Why the row is less than Qlib's benchmark, of all its seeds; without repeats; empty of other data."""
        if not is_of_qlibs_market(self.config) or self.is_synthetic:
            return ()
        said = (result.reduced.split("; ") for result in self.complete or self.results if result.reduced)
        return tuple(dict.fromkeys(itertools.chain.from_iterable(said)))

    @property
    def is_synthetic(self) -> bool:
        """Whether its data are a synthetic market."""
        return any(result.synthetic for result in self.complete or self.results)

    @cached_property
    def setting(self) -> Setting:
        """What it is comparable with."""
        first = (self.complete or self.results)[0]
        calendar = (
            (first.calendar_first, first.calendar_last)
            if first.calendar_first and first.calendar_last
            else None
        )
        handler = self.config.task.dataset.kwargs.handler
        stocks = handler.kwargs.instruments
        return Setting(
            features=first.features,
            kind=kind_of(self.config, self.is_synthetic, bool(self.reductions)),
            market=market_text(stocks),
            region=self.config.qlib_init.region,
            data_fingerprint=self.data or first.data_fingerprint or "",
            test=segments(self.config, calendar)["test"],
            label="".join(handler.label.expressions[0].split()),
            numerics=first.numerics or 0,
        )

    @property
    def dataset(self) -> str:
        """The feature set, and how many of its columns where it is not all."""
        columns = self.config.task.model.kwargs.d_feat
        selected = self.config.task.dataset.is_time_series and columns != _ALPHA158_COLUMNS
        features = self.results[0].features
        return f"{features} ({counted(columns, 'column')})" if selected else features

    def known(self, field: str) -> list[float]:
        """Return a numeric field of the complete seeds, where it is known."""
        found = (getattr(result, field) for result in self.complete)
        return [value for value in found if value is not None]


def rows_of(evidence: Mapping[str, Evidence], studies: Iterable[str] = ()) -> list[Row]:
    """Return the rows of all studies, or of those named, by name.

    Rows of the same days and stocks meet, whichever folder they were computed from: a row stands for the data of the
    folder with the earliest end from which the same days and stocks were used. Rows of two folders that used
    different days and stocks do not, since nothing tells that the folders agree on them.

    Raises
    ------
    InputError
        Where there is no evidence of a study that is named.
    """
    for name in (wanted := list(studies)):
        if name not in evidence:
            raise InputError(f"study: there is no evidence of {name!r}; {choices_hint(name, evidence)}")
    first: dict[str, tuple[date, str]] = {}  # digest of the used data -> the folder that stands for them
    for result in (result for found in evidence.values() for result in found.results):
        if result.data_used is not None and result.data_fingerprint is not None:
            folder = result.calendar_last or date.max, result.data_fingerprint
            first[result.data_used] = min(folder, first.get(result.data_used, folder))

    def row_of(study: str, label: str, results: tuple[SeedResult, ...]) -> Row:
        known = [first[one.data_used][1] for one in results if one.data_used in first]
        return Row(study, label, results, known[0] if known else None)

    return [
        row_of(study, label, tuple(results))
        for study in sorted(wanted or evidence)
        for label, results in itertools.groupby(evidence[study].results, key=lambda result: result.row)
    ]


def group_rows(rows: Iterable[Row]) -> list[Group]:
    """Sort rows into tables: one per setting; Qlib's benchmark, less of it, own data, synthetic data."""
    tables: dict[Setting, list[Row]] = {}
    for row in rows:
        tables.setdefault(row.setting, []).append(row)
    return [
        Group(setting, tuple(sorted(tables[setting], key=_rank))) for setting in sorted(tables, key=_order)
    ]


def published_rows(groups: Iterable[Group], features: str) -> list[PublishedRow]:
    """Return what Qlib published of a feature set, where that belongs beside the tables.

    Qlib's rows are of the CSI 300: they are no reference for a feature set whose rows are all of other data.
    """
    own = [group for group in groups if group.setting.features == features]
    if own and not any(group.setting.kind in OF_QLIBS_MARKET for group in own):
        return []
    return [row for row in PUBLISHED if row.features == features]


def find_row(rows: Iterable[Row], name: str) -> Row:
    """Find a row by ``STUDY/ROW``, or by either where there is only one of it.

    What a shell would want quotes for may be written with ``-`` in its place, ``s/trial-3`` for ``s/trial 3``; and the
    beginning of a name is enough where no other one begins so.

    Raises
    ------
    RowMissingError
        Where there is none; it names the nearest.
    InputError
        Where it fits more than one.
    """
    known = {row.name: row for row in rows}
    if name in known:
        return known[name]
    wanted = _plain(name)
    same = [row for full, row in known.items() if _plain(full) == wanted]
    if len(same) == 1:
        return same[0]
    of_study = [row for row in known.values() if row.study == name]
    if len(of_study) == 1:
        return of_study[0]
    if of_study:
        raise InputError(
            f"row: study {name!r} has {len(of_study)}; choices: {', '.join(row.name for row in of_study)}"
        )
    same = same or [row for row in known.values() if _plain(row.label) == wanted]
    if len(same) == 1:
        return same[0]
    begun = [row for full, row in known.items() if wanted and _plain(full).startswith(wanted)]
    if len(begun) == 1:
        return begun[0]
    if several := same or begun:
        raise InputError(
            f"row: {name!r} fits {len(several)}; choices: {', '.join(row.name for row in several)}"
        )
    if not known:
        raise RowMissingError(
            name, f"row: there is no {name!r}, nor any other; `lstm-bench bench` makes rows"
        )
    # the study or the label may be near where the whole name is not
    spelt = {text: row.name for row in known.values() for text in (row.study, row.label, row.name)}
    near = get_close_matches(name, spelt, n=1)
    meant = spelt[near[0]] if near else name
    raise RowMissingError(name, f"row: there is no {name!r}; {choices_hint(meant, known)}")


def _plain(name: str) -> str:
    """Write a name without what a shell acts on, and in small letters."""
    return "/".join(re.sub(r"(?:[^\w.]|_)+", "-", part).strip("-").lower() for part in name.split("/"))


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
