"""Selection of runs by experiment, feature set, seed, day and figures, sorted."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lstm_bench.core.errors import ConfigError, choices_hint
from lstm_bench.evaluate.headlines import HEADLINES
from lstm_bench.record.catalogue import CatalogueEntry
from lstm_bench.record.evidence_schema import METRICS
from lstm_bench.report.leaderboard.published import COLUMNS

__all__ = ["Condition", "Selection", "figure_of", "find_figure"]

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(rf"(?P<figure>.+?)\s*(?P<operator>{'|'.join(_OPERATORS)})\s*(?P<bound>.+)")

_FIELDS: Mapping[str, Callable[[CatalogueEntry], float | None]] = {
    "seed": lambda entry: entry.seed,
    "epochs": lambda entry: entry.epochs,
    "best epoch": lambda entry: entry.best_epoch,
    "seconds": lambda entry: entry.seconds,
    "started": lambda entry: None if entry.started is None else entry.started.timestamp(),
}
"""Numbers of a run other than its metrics."""


def find_figure(text: str) -> str:
    """Return the name of a figure: a metric by Qlib's name or a column's, or another number of a run.

    Case, spaces and punctuation are ignored.

    Raises
    ------
    ValueError
        If the text names no figure.
    """
    names = {name: name for name in (*_FIELDS, *METRICS, *HEADLINES)}
    names |= {title: name for name, title in COLUMNS.items()}
    found = {_plain(name): meant for name, meant in names.items()}.get(_plain(text))
    if found is None:
        short = [name for name in names if not name.startswith("1day.")]
        raise ValueError(f"got {text!r}; {choices_hint(text, short)}, or a name in metrics.json")
    return found


def figure_of(entry: CatalogueEntry, name: str) -> float:
    """Return a run's figure by the name from :func:`find_figure`; NaN if the run lacks it."""
    value = _FIELDS[name](entry) if name in _FIELDS else (entry.metrics or {}).get(name)
    return math.nan if value is None else float(value)


@dataclass(frozen=True)
class Condition:
    """A condition on a figure, such as ``IC>0.03``; a run without that figure fails it."""

    figure: str
    operator: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Parse a condition.

        Raises
        ------
        ValueError
            If the text is not a condition.
        """
        match = _CONDITION.fullmatch(text.strip())
        try:
            bound = float(match["bound"]) if match is not None else math.nan
        except ValueError:
            bound = math.nan
        if match is None or math.isnan(bound):
            raise ValueError(
                f"got {text!r}, expected a figure, one of {' '.join(sorted(_OPERATORS))} and a number, "
                "such as 'IC>0.03'"
            )
        return cls(find_figure(match["figure"]), match["operator"], bound)

    def holds(self, entry: CatalogueEntry) -> bool:
        """Whether a run meets the condition."""
        value = figure_of(entry, self.figure)
        return not math.isnan(value) and _OPERATORS[self.operator](value, self.bound)


@dataclass(frozen=True)
class Selection:
    """Criteria for runs, and their order; an empty criterion or None admits all.

    Attributes
    ----------
    experiments, features, seeds : any of these
    since, until : first and last day of their start, in local time
    conditions : all of these
    sort : a figure (greatest first; for ``started`` the newest first), ``experiment`` or ``features`` (A first)
    is_reversed : reverse the order
    limit : number of runs at most
    """

    experiments: Sequence[str] = ()
    features: Sequence[str] = ()
    seeds: Sequence[int] = ()
    since: date | None = None
    until: date | None = None
    conditions: Sequence[Condition] = ()
    sort: str = "started"
    is_reversed: bool = False
    limit: int | None = None

    def admits(self, entry: CatalogueEntry) -> bool:
        """Whether a run meets all criteria."""
        return (
            (not self.experiments or entry.experiment in self.experiments)
            and (not self.features or _one_of(entry.features, self.features))
            and (not self.seeds or entry.seed in self.seeds)
            and self._is_in_time(entry)
            and all(condition.holds(entry) for condition in self.conditions)
        )

    def of(self, entries: Iterable[CatalogueEntry]) -> list[CatalogueEntry]:
        """Select and sort runs.

        Raises
        ------
        ConfigError
            If no run has a named experiment or feature set.
        """
        known = list(entries)
        _check_known("--experiment", self.experiments, {entry.experiment for entry in known})
        sets = {entry.features for entry in known if entry.features is not None}
        _check_known("--features", self.features, sets)
        return self._sorted([entry for entry in known if self.admits(entry)])[: self.limit]

    def _is_in_time(self, entry: CatalogueEntry) -> bool:
        if self.since is None and self.until is None:
            return True
        if entry.started is None:
            return False
        day = entry.started.astimezone().date()
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)

    def _sorted(self, entries: list[CatalogueEntry]) -> list[CatalogueEntry]:
        """Sort; runs without the figure come last in both directions."""
        entries = sorted(entries, key=lambda entry: (entry.experiment, entry.seed or 0, entry.id))
        if self.sort in _NAMES:
            name = _NAMES[self.sort]
            return sorted(entries, key=lambda entry: name(entry) or "", reverse=self.is_reversed)
        valued = [(figure_of(entry, self.sort), entry) for entry in entries]
        lacking = [entry for value, entry in valued if math.isnan(value)]
        having = [(value, entry) for value, entry in valued if not math.isnan(value)]
        sign = 1 if self.is_reversed else -1
        return [entry for _, entry in sorted(having, key=lambda pair: sign * pair[0])] + lacking

    @staticmethod
    def parse_sort(text: str) -> str:
        """Parse a sort key.

        Raises
        ------
        ValueError
            If it names no figure.
        """
        return text if text in _NAMES else find_figure(text)


_NAMES: Mapping[str, Callable[[CatalogueEntry], str | None]] = {
    "experiment": lambda entry: entry.experiment,
    "features": lambda entry: entry.features,
}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _one_of(name: str | None, names: Iterable[str]) -> bool:
    return name is not None and name.lower() in {one.lower() for one in names}


def _check_known(option: str, requested: Iterable[str], names: set[str]) -> None:
    for name in requested:
        if not _one_of(name, names):
            raise ConfigError(f"{option}: no run has {name!r}; {choices_hint(name, names)}")
