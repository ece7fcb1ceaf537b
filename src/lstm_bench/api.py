"""The Python API: what the command line does, from a notebook or a script.

Its names are those of the package itself, ``lstm_bench.run`` and so on. Long tables are indexed by ``datetime`` and
``instrument``, as Qlib's are; rates are fractions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from lstm_bench.config import workflow
from lstm_bench.config.alpha158 import alpha158
from lstm_bench.config.alpha360 import alpha360
from lstm_bench.config.sections.backtest import PortAnalysisConfig, TopkDropoutKwargs, resolve
from lstm_bench.config.sections.exchange import REGIONS, ExchangeConfig, Region
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError, InputError, choices_hint
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Universe
from lstm_bench.evaluate.analysis import analyse_signal
from lstm_bench.evaluate.returns import performance as measures
from lstm_bench.evaluate.signal import metrics as signal
from lstm_bench.evaluate.signal.grid import ScoreGrid, is_real
from lstm_bench.evaluate.trading import backtest as portfolio
from lstm_bench.evaluate.trading.quotes import load_benchmark, load_quotes, place, quote_span
from lstm_bench.features.evaluation import evaluate_rows
from lstm_bench.features.expression import extent, parse
from lstm_bench.features.table import Rows
from lstm_bench.record.tables import daily_table, row_table, signal_table

if TYPE_CHECKING:
    from lstm_bench.dataset.dataset import Dataset
    from lstm_bench.record.record import Record

__all__ = [
    "Bars",
    "RunResult",
    "SignalResult",
    "backtest",
    "build_dataset",
    "compute_features",
    "load_panel",
    "load_run",
    "load_workflow",
    "performance",
    "run",
    "signal_analysis",
    "signal_metrics",
]

PathLike = str | os.PathLike[str]
Day = str | date | np.datetime64


def load_workflow(path: PathLike, overrides: Mapping[str, Any] | Iterable[str] = ()) -> RunConfig:
    """Read a Qlib workflow file.

    Parameters
    ----------
    path
        The file, as ``qrun`` takes it.
    overrides
        Dotted key -> value, such as ``{"task.model.kwargs.lr": 5e-4}``, or ``key=value`` texts with YAML values. An
        anchored value changes at every alias.

    Returns
    -------
    RunConfig
        Frozen; its fields are the file's sections.

    Raises
    ------
    ConfigError
        Where the file, an override or a value in them is wrong.
    """
    return workflow.load_workflow(Path(path), overrides)


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a run gave, read from its record.

    Attributes
    ----------
    path : folder of the record
    metrics : Qlib's metric name -> value, a fraction; NaN where there is none
    pred : ``score``, float32, by (datetime, instrument) of the test segment
    label : ``LABEL0``, float32, the raw label of the same rows
    epochs : losses, score and seconds by ``epoch``
    ic : by ``datetime``: ICs, precision, group returns, autocorrelation and turnover of the scores
    ic_decay : ICs with the labels of later days, a row per ``lag``
    ic_periods : ICs by year and by month
    analysis : the sections ``signal`` and ``groups``; with a backtest also ``returns``, see :func:`performance`, and
        ``holdings``; None in the place of NaN
    report : the backtest's daily report, see :func:`backtest`
    holdings : by ``datetime``: number and concentration of what the backtest held, cash, days held
    drawdowns : the worst five of each of its series of returns

    The last three are None where the configuration asks for no backtest. Printed, it is a summary of a few lines.
    """

    path: Path
    metrics: dict[str, float]
    pred: pd.DataFrame
    label: pd.DataFrame
    epochs: pd.DataFrame
    ic: pd.DataFrame
    ic_decay: pd.DataFrame
    ic_periods: pd.DataFrame
    analysis: dict[str, Any]
    report: pd.DataFrame | None
    holdings: pd.DataFrame | None
    drawdowns: pd.DataFrame | None

    def __repr__(self) -> str:
        return f"<RunResult {self.path}: {_shown(self.metrics, ('IC', 'Rank IC'))}>"

    def __str__(self) -> str:
        days, stocks = (self.pred.index.unique(level) for level in ("datetime", "instrument"))
        span = f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, " if len(days) else ""
        lines = [
            f"run {self.path}",
            _shown(self.metrics, ("IC", "ICIR", "Rank IC", "Rank ICIR")),
            f"test: {span}{len(self.pred):,} scores of {len(stocks):,} stocks, after {len(self.epochs)} epochs",
        ]
        if self.report is not None:
            of = "1day.excess_return_with_cost."
            risk = {
                name.removeprefix(of): value for name, value in self.metrics.items() if name.startswith(of)
            }
            figures = _shown(risk, ("annualized_return", "information_ratio", "max_drawdown"))
            lines.insert(2, f"excess return with cost: {figures}")
        tables = ", ".join(name for name, value in vars(self).items() if isinstance(value, pd.DataFrame))
        return "\n".join([*lines, f"more in .metrics, .analysis and the tables {tables}"])

    def predict(
        self,
        start: Day | None = None,
        end: Day | None = None,
        provider_uri: PathLike | None = None,
        *,
        device: str = "auto",
    ) -> pd.DataFrame:
        """Score other days with the run's weights, normalised with what its processors learned from the fit period.

        No label is needed. What differs from when the run was computed (its bars, its numerics) is logged.

        Parameters
        ----------
        start, end
            First and last day. By default the first one that the run has no scores of, and the calendar's last.
        provider_uri
            A Qlib folder that holds these days and those before; the run's own by default.
        device
            ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:k``; all but ``auto`` are demands.

        Returns
        -------
        DataFrame
            ``score``, float32, by (datetime, instrument), sorted: Qlib's strategies take it as their ``signal``. Its
            ``attrs`` name the run and the data.

        Raises
        ------
        InputError
            Where the record is not complete, or the data have no such days.
        """
        from lstm_bench.record.record import Record
        from lstm_bench.record.saved import SavedRun
        from lstm_bench.run.prediction import predict_days

        saved = SavedRun.load(Record(self.path))
        provider = Provider(provider_uri or saved.config.qlib_init.provider_uri)
        return predict_days(saved, provider, start, end, device=device).scores


