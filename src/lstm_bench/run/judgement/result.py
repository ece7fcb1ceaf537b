"""Checks after training whether a record's figures are meaningful."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from lstm_bench.record.record import Record
from lstm_bench.run.judgement.finding import Finding

__all__ = ["judge_result"]

_ABOVE = 1.01
"""Ratio to the loss of a constant from which a validation loss is no longer chance over a few samples."""

_MANY = 0.1
"""Share of days."""


def judge_result(record: Record) -> Iterator[Finding]:
    """Find reasons why a run's figures are meaningless.

    Records of earlier versions are checked by the files that they have. A run without figures has no findings:
    :meth:`~lstm_bench.record.record.Record.failure` returns the reason. Raises ``DataError`` if a file of the record
    cannot be read.
    """
    if record.failure() is not None:
        return
    if record.provenance().get("permuted_labels"):
        yield Finding("labels", "those of train and valid were permuted: a control, not a model")
    yield from _training(record)
    yield from _scores(record)
    yield from _correlations(record)
    yield from _backtest(record)


def _training(record: Record) -> Iterator[Finding]:
    training = record.provenance()["training"]
    best = training["best_epoch"]
    if training["status"] == "diverged":
        yield Finding(
            "training",
            f"diverged in epoch {training['epochs'] - 1}, counted from 0; the weights of epoch {best} are evaluated",
        )
    constant = training.get("constant_loss")
    if not isinstance(constant, int | float) or not record.has_table("epochs"):
        return
    epochs = record.table("epochs")
    loss = float(epochs["valid_loss"].get(best, math.nan))
    if loss > _ABOVE * constant:
        yield Finding(
            "training",
            f"the validation loss of the best epoch is {loss:.6g}, expected less than {constant:.6g}, which the mean "
            "label gives as the score of every sample: nothing was learned",
        )


def _scores(record: Record) -> Iterator[Finding]:
    if not record.has_table("pred"):
        return
    by_day = record.table("pred")["score"].groupby(level="datetime")
    rows, distinct = by_day.count(), by_day.nunique()
    days = int((rows > 1).sum())
    equal = int(((rows > 1) & (distinct == 1)).sum())
    if equal > _MANY * days:
        yield Finding(
            "scores",
            f"all stocks have the same score on {equal} of {days} days with more than one: their order means nothing",
        )


def _correlations(record: Record) -> Iterator[Finding]:
    if not record.has_table("ic"):
        return
    ic = record.table("ic")["ic"].to_numpy(np.float64)
    known = np.flatnonzero(~np.isnan(ic))
    days = int(known[-1]) + 1 if len(known) else len(ic)  # the calendar's last days cannot have a label
    without = days - len(known)
    if without > _MANY * days:
        left = "it is the mean of the others" if len(known) else "it is NaN"
        yield Finding(
            "IC", f"{without} of {days} days have none (equal scores, equal labels, or one stock): {left}"
        )


def _backtest(record: Record) -> Iterator[Finding]:
    if not record.has_table("report"):
        return
    report = record.table("report")
    if len(report) and not report["turnover"].fillna(0.0).any():
        yield Finding(
            "backtest",
            f"nothing was bought on any of {len(report)} days: its returns are those of cash, less the benchmark's",
        )
