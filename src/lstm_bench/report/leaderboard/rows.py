"""Rows of the leaderboard: one configuration, or one model, over its seeds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np

from lstm_bench.config.sections.universe import market_text
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.record.evidence import Daily, Evidence
from lstm_bench.record.evidence_schema import SeedResult, Status
from lstm_bench.record.scoring_model import ModelKind, ScoringModel
from lstm_bench.report.leaderboard.cell import Cell
from lstm_bench.report.leaderboard.measures import common_axis, panel_of
from lstm_bench.report.leaderboard.setting import (
    Setting,
    is_of_qlibs_market,
    kind_of,
    parse_config,
    segments,
)

__all__ = ["BASELINE_KINDS", "Row", "rows_of"]

BASELINE_KINDS: tuple[ModelKind, ...] = ("reversal", "momentum", "ridge", "lightgbm")
"""Models that the LSTM has to beat."""

_WITHOUT_SEEDS: tuple[ModelKind, ...] = ("reversal", "momentum", "ridge", "ensemble")
"""Models that have the same scores whatever the seed. An ensemble is one combination of the seeds that it has."""

_ALPHA158_COLUMNS = 158


@dataclass(frozen=True, eq=False)
class Row:
    """One configuration over its seeds.

    Attributes
    ----------
    study, label : together its name
    results : by seed
    data : fingerprint of its data, the first seed's if None; see :func:`rows_of`
    daily : seed -> daily series, of the complete ones
    """

    study: str
    label: str
    results: tuple[SeedResult, ...]
    data: str | None = None
    daily: Mapping[int, Daily] = field(default_factory=dict)

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
        """Return a metric by seed, of the complete seeds that have it; of one run of a model without seeds."""
        known = [result for result in self.complete if metric in result.metrics]
        return {result.seed: result.metrics[metric] for result in (known if self.has_seeds else known[:1])}

    def series(self, metric: str) -> list[Daily]:
        """Return the daily series of the seeds that have a metric, in the order of :meth:`values`."""
        return [self.daily[seed] for seed in self.values(metric)]

    def cell(self, metric: str) -> Cell:
        """Aggregate a metric over the complete seeds."""
        if metric not in self._cells:
            self._cells[metric] = self._cell(metric)
        return self._cells[metric]

    @cached_property
    def _cells(self) -> dict[str, Cell]:
        return {}

    def _cell(self, metric: str) -> Cell:
        values, measure = self.values(metric), MEASURES.get(metric)
        if measure is None or any(seed not in self.daily for seed in values):
            greatest = 0.0 if metric.endswith("max_drawdown") else np.inf
            return Cell(values, has_seeds=self.has_seeds, greatest=greatest)
        series = self.series(metric)
        return Cell(values, measure, panel_of(series, measure, common_axis(series)), self.has_seeds)

    @cached_property
    def model(self) -> ScoringModel | None:
        """The model that scored; None for the configuration's LSTM."""
        text = (self.complete or self.results)[0].model
        return None if text is None else ScoringModel.parse(text)

    @property
    def has_seeds(self) -> bool:
        """Whether another seed would give other scores: of the LSTM, of LightGBM, and of scores from elsewhere."""
        return self.model is None or self.model.kind not in _WITHOUT_SEEDS

    @property
    def has_permuted_labels(self) -> bool:
        """Whether it is a control: the LSTM trained on permuted labels, which has nothing to learn."""
        return self.model is None and self.config.lstm_bench.training.permute_labels

    @property
    def is_baseline(self) -> bool:
        """Whether the LSTM has to beat it."""
        return self.model is not None and self.model.kind in BASELINE_KINDS

    @property
    def model_name(self) -> str:
        """The model's name in tables."""
        if self.model is not None:
            return self.model.name
        return "LSTM, permuted labels" if self.has_permuted_labels else "LSTM"

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
        """The feature set, with its number of columns if they are a selection; empty if it is not known."""
        if self.model is not None and self.model.kind == "scores":
            return ""  # the configuration only evaluated them
        columns = self.config.task.model.kwargs.d_feat
        selected = self.config.task.dataset.is_time_series and columns != _ALPHA158_COLUMNS
        features = self.results[0].features
        return f"{features} ({counted(columns, 'column')})" if selected else features

    @property
    def parameters(self) -> tuple[int, ...]:
        """Different numbers of parameters of its complete seeds; empty for scores from elsewhere, which name none."""
        if self.model is not None and self.model.kind == "scores":
            return ()
        return tuple(dict.fromkeys(int(value) for value in self.known("parameters")))

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
        series = evidence[study].daily
        daily = {seed: series[row, seed] for row, seed in series if row == label}
        return Row(study, label, results, known[0] if known else None, daily)

    return [
        row_of(study, label, tuple(results))
        for study in sorted(named or evidence)
        for label, results in itertools.groupby(evidence[study].results, key=lambda result: result.row)
    ]
