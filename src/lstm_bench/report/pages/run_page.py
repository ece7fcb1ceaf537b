"""The report of a run: one page that shows its record."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_bench.config.sections.universe import market_text
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.report.figures.ensemble import ensemble_figures
from lstm_bench.report.figures.groups import group_figures, stability_figures
from lstm_bench.report.figures.portfolio import holding_figures, return_figures
from lstm_bench.report.figures.predictions import residual_figure, score_figures
from lstm_bench.report.figures.signal import decay_figure, ic_figures
from lstm_bench.report.figures.training import training_figures
from lstm_bench.report.leaderboard.setting import calendar_of, reductions, segments
from lstm_bench.report.pages import run_tables as tables
from lstm_bench.report.pages.configuration_table import configuration_table
from lstm_bench.report.pages.control_tables import control_parts
from lstm_bench.report.pages.page import Cell, Listing, Note, Page, Part, Section, Tile, cell
from lstm_bench.report.pages.regime_parts import regime_parts
from lstm_bench.report.pages.trained_label import LabelChain, trained_label
from lstm_bench.run.judgement.result import judge_result

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.record.layout import TableName
    from lstm_bench.record.record import Record
    from lstm_bench.record.scoring_model import ScoringModel

__all__ = ["MAIN_FIGURES", "RunReport", "run_page"]

MAIN_FIGURES: tuple[str, ...] = (
    "losses", "score_density", "ic_series", "rank_ic_series", "ic_months", "ic_distribution", "ic_decay", "groups",
    "cumulative_return", "drawdown", "excess_months", "regimes_rank_ic", "regimes_information_ratio", "capacity",
)  # fmt: skip
"""Names of the figures that are also drawn as pictures, if the record has them."""

_SIGNAL_TILES = {
    "IC": ("IC", ".4f", "mean of the daily Pearson correlations"),
    "ICIR": ("ICIR", ".4f", "IC over its standard deviation, not annualised"),
    "Rank IC": ("Rank IC", ".4f", "mean of the daily Spearman correlations"),
    "Rank ICIR": ("Rank ICIR", ".4f", "Rank IC over its standard deviation"),
}
_WITH_COST = "1day.excess_return_with_cost"
_RETURN_TILES = {
    f"{_WITH_COST}.annualized_return": ("Excess return with cost", ".2%", "a year, daily mean times 238"),
    f"{_WITH_COST}.information_ratio": ("Information ratio", ".3f", "of the excess with cost, times √238"),
    f"{_WITH_COST}.max_drawdown": ("Max drawdown", ".2%", "of the summed excess with cost"),
}
"""Metric -> label, format and note of its headline figure."""


class RunReport:
    """The parts of a run's report.

    ``best_epoch``, from 0, is the one whose weights were kept; None if no epoch was usable.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.config = record.config()
        self.provenance = record.provenance()
        self.metrics = record.metrics()
        best = self.provenance["training"]["best_epoch"]
        self.best_epoch = None if best is None or not self.metrics else int(best)
        self.calendar = calendar_of(self.provenance)
        self.model = record.model()

    def table(self, name: TableName) -> pd.DataFrame | None:
        """Read a table; None if the record does not have it."""
        return self.record.table(name) if (self.record.path / f"{name}.parquet").is_file() else None

    def _analysis(self) -> dict[str, Any]:
        return self.record.analysis() if (self.record.path / "analysis.json").is_file() else {}

    def sections(self) -> Iterator[Section]:
        """Yield the sections of the page, in reading order."""
        if self.model is None:
            yield Section("training", "Training", list(self._training()))
        else:
            yield Section("model", "Model", list(self._scored_by(self.model)))
        if self.metrics:
            yield Section("predictions", "Predictions", list(self._predictions()))
            yield Section("signal", "Signal", list(self._signal()))
            yield Section("groups", "Groups and stability", list(self._groups()))
            yield Section("portfolio", "Portfolio", list(self._portfolio()))
            yield Section("risk", "Risk", list(self._risk()))
            yield Section("regimes", "Regimes", list(regime_parts(self.record)))
            yield Section("controls", "Controls", list(control_parts(self.record)))
        yield Section("provenance", "Configuration and provenance", list(self._origin()))

    def _training(self) -> Iterator[Part]:
        epochs = self.record.table("epochs")
        yield Note(_gap_text(epochs, self.best_epoch, self.provenance["training"]["status"]))
        yield from training_figures(epochs, self.best_epoch)

    def _scored_by(self, model: ScoringModel) -> Iterator[Part]:
        yield tables.model_table(model, self.provenance.get("scores"))
        curve = self.table("ensemble")
        if curve is not None:
            yield from ensemble_figures(curve)

    def _predictions(self) -> Iterator[Part]:
        pred, label = self.table("pred"), self.table("label")
        if pred is None or label is None:
            yield _absent("scores", "pred and label")
            return
        *relations, scores, by_day = score_figures(pred, label)
        yield from relations
        if self.model is None:
            yield from self._residuals(pred, label)
        yield scores
        yield by_day

    def _residuals(self, pred: pd.DataFrame, label: pd.DataFrame) -> Iterator[Part]:
        from lstm_bench.record.saved import read_statistics

        handler = self.config.task.dataset.kwargs.handler
        try:
            target = trained_label(label, handler, read_statistics(self.record))
        except DataError as reason:
            yield Note(f"There is no figure of residuals: {reason}.", is_absence=True)
            return
        score = pred["score"].to_numpy(np.float64)
        known = np.isfinite(target) & np.isfinite(score)
        if known.any():
            made_by = ", ".join(LabelChain.of(handler).names) or "as it is"
            loss = self.config.lstm_bench.training.loss
            yield residual_figure(target[known], score[known], made_by, loss)

    def _signal(self) -> Iterator[Part]:
        ic = self.table("ic")
        if ic is None or ic["ic"].count() < 2:
            yield _absent("daily IC on two days or more", "ic")
            return
        yield from ic_figures(ic)
        decay, periods = self.table("ic_decay"), self.table("ic_periods")
        yield _absent("IC decay", "ic_decay") if decay is None else decay_figure(decay)
        if periods is not None:
            yield tables.ic_years(periods)

    def _groups(self) -> Iterator[Part]:
        ic = self.table("ic")
        if ic is None or "group_spread" not in ic.columns:
            yield _absent("groups and stability", "ic, with a column per group")
            return
        yield from group_figures(ic)
        yield from stability_figures(ic)
        if analysis := self._analysis():
            yield tables.signal_table(analysis["signal"])
            yield tables.group_table(analysis["groups"])

    def _portfolio(self) -> Iterator[Part]:
        report, positions = self.table("report"), self.table("positions")
        backtest = self.config.portfolio_analysis
        if backtest is None or report is None or positions is None:
            yield Note("The configuration requests no backtest, so the record has none.", is_absence=True)
            return
        drawdowns = self.table("drawdowns")
        yield from return_figures(report, drawdowns)
        yield tables.month_table(report)
        yield _absent("worst periods", "drawdowns") if drawdowns is None else tables.drawdown_table(drawdowns)
        yield from holding_figures(report, positions, backtest.strategy.kwargs.topk)
        if holdings := self._analysis().get("holdings"):
            yield tables.holding_table(holdings)

    def _risk(self) -> Iterator[Part]:
        if self.table("report") is None:
            yield Note("Risk needs a backtest, and the record has none.", is_absence=True)
            return
        returns = self._analysis().get("returns")
        if returns is None:
            yield tables.recorded_risk(self.metrics)
            yield _absent("compounded risk and tail risk", "analysis.json")
            return
        yield from tables.risk_tables(returns)
        yield tables.tail_table(returns)

    def _origin(self) -> Iterator[Part]:
        yield tables.metric_table(self.metrics)
        yield configuration_table(self.config, self.calendar, self.provenance.get("embargo"))
        yield tables.provenance_table(self.provenance)
        yield Listing("config.yaml", (self.record.path / "config.yaml").read_text(encoding="utf-8"))

    def tiles(self) -> list[Tile]:
        """Return the headline figures."""
        if not self.metrics:
            return []
        shown = _SIGNAL_TILES | (_RETURN_TILES if f"{_WITH_COST}.annualized_return" in self.metrics else {})
        tiles = [
            Tile(label, cell(self.metrics.get(name), form), note)
            for name, (label, form, note) in shown.items()
        ]
        return [*tiles, self._gap_tile()] if self.model is None else tiles

    def _gap_tile(self) -> Tile:
        if self.best_epoch is None:
            return Tile("Valid − train loss", Cell("–"))
        epochs = self.record.table("epochs")
        gap = cell(float((epochs["valid_loss"] - epochs["train_loss"]).loc[self.best_epoch]), "+.4f")
        return Tile("Valid − train loss", gap, f"at epoch {self.best_epoch}, whose weights were kept")

    def facts(self) -> list[tuple[str, str]]:
        """Return facts about the run and its data, as pairs of name and text."""
        model, provenance = self.config.task.model.kwargs, self.provenance
        training, git = provenance["training"], provenance.get("git") or {}
        stocks = self.config.task.dataset.kwargs.handler.kwargs.instruments
        test = segments(self.config, self.calendar)["test"]
        step = f", {counted(self.config.step_len, 'day')}" if self.config.step_len else ""
        fitted = f", {counted(training['parameters'], 'parameter')}" if training["parameters"] else ""
        return [
            ("Model", f"{self._model_name()}{fitted}"),
            ("Features", f"{self.config.feature_set}, {counted(model.d_feat, 'column')}{step}"),
            ("Market", market_text(stocks)),
            ("Test", f"{test[0]} to {test[1]}"),
            ("Seed", str(provenance["seed"])),
            *([("Trained", self._trained())] if self.model is None else []),
            ("Data", provenance["data_fingerprint"][:12]),
            ("Run", provenance["run_id"]),
            ("Code", (git.get("commit") or "no checkout")[:12]),
        ]

    def _model_name(self) -> str:
        network = self.config.task.model.kwargs
        if self.model is not None:
            return self.model.name
        return f"LSTM, {counted(network.num_layers, 'layer')} of {network.hidden_size}"

    def _trained(self) -> str:
        training, seconds = self.provenance["training"], self.provenance["seconds"].get("train")
        spent = "" if seconds is None else f", {seconds:.0f} s on {self.provenance['device']['name']}"
        return f"{counted(training['epochs'], 'epoch')}, {training['status'].replace('_', ' ')}{spent}"

    def flags(self) -> list[str]:
        """Return warnings for the top of the page."""
        synthetic, status = self.provenance.get("synthetic"), self.provenance["training"]["status"]
        flags = ["Synthetic data"] if synthetic else []
        reduced = reductions(self.config, self.calendar, synthetic, status, self.model)
        flags += [f"Reduced: {reason}" for reason in reduced]
        if (self.provenance.get("git") or {}).get("dirty"):
            flags.append("Computed by code with uncommitted changes")
        if failure := self.record.failure():
            flags.append(failure)
        return [*flags, *map(str, judge_result(self.record))]