def _shown(figures: Mapping[str, float], names: Sequence[str]) -> str:
    """Write figures by name; one that is not there is a dash."""
    values = {name: figures.get(name, np.nan) for name in names}
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.6f}" if np.isfinite(value) else f"{name.replace('_', ' ')} –"
        for name, value in values.items()
    )


def load_run(run: PathLike, *, results: PathLike = "results") -> RunResult:
    """Read a run's record.

    Parameters
    ----------
    run
        The record's folder, or an id in ``<results>/<experiment>/``, or the beginning of one.
    results
        Where records are.

    Raises
    ------
    DataError
        Where there is no such record, or its run diverged and has no scores.
    """
    from lstm_bench.record.saved import find_record

    record = find_record(os.fspath(run), Path(results))
    failure = record.failure()
    if failure is not None:
        raise DataError(f"{record.path}: {failure}")
    return _result(record)


def _result(record: Record) -> RunResult:
    return RunResult(
        path=record.path,
        metrics=record.metrics(),
        pred=record.table("pred"),
        label=record.table("label"),
        epochs=record.table("epochs"),
        ic=record.table("ic"),
        ic_decay=record.table("ic_decay"),
        ic_periods=record.table("ic_periods"),
        analysis=record.analysis(),
        report=_traded(record, "report"),
        holdings=_traded(record, "holdings"),
        drawdowns=_traded(record, "drawdowns"),
    )


def _traded(record: Record, name: Literal["report", "holdings", "drawdowns"]) -> pd.DataFrame | None:
    """Read a table that only runs with a backtest have."""
    return record.table(name) if record.has_table(name) else None


def run(
    config: RunConfig | PathLike,
    seed: int | None = None,
    *,
    out: PathLike = "results",
    experiment: str | None = None,
    device: str = "auto",
    force: bool = False,
    track: str | None = None,
) -> RunResult:
    """Train, predict, evaluate and record one seed, or read its record where it is there.

    Parameters
    ----------
    config
        From :func:`load_workflow`, or a workflow file.
    seed
        Over the configuration's own, which is 0 where its file gives none.
    out, experiment
        The record goes to ``<out>/<experiment>/<run_id>``. The experiment is the configuration's
        ``experiment_name``, else the file's name, else ``workflow``, unless given.
    device
        ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:k``; all but ``auto`` are demands.
    force
        Compute again what is there, and replace it.
    track
        ``wandb``, ``mlflow`` or ``off``, over what the configuration's ``lstm_bench.tracking`` says.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        Where the configuration, the data or the device cannot be used.
    RunError
        Where training gave no usable weights.
    """
    from lstm_bench.config.experiment import records_folder
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.run.judgement.finding import say
    from lstm_bench.run.judgement.result import judge_result
    from lstm_bench.run.runner import execute
    from lstm_bench.tracking.factory import open_tracker

    chosen, name = (
        (config, "workflow") if isinstance(config, RunConfig) else (load_workflow(config), Path(config).stem)
    )
    if seed is not None:
        chosen = chosen.with_seed(seed)
    named = {"experiment": experiment, "experiment_name": chosen.experiment_name, "config": name}
    folder = records_folder(Path(out), named)
    tracked = with_tracker(chosen.lstm_bench.tracking, track)
    with open_tracker(tracked, Path(out), figure_hook(tracked)) as tracker:
        record, _ = execute(chosen, folder, device=device, force=force, tracker=tracker)
    say(judge_result(record))
    return _result(record)


