"""Runs: train one, read one, and score new days with its weights."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstm_bench.api.arguments import Day, PathLike
from lstm_bench.api.figures import figures_text
from lstm_bench.api.workflows import load_workflow
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider

if TYPE_CHECKING:
    from lstm_bench.record.layout import TableName
    from lstm_bench.record.record import Record

__all__ = ["RunResult", "load_run", "run"]


@dataclass(frozen=True, eq=False)
class RunResult:
    """The results of a run, read from its record.

    Attributes
    ----------
    path : folder of the record
    metrics : Qlib's metric name -> value, a fraction; NaN if undefined
    pred : ``score``, float32, by (datetime, instrument) of the test segment
    label : ``LABEL0``, float32, the raw label of the same rows
    epochs : losses, score and seconds by ``epoch``; None if another model than the LSTM scored
    ic : by ``datetime``: ICs, precision, group returns, autocorrelation and turnover of the scores
    ic_decay : ICs with the labels of later days, a row per ``lag``
    ic_periods : ICs by year and by month
    analysis : the sections ``signal`` and ``groups``; with a backtest also ``returns``, see :func:`performance`, and
        ``holdings``; None instead of NaN
    report : the backtest's daily report, see :func:`backtest`
    holdings : by ``datetime``: number and concentration of what the backtest held, cash, days held
    drawdowns : the worst five of each of its series of returns

    The last three are None if the configuration has no backtest. ``print`` shows a summary.
    """

    path: Path
    metrics: dict[str, float]
    pred: pd.DataFrame
    label: pd.DataFrame
    epochs: pd.DataFrame | None
    ic: pd.DataFrame
    ic_decay: pd.DataFrame
    ic_periods: pd.DataFrame
    analysis: dict[str, Any]
    report: pd.DataFrame | None
    holdings: pd.DataFrame | None
    drawdowns: pd.DataFrame | None

    def __repr__(self) -> str:
        return f"<RunResult {self.path}: {figures_text(self.metrics, ('IC', 'Rank IC'))}>"

    def __str__(self) -> str:
        days, stocks = (self.pred.index.unique(level) for level in ("datetime", "instrument"))
        span = f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}, " if len(days) else ""
        trained = "" if self.epochs is None else f", after {len(self.epochs)} epochs"
        lines = [
            f"run {self.path}",
            figures_text(self.metrics, ("IC", "ICIR", "Rank IC", "Rank ICIR")),
            f"test: {span}{len(self.pred):,} scores of {len(stocks):,} stocks{trained}",
        ]
        if self.report is not None:
            of = "1day.excess_return_with_cost."
            risk = {
                name.removeprefix(of): value for name, value in self.metrics.items() if name.startswith(of)
            }
            figures = figures_text(risk, ("annualized_return", "information_ratio", "max_drawdown"))
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
        """Score other days with the run's weights and its fitted processors.

        No label is needed. Differences from the run's bars and numerics are logged.

        Parameters
        ----------
        start, end
            First and last day. By default the first day without a score of the run, and the calendar's last.
        provider_uri
            A Qlib folder with these days and those before; the run's by default.
        device
            ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:k``; a device other than ``auto`` must be available.

        Returns
        -------
        DataFrame
            ``score``, float32, by (datetime, instrument), sorted. Qlib's strategies take it as their ``signal``. Its
            ``attrs`` name the run and the data.

        Raises
        ------
        InputError
            If the record is incomplete, or the data do not have these days.
        """
        from lstm_bench.record.record import Record
        from lstm_bench.record.saved import SavedRun
        from lstm_bench.run.prediction import predict_days

        saved = SavedRun.load(Record(self.path))
        provider = Provider(provider_uri or saved.config.qlib_init.provider_uri)
        return predict_days(saved, provider, start, end, device=device).scores


def load_run(run: PathLike, *, results: PathLike = "results") -> RunResult:
    """Read a run's record.

    Parameters
    ----------
    run
        The record's folder, or an id in ``<results>/<experiment>/``, or the start of an id.
    results
        Folder of the records.

    Raises
    ------
    DataError
        If the record does not exist, or its run diverged and has no scores.
    """
    from lstm_bench.record.saved import find_record

    record = find_record(os.fspath(run), Path(results))
    failure = record.failure()
    if failure is not None:
        raise DataError(f"{record.path}: {failure}")
    return _result(record)


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
    """Train, predict, evaluate and record one seed. If its record exists, read it instead.

    Parameters
    ----------
    config
        From :func:`load_workflow`, or a workflow file.
    seed
        Overrides the configuration's seed, which is 0 by default.
    out, experiment
        The record is written to ``<out>/<experiment>/<run_id>``. The experiment is the configuration's
        ``experiment_name`` by default, else the file's name, else ``workflow``.
    device
        ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:k``; a device other than ``auto`` must be available.
    force
        Compute the run again, and replace its record.
    track
        ``wandb``, ``mlflow`` or ``off``; overrides the configuration's ``lstm_bench.tracking``.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        If the configuration, the data or the device cannot be used.
    RunError
        If training diverged.
    """
    from lstm_bench.config.experiment import records_folder
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.run.judgement.finding import log_findings
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
    log_findings(judge_result(record))
    return _result(record)


def _result(record: Record) -> RunResult:
    return RunResult(
        path=record.path,
        metrics=record.metrics(),
        pred=record.table("pred"),
        label=record.table("label"),
        epochs=_present(record, "epochs"),
        ic=record.table("ic"),
        ic_decay=record.table("ic_decay"),
        ic_periods=record.table("ic_periods"),
        analysis=record.analysis(),
        report=_present(record, "report"),
        holdings=_present(record, "holdings"),
        drawdowns=_present(record, "drawdowns"),
    )


def _present(record: Record, name: TableName) -> pd.DataFrame | None:
    """Read a table that not every run has."""
    return record.table(name) if record.has_table(name) else None