def run_page(record: Record) -> Page:
    """Make the page of a run's report.

    Raises
    ------
    DataError
        If the record cannot be read.
    """
    report = RunReport(record)
    return Page(
        title=f"{record.path.resolve().parent.name}, seed {report.provenance['seed']}",
        subtitle="Run report",
        facts=report.facts(),
        tiles=report.tiles(),
        sections=list(report.sections()),
        flags=report.flags(),
    )


def _absent(what: str, where: str) -> Note:
    text = f"This record has no {what} ({where}): an older version wrote it. "
    return Note(f"{text}Computing the run again with `--force` records it.", is_absence=True)


def _gap_text(epochs: pd.DataFrame, best_epoch: int | None, status: str) -> str:
    """State the gap between train and valid loss in words."""
    n = counted(len(epochs), "epoch")
    if best_epoch is None:
        return f"Training {status.replace('_', ' ')} after {n}; no epoch was usable."
    best, last = epochs.loc[best_epoch].to_dict(), epochs.iloc[-1].to_dict()
    text = (
        f"Of {n} (counted from 0) epoch {best_epoch} was the best: train {best['train_loss']:.6f}, valid "
        f"{best['valid_loss']:.6f}, a gap of {_signed(best['valid_loss'] - best['train_loss'])}."
    )
    if best_epoch == epochs.index[-1] or not math.isfinite(last["valid_loss"]):
        return text
    train, valid = (_signed(last[name] - best[name]) for name in ("train_loss", "valid_loss"))
    return (
        f"{text} From there to the last epoch train changed by {train} and valid by {valid}, so the gap ended at "
        f"{_signed(last['valid_loss'] - last['train_loss'])}."
    )


def _signed(value: float) -> str:
    return f"{value:+.6f}".replace("-", "−")