def build_dataset(config: RunConfig | PathLike) -> Dataset:
    """Build the dataset of a configuration: features and label, processed, in segments.

    Returns
    -------
    Dataset
        ``table("raw" | "infer" | "learn")`` is the handler's table, by (datetime, instrument), with columns (group,
        name). ``windows(segment, "infer" | "learn")`` is ``(index, X, y)``: the samples of a segment in Qlib's order,
        ``X [B, L, F]`` float32 with the sample's own day last, and the processed label ``y [B]``.

    Raises
    ------
    ConfigError
        Where columns, ``step_len`` and the model's ``d_feat`` do not fit each other.
    DataError
        Where a segment has no day, no bar or no label.
    """
    from lstm_bench.dataset import build
    from lstm_bench.dataset.guards import embargo_days

    chosen = (config if isinstance(config, RunConfig) else load_workflow(config)).resolved()
    return build.build_dataset(
        chosen.task.dataset,
        Provider(chosen.qlib_init.provider_uri),
        d_feat=chosen.task.model.kwargs.d_feat,
        embargo=embargo_days(chosen),
    )


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of a universe over a span of days.

    They are read when features are computed, with as many days around the span as the expressions reach.

    Attributes
    ----------
    provider : the Qlib folder
    universe : which instrument has rows on which days
    begin, end : calendar positions of the span, end exclusive
    """

    provider: Provider
    universe: Universe
    begin: int
    end: int

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """Trading days of the span, ``[T]`` datetime64[D]."""
        return self.provider.calendar[self.begin : self.end]

    @property
    def instruments(self) -> tuple[str, ...]:
        """Codes that belong to the universe on some day of the span, sorted."""
        return self.universe.instruments

    def __repr__(self) -> str:
        days = self.days
        return (
            f"<Bars of {self.universe.name}: {len(self.instruments):,} instruments on {len(days):,} days, "
            f"{days[0]} to {days[-1]}>"
        )


def load_panel(
    provider_uri: PathLike,
    market: str | None = None,
    *,
    instruments: Sequence[str] | None = None,
    start: Day | None = None,
    end: Day | None = None,
) -> Bars:
    """Choose bars of a Qlib folder.

    Parameters
    ----------
    provider_uri
        The folder.
    market
        Such as ``csi300``: rows are the days of its membership spans.
    instruments
        Codes, instead of a market: rows are all days between an instrument's first and last bar, suspended days
        included.
    start, end
        First and last day of the rows, the calendar's own where not given. They bound history as in Qlib: an
        expression sees as many days before ``start``, and after ``end``, as its windows and ``Ref`` add up to, and no
        more. An expanding value begins there.

    Raises
    ------
    InputError
        Where not exactly one of ``market`` and ``instruments`` is given.
    DataError
        Where the folder lacks the market or an instrument, or the dates hold no trading day.
    """
    if (market is None) == (instruments is None):
        raise InputError("market, instruments: expected one of them")
    provider = Provider(provider_uri)
    first, stop = provider.locate(start, end, "start..end")
    if market is not None:
        universe = provider.universe(market)
    else:
        universe = _listed(provider, instruments or ())
    return Bars(
        provider, universe.between(provider.calendar[first], provider.calendar[stop - 1]), first, stop
    )


def _listed(provider: Provider, instruments: Sequence[str]) -> Universe:
    """Universe that codes belong to on all days."""
    if isinstance(instruments, str) or not instruments:
        raise InputError(f"instruments: got {instruments!r}, expected a list of codes")
    codes = [code.upper() for code in instruments]
    missing = [code for code in codes if code not in provider.folders]
    if missing:
        raise DataError(f"instruments: the data has no bars of {', '.join(missing)}")
    always = (provider.calendar[0], provider.calendar[-1])
    return Universe("instruments", dict.fromkeys(codes, (always,)))


def compute_features(
    panel: Bars,
    features: Literal["Alpha158", "Alpha360"] | Mapping[str, str],
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compute features, unprocessed.

    Parameters
    ----------
    panel
        From :func:`load_panel`.
    features
        A set of Qlib's, or column -> expression.
    columns
        Those to compute, in this order; all unless given. They do not change which rows there are.

    Returns
    -------
    DataFrame
        ``[R, F]`` float32 by (datetime, instrument), sorted. A row is a day of the universe between the first and the
        last bar of an instrument; NaN is a value that is missing or undefined.

    Raises
    ------
    InputError
        Where the set or a column is unknown.
    ExpressionError
        Where an expression is not in Qlib's language.
    DataError
        Where there is no row.
    """
    table = _expressions(features)
    names = list(table) if columns is None else _chosen(columns, table)
    expressions = [parse(table[name]) for name in names]
    left, right = extent(expressions)
    fields = sorted({field for text in table.values() for field in parse(text).fields})
    elsewhere = {code for expression in expressions for code in expression.instruments}
    begin, stop = max(panel.begin - left, 0), min(panel.end + right, len(panel.provider.calendar))
    bars = panel.provider.panel(sorted({*panel.instruments, *elsewhere}), fields, begin, stop)

    first, T = panel.begin - bars.offset, len(panel.days)
    positions = np.arange(first, first + T)[:, None]
    inside = (bars.first <= positions) & (positions <= bars.last)
    rows = Rows.of(inside & panel.universe.member(panel.days, bars.instruments))
    if len(rows) == 0:
        raise DataError(f"{panel.universe.name!r} has no bars on {panel.days[0]}..{panel.days[-1]}")
    values = evaluate_rows(expressions, bars, first, rows)  # [F, R]
    order, _ = rows.by_day(np.ones(len(rows), dtype=np.bool_))

    calendar = pd.DatetimeIndex(panel.days.astype("datetime64[ns]"))
    codes = pd.Index(bars.instruments, dtype="str")
    levels = [calendar[rows.days[order]], codes[rows.instruments[order]]]
    index = pd.MultiIndex.from_arrays(levels, names=["datetime", "instrument"])
    return pd.DataFrame(values[:, order].T, index=index, columns=names)


