"""Checks the samples: stocks, days of the segments, windows and batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np

from lstm_bench.config.sections.dataset import SegmentName
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.run.judgement.finding import Finding
from lstm_bench.run.judgement.survey import Survey

__all__ = ["judge_samples"]

_FEWEST_DAYS = 20
_FEWEST_STOCKS = 5


def judge_samples(config: ResolvedRun, survey: Survey) -> Iterator[Finding]:
    """Find segments, universes, windows and batches that cannot give meaningful figures."""
    present: list[SegmentName] = []
    for name in get_args(SegmentName):
        span = survey.segments[name]
        if span.start == span.stop:
            continue  # not on the calendar; locating the segment reports it
        if not survey.stocks(name).any():
            yield Finding(
                "instruments",
                f"{survey.market} has no stock with bars in segment {name!r}, {survey.span_text(name)}",
                DataError,
            )
            continue
        present.append(name)
        yield from _few_days(name, survey)
    if "test" in present:
        yield from _few_stocks(config, survey)
    if "train" in present:
        yield from _window(config, survey)
    learned: tuple[SegmentName, ...] = (
        ("train", "valid") if config.lstm_bench.compat == "qlib" else ("train",)
    )
    for name in learned:
        if name in present:
            yield from _batch(config, survey, name)


def _few_days(name: SegmentName, survey: Survey) -> Iterator[Finding]:
    days = len(survey.stocks(name))
    if days < _FEWEST_DAYS:
        what = {
            "train": "a model learns chance from so few",
            "valid": "early stopping and tuning choose by chance on so few",
            "test": "figures of so few are chance, and those of a year are extrapolated",
        }[name]
        yield Finding(
            f"segments.{name}",
            f"got {counted(days, 'trading day')}, {survey.span_text(name)}, expected {_FEWEST_DAYS} or more: "
            f"{what}",
        )


def _few_stocks(config: ResolvedRun, survey: Survey) -> Iterator[Finding]:
    stocks = survey.stocks("test")
    most, usual = int(stocks.max()), int(np.median(stocks))
    if most < 2:
        nothing = config.portfolio_analysis is None
        yield Finding(
            "instruments",
            f"{survey.market} has no more than one stock on a day of segment 'test', expected two or more: a "
            "correlation over one stock has no value, so that every IC is NaN"
            + ("; with no backtest no figure is left" if nothing else ""),
            ConfigError if nothing else None,
        )
    elif usual < _FEWEST_STOCKS:
        over_two = ", and over two stocks it is +1 or -1" if usual <= 2 else ""
        yield Finding(
            "instruments",
            f"{survey.market} has {counted(usual, 'stock')} on a usual day of segment 'test', expected "
            f"{_FEWEST_STOCKS} or more: a daily IC over so few is mostly chance{over_two}",
        )


def _window(config: ResolvedRun, survey: Survey) -> Iterator[Finding]:
    """Compare the window of ``TSDatasetH`` with the histories. Qlib pads short histories by repeating rows."""
    step_len = config.task.dataset.step_len
    if not config.task.dataset.is_time_series or step_len is None:
        return
    T = len(survey.days)
    if step_len > T:
        yield Finding(
            "step_len",
            f"got {step_len}, expected at most {T}, the trading days of the handler's start_time..end_time, "
            f"{survey.days[0]}..{survey.days[-1]}: no window would be whole",
            ConfigError,
        )
        return
    short = float((survey.ages("train") < step_len).mean())
    if short > 0.5:
        yield Finding(
            "step_len",
            f"got {step_len}, but {short:.0%} of the samples of segment 'train' have fewer days of history since their "
            "stock's first row; what is missing of a window repeats its rows, and takes as long to train",
        )


def _batch(config: ResolvedRun, survey: Survey, name: SegmentName) -> Iterator[Finding]:
    rows, batch_size = int(survey.stocks(name).sum()), config.task.model.kwargs.batch_size
    if rows < batch_size:
        yield Finding(
            "task.model.kwargs.batch_size",
            f"got {batch_size}, but segment {name!r} has only {rows} rows, and a partial batch is dropped",
            ConfigError,
        )
