"""Rows of a leaderboard: seeds summed up, and sorted into tables of what can be compared."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstm_bench.config.workflow import RunConfig
from lstm_bench.counting import counted
from lstm_bench.errors import InputError, choices_hint
from lstm_bench.report.evidence import Evidence, SeedResult, Status
from lstm_bench.report.setting import Span, parse_config, segments
from lstm_bench.report.statistics import Estimate, bootstrap_mean

__all__ = [
    "FEATURE_SETS",
    "Cell",
    "Group",
    "Row",
    "RowMissingError",
    "Setting",
    "find_row",
    "group_rows",
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
    is_reduced : whether the runs are not of the benchmark's full size
    label : expression of the label, without spaces
    numerics : of the code that computed it; 0 where no seed is complete
    """

    features: str
    is_reduced: bool
    market: str
    region: str
    data_fingerprint: str
    test: Span
    label: str
    numerics: int


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
    """

    study: str
    label: str
    results: tuple[SeedResult, ...]

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
        """Why the row is not of the benchmark's full size, of all its seeds; without repeats."""
        said = (result.reduced.split("; ") for result in self.complete or self.results if result.reduced)
        return tuple(dict.fromkeys(itertools.chain.from_iterable(said)))

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
            is_reduced=bool(self.reductions),
            market=stocks if isinstance(stocks, str) else counted(len(stocks or ()), "instrument"),
            region=self.config.qlib_init.region,
            data_fingerprint=first.data_fingerprint or "",
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

    Raises
    ------
    InputError
        Where there is no evidence of a study that is named.
    """
    for name in (wanted := list(studies)):
        if name not in evidence:
            raise InputError(f"study: there is no evidence of {name!r}; {choices_hint(name, evidence)}")
    return [
        Row(study, label, tuple(results))
        for study in sorted(wanted or evidence)
        for label, results in itertools.groupby(evidence[study].results, key=lambda result: result.row)
    ]


def group_rows(rows: Iterable[Row]) -> list[Group]:
    """Sort rows into tables: one per setting, full ones before reduced ones."""
    tables: dict[Setting, list[Row]] = {}
    for row in rows:
        tables.setdefault(row.setting, []).append(row)
    return [
        Group(setting, tuple(sorted(tables[setting], key=_rank))) for setting in sorted(tables, key=_order)
    ]


def find_row(rows: Iterable[Row], name: str) -> Row:
    """Find a row by ``STUDY/ROW``, or by ``STUDY`` where that has only one.

    Raises
    ------
    RowMissingError
        Where there is none; it names the nearest.
    InputError
        Where a study has more than one.
    """
    known = {row.name: row for row in rows}
    if name in known:
        return known[name]
    of_study = [row for row in known.values() if row.study == name]
    if len(of_study) == 1:
        return of_study[0]
    if of_study:
        raise InputError(
            f"row: study {name!r} has {len(of_study)}; choices: {', '.join(row.name for row in of_study)}"
        )
    if not known:
        raise RowMissingError(
            name, f"row: there is no {name!r}, nor any other; `lstm-bench bench` makes rows"
        )
    near = known if "/" in name else {row.study for row in known.values()}
    raise RowMissingError(name, f"row: there is no {name!r}; {choices_hint(name, near)}")


def _rank(row: Row) -> tuple[float, str]:
    mean = row.cell("IC").mean
    return (np.inf if np.isnan(mean) else -mean, row.name)


def _order(setting: Setting) -> tuple[int, str, bool, str, str, str, Span, str, int]:
    known = setting.features in FEATURE_SETS
    place = FEATURE_SETS.index(setting.features) if known else len(FEATURE_SETS)
    return (
        place,
        setting.features,
        setting.is_reduced,
        setting.market,
        setting.region,
        setting.data_fingerprint,
        setting.test,
        setting.label,
        setting.numerics,
    )