def _expressions(features: str | Mapping[str, str]) -> Mapping[str, str]:
    """Column -> expression."""
    if isinstance(features, Mapping):
        if not features:
            raise InputError("features: got an empty mapping, expected column -> expression")
        return features
    sets = {"Alpha158": alpha158, "Alpha360": alpha360}
    if features not in sets:
        raise InputError(
            f"features: got {features!r}; {choices_hint(str(features), sets)}; or column -> expression"
        )
    return sets[features]()


def _chosen(columns: Sequence[str], table: Mapping[str, str]) -> list[str]:
    if isinstance(columns, str) or len(columns) == 0 or len(set(columns)) < len(columns):
        raise InputError(f"columns: got {columns!r}, expected a list of different names")
    for name in columns:
        if name not in table:
            raise InputError(f"columns: got {name!r}; {choices_hint(name, table)}")
    return list(columns)


def signal_metrics(
    pred: pd.Series | pd.DataFrame,
    label: pd.Series | pd.DataFrame,
    *,
    ana_long_short: bool = False,
    ann_scaler: int = signal.SIGNAL_DAYS_PER_YEAR,
) -> dict[str, float]:
    """Evaluate scores as a signal.

    Parameters
    ----------
    pred, label
        Scores and raw labels (the returns that follow) by (datetime, instrument); NaN is none. Their rows need not be
        the same, but some must be.
    ana_long_short
        Whether to add the returns of the long-short portfolio.
    ann_scaler
        Days a year, for those; above 0.

    Returns
    -------
    dict
        ``IC``, ``ICIR``, ``Rank IC``, ``Rank ICIR``: means over days, and those over the standard deviation (ddof 1),
        not annualised, NaN where there is none. With ``ana_long_short`` also ``Long-Short Ann Return``,
        ``Long-Short Ann Sharpe``, ``Long-Avg Ann Return`` and ``Long-Avg Ann Sharpe``.

    Raises
    ------
    InputError
        Where a table is not one column by (datetime, instrument), has a row twice or no value, or the two have no row
        in common; or where ``ann_scaler`` is not a number above 0.
    """
    if isinstance(ann_scaler, bool) or not isinstance(ann_scaler, int | float) or not 0 < ann_scaler < np.inf:
        raise InputError(f"ann_scaler: got {ann_scaler!r}, expected a number of days above 0")
    grid = ScoreGrid.of_signal(pred, label)
    score, truth = grid.values
    return signal.signal_metrics(score, truth, grid.rows, long_short=ana_long_short).summary(ann_scaler)


