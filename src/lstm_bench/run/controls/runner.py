"""All controls of a configuration: its record, the controls, and their file."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.core.errors import ConfigError, DataError, InputError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.segments import close_segments
from lstm_bench.evaluate.returns.risk import return_series
from lstm_bench.evaluate.trading.capacity import ASSETS, with_assets
from lstm_bench.model.device import resolve_device
from lstm_bench.record.record import Record
from lstm_bench.run.controls.capacity import capacity_rows
from lstm_bench.run.controls.conventions import (
    Convention,
    RecordedScores,
    Trading,
    conventions,
    figures_under,
)
from lstm_bench.run.controls.document import ControlRow, Controls, ConventionRow
from lstm_bench.run.controls.flips import RowFigures, find_flips, row_figures
from lstm_bench.run.controls.look_ahead import look_ahead_control
from lstm_bench.run.controls.parts import EPOCHS, PARTS, PERMUTATIONS, ControlPart
from lstm_bench.run.controls.training import ShortTraining, oracle_control, permuted_control
from lstm_bench.run.preparation import Prepared, prepare

__all__ = ["ControlRun"]

logger = logging.getLogger("lstm_bench")


@dataclass(frozen=True)
class ControlRun:
    """Controls one recorded run.

    Attributes
    ----------
    config : of the run, as its file has it
    record : of the run
    rows : the rows of the run's experiment, by name, with their records
    device : a wish (``auto``) or a demand, for the controls' own trainings
    epochs : of these, at most
    permutations : seeds of the control with permuted labels, 3 or more
    """

    config: RunConfig
    record: Record
    rows: Mapping[str, Sequence[Record]]
    device: str = "auto"
    epochs: int = EPOCHS
    permutations: int = PERMUTATIONS

    def compute(self, parts: Collection[ControlPart] = PARTS) -> Controls:
        """Compute some parts; the others are those of the record's file of controls, if there is one.

        Raises
        ------
        InputError
            If the configuration, the data or the device cannot be used.
        RunError
            If a training diverged.
        """
        if self.config.lstm_bench.training.permute_labels:
            raise ConfigError(
                "lstm_bench.training.permute_labels: got true, expected false: a control permutes labels itself, and "
                "the others need those that belong to the features"
            )
        found = Controls.load(self.record.path) or Controls(run_id=self.record.path.name)
        controls = dict(found.controls)
        if "permuted" in parts:
            seeds = [self._resolved.seed + offset for offset in range(self.permutations)]
            controls["permuted_labels"] = permuted_control(self._training, seeds)
        if "oracle" in parts:
            controls["oracle"] = oracle_control(self._training, self._resolved.seed)
        if "look-ahead" in parts:
            logger.info("planted look-ahead")
            controls["look_ahead"] = look_ahead_control(
                self._resolved, self._provider, self._prepared.dataset
            )
        if "conventions" in parts and self._resolved.portfolio_analysis is not None:
            logger.info("the same scores under other conventions")
            controls["evaluation"] = self._evaluation()
            found = self._with_conventions(found)
        if "capacity" in parts:
            found = self._with_capacity(found)
        return found.model_copy(update={"controls": controls})

    @cached_property
    def _provider(self) -> Provider:
        return Provider(self.config.qlib_init.provider_uri)

    @cached_property
    def _resolved(self) -> ResolvedRun:
        return close_segments(self.config, self._provider).resolved()

    @cached_property
    def _prepared(self) -> Prepared:
        return prepare(self._resolved, self._provider)

    @cached_property
    def _training(self) -> ShortTraining:
        device = resolve_device(self.device, self._resolved.task.model.kwargs.GPU)
        return ShortTraining(self._resolved, self._prepared, device, self.epochs, logger.info)

    @cached_property
    def _trading(self) -> Trading:
        return Trading(self._provider)

    @cached_property
    def _conventions(self) -> tuple[Convention, ...]:
        return conventions(self._resolved, self._provider.fields)

    @cached_property
    def _scores(self) -> RecordedScores:
        return RecordedScores.of(self.record)

    def _evaluation(self) -> ControlRow:
        """Trade on the recorded scores again; the daily report must be that of the record."""
        own = next(one for one in self._conventions if one.is_own)
        result = self._trading.trade(self._scores, own.portfolio)
        report = self.record.table("report")
        again = return_series(result.report)["excess_return_with_cost"]
        recorded = return_series(report)["excess_return_with_cost"]
        same_days = np.array_equal(report.index.to_numpy().astype("datetime64[D]"), result.days)
        furthest = float(np.abs(again - recorded).max()) if same_days else np.nan
        return ControlRow(
            title="Backtest of the recorded scores",
            expected="the recorded daily returns, to the last digit",
            found=f"the largest difference of a day is {furthest:g}" if same_days else "other trading days",
            passed=same_days and furthest == 0,
            figures={"difference": furthest if same_days else None},
        )

    def _with_conventions(self, found: Controls) -> Controls:
        rows = [
            ConventionRow(
                name=convention.name,
                is_own=convention.is_own,
                **{name: value if np.isfinite(value) else None for name, value in figures.items()},
            )
            for convention, figures in figures_under(self._trading, self._scores, self._conventions)
        ]
        data, compared, left_out = self.record.provenance()["data_fingerprint"], {}, []
        for name, records in self.rows.items():
            try:
                compared[name] = self._row(records, data)
            except InputError as reason:
                left_out.append(f"{name}: {reason}")
        changed = {"conventions": rows, "compared": list(compared), "left_out": left_out}
        return found.model_copy(update=changed | {"flips": find_flips(compared)})

    def _row(self, records: Sequence[Record], data: str) -> RowFigures:
        if not records:
            raise InputError("no seed has a record")
        return row_figures(self._trading, records, data)

    def _with_capacity(self, found: Controls) -> Controls:
        if not self._conventions:
            return found.model_copy(
                update={"capacity": [], "capacity_note": "the configuration requests no backtest"}
            )
        logger.info("capacity")
        portfolio = next(one.portfolio for one in self._conventions if one.is_own)
        impact = with_assets(portfolio, ASSETS[0]).backtest.exchange_kwargs.impact_cost
        try:
            rows, median = capacity_rows(self._trading, self._scores, portfolio)
        except DataError as reason:
            return found.model_copy(update={"capacity": [], "capacity_note": str(reason)})
        changed = {"capacity": rows, "impact_cost": impact, "median_amount": median, "capacity_note": ""}
        return found.model_copy(update=changed)