@dataclass(frozen=True, eq=False)
class SignalResult:
    """What scores are worth.

    Attributes
    ----------
    daily : by ``datetime``: ICs, precision, group returns, autocorrelation and turnover
    decay : ICs with the labels of later days, a row per ``lag``
    periods : ICs by year and by month
    sections : ``signal``, means over days, and ``groups``
    """

    daily: pd.DataFrame
    decay: pd.DataFrame
    periods: pd.DataFrame
    sections: dict[str, Any]

    def __repr__(self) -> str:
        return f"<SignalResult of {len(self.daily):,} days: {_shown(self._means(), ('IC', 'Rank IC'))}>"

    def __str__(self) -> str:
        names = ("long_precision", "short_precision", "rank_autocorrelation", "turnover_top")
        return "\n".join(
            [
                f"signal of {len(self.daily):,} days",
                _shown(self._means(), ("IC", "ICIR", "Rank IC", "Rank ICIR")),
                _shown(self.sections["signal"], names),
                "more in .sections and the tables daily, decay, periods",
            ]
        )

    def _means(self) -> dict[str, float]:
        """Give the figures of lag 0 by Qlib's names."""
        columns = {"ic": "IC", "icir": "ICIR", "rank_ic": "Rank IC", "rank_icir": "Rank ICIR"}
        return {name: float(self.decay[column].iloc[0]) for column, name in columns.items()}


def signal_analysis(pred: pd.Series | pd.DataFrame, label: pd.Series | pd.DataFrame) -> SignalResult:
    """Evaluate scores as a signal in full: what a run's record says of its own.

    Parameters
    ----------
    pred, label
        As for :func:`signal_metrics`. The days that they have are taken to follow each other.

    Raises
    ------
    InputError
        Where a table is not one column by (datetime, instrument), has a row twice or no value, or the two have no row
        in common.
    """
    grid = ScoreGrid.of_signal(pred, label)
    score, truth = grid.values
    metrics = signal.signal_metrics(score, truth, grid.rows)
    analysis = analyse_signal(score, truth, grid.rows, grid.days, metrics)
    return SignalResult(
        signal_table(metrics, analysis),
        row_table(analysis.decay_rows()),
        row_table(analysis.period_rows()),
        analysis.sections(),
    )


def performance(returns: pd.Series) -> dict[str, dict[str, Any]]:
    """Measure daily returns under Qlib's convention and compounded.

    Parameters
    ----------
    returns
        Fractions by day, in order; NaN days are left out. Of times, with or without a zone, the day counts.

    Returns
    -------
    dict
        ``summed_238`` (Qlib's sums, 238 days a year) and ``compounded_252``: mean, std, annualized return, information
        ratio, drawdowns, Sortino and Calmar ratio, hit rate of months; ``daily``: hit rate, best and worst day, value
        at risk, skew and kurtosis. See :func:`lstm_bench.evaluate.returns.performance.performance`.

    Raises
    ------
    InputError
        Where ``returns`` is not a series of numbers by ascending days, or one of them is infinite.
    """
    if not (isinstance(returns, pd.Series) and isinstance(returns.index, pd.DatetimeIndex)):
        index = f" with a {type(returns.index).__name__}" if isinstance(returns, pd.Series) else ""
        raise InputError(
            f"returns: got a {type(returns).__name__}{index}, expected a Series with a DatetimeIndex"
        )
    days = returns.index.tz_localize(None).normalize()  # a day is that of the place, not that of UTC
    if not (days.is_monotonic_increasing and days.is_unique):
        raise InputError("returns: its days are not ascending, each once")
    if not is_real(returns):
        raise InputError(f"returns: got values of {returns.dtype}, expected numbers")
    values = returns.to_numpy(np.float64, na_value=np.nan)
    if (infinite := np.isinf(values)).any():
        first = returns.index[infinite.argmax()]
        raise InputError(
            f"returns: {infinite.sum()} of {len(values)} are infinite, the first on {first:%Y-%m-%d}"
        )
    return measures.performance(values, days.to_numpy().astype("datetime64[D]"))


def backtest(
    pred: pd.Series | pd.DataFrame,
    provider_uri: PathLike,
    *,
    start_time: Day | None = None,
    end_time: Day | None = None,
    account: float = 1e8,
    benchmark: str | Sequence[str] = "SH000300",
    region: Region = "cn",
    seed: int = 0,
    **strategy_and_exchange: Any,
) -> pd.DataFrame:
    """Trade on scores with Qlib's TopkDropout strategy and exchange.

    Parameters
    ----------
    pred
        Scores by (datetime, instrument); NaN is none. A day trades on the scores of the day before.
    provider_uri
        The Qlib folder with the quotes.
    start_time, end_time
        First and last trading day. Where not given, the first day with a score, and the one after the last.
    account
        Initial cash.
    benchmark
        A code, or several: their mean return.
    region
        ``cn``, ``us`` or ``tw``: round lot and price limit where they are not given.
    seed
        Of the random methods.
    **strategy_and_exchange
        Keywords of Qlib's ``TopkDropoutStrategy`` and ``Exchange``, with its defaults: ``topk`` and ``n_drop``, which
        must be given, ``method_sell``, ``method_buy``, ``hold_thresh``, ``only_tradable``,
        ``forbid_all_trade_at_limit``, ``risk_degree``; ``deal_price``, ``limit_threshold``, ``open_cost``,
        ``close_cost``, ``min_cost``, ``impact_cost``, ``trade_unit``, ``volume_threshold``, ``codes``.

    Returns
    -------
    DataFrame
        Float64 by ``datetime``, a row per trading day: ``account`` (money at the close), ``return`` (before cost),
        ``total_turnover``, ``turnover``, ``total_cost``, ``cost`` (rates, of the account of the day before; totals are
        money), ``value`` and ``cash`` (money), ``bench`` (the benchmark's return).

    Raises
    ------
    InputError
        Where ``pred`` is not one column by (datetime, instrument), has a row twice, or no score.
    ConfigError
        Where a keyword is unknown, missing or has a wrong value.
    DataError
        Where the folder lacks the benchmark, the dates or all of the instruments.
    """
    config = _portfolio(
        {"start_time": start_time, "end_time": end_time, "account": account, "benchmark": benchmark},
        strategy_and_exchange,
        region,
    )
    grid = ScoreGrid.of({"pred": pred})
    (score,) = grid.values
    scored = grid.days[~np.isnan(score).all(axis=1)]
    if len(scored) == 0:
        raise InputError("pred: it has no score")
    provider = Provider(provider_uri)
    if not any(code in provider.folders for code in grid.instruments):
        raise DataError(
            f"pred: the data has none of its {counted(len(grid.instruments), 'instrument')}, such as "
            f"{grid.instruments[0]!r}; "
            "expected upper-case codes"
        )
    begin, end = quote_span(provider, config, scored)
    quotes = load_quotes(provider, config, begin, end, grid.instruments)
    bench = load_benchmark(provider, config.backtest.benchmark, begin, end)
    placed = place(score, grid.days, grid.instruments, quotes)
    result = portfolio.backtest(placed, quotes, bench, config, seed=seed)
    return daily_table(result.report, result.days)


_STRATEGY = set(TopkDropoutKwargs.model_fields) - {"signal", "model", "dataset"}
_EXCHANGE = set(ExchangeConfig.model_fields)
_REFUSED = {name for name, field in ExchangeConfig.model_fields.items() if field.annotation is type(None)}


def _portfolio(backtest_: dict[str, Any], keywords: Mapping[str, Any], region: Region) -> PortAnalysisConfig:
    """Sort keywords into strategy and exchange, and fill what depends on the region."""
    if region not in REGIONS:
        raise ConfigError(f"region: got {region!r}; {choices_hint(str(region), REGIONS)}")
    for key in keywords:
        if key not in _STRATEGY | _EXCHANGE:
            raise ConfigError(
                f"backtest: unknown keyword {key!r}; {choices_hint(key, _STRATEGY | _EXCHANGE - _REFUSED)}"
            )
    strategy = {key: value for key, value in keywords.items() if key in _STRATEGY}
    exchange = {key: value for key, value in keywords.items() if key in _EXCHANGE}
    try:
        config = PortAnalysisConfig.model_validate(
            {"strategy": {"kwargs": strategy}, "backtest": backtest_ | {"exchange_kwargs": exchange}}
        )
    except ValidationError as error:
        raise explain(error) from error
    return resolve(config, region)
