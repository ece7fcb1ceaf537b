"""Scores of other days than a run's own, by its weights and with what its processors learned."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.harness import Precision
from lstm_bench.config.values.day import parse_day
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.bars_digest import BarsDigest
from lstm_bench.dataset.build import build_inference_dataset, first_position
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.handler import HandlerColumns, needed_features
from lstm_bench.dataset.segments import Segment
from lstm_bench.dataset.universe import universe_of
from lstm_bench.features.expression import extent
from lstm_bench.model.contract import PackSpec
from lstm_bench.model.predict import predict_weights
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.record.identity import NUMERICS
from lstm_bench.record.saved import SavedRun
from lstm_bench.record.tables import sample_table

if TYPE_CHECKING:
    import pandas as pd
    import torch

__all__ = ["Comparison", "Prediction", "predict_days"]

logger = logging.getLogger("lstm_bench")

Bars = Literal["same", "different", "unknown"]

_TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-3, "tf32": 1e-2, "bf16": 3e-2}
"""Of the standard deviation of scores, by the precision they were trained in: other devices move a score by some 1e-6
of that, float32 in the place of bf16 by some 1e-2, other bars by more."""


@dataclass(frozen=True)
class Comparison:
    """Recorded scores, computed again.

    Attributes
    ----------
    day : the last day that the record has scores of
    rows : how many those are
    other_rows : rows that only one of the record and the data has
    largest_difference : between two scores of a row
    std : of the recorded scores of that day, or of all days where that day's do not differ
    tolerance : how much of that a difference may be
    """

    day: np.datetime64
    rows: int
    other_rows: int
    largest_difference: float
    std: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the scores come back."""
        return self.other_rows == 0 and self.largest_difference <= self.tolerance * self.std


@dataclass(frozen=True, eq=False)
class Prediction:
    """Scores, and what is known of them.

    Attributes
    ----------
    scores : ``score``, float32, by (datetime, instrument), sorted: Qlib's form of a signal; ``attrs`` name run and data
    bars : whether the bars that the run was computed from are those of the data; ``unknown`` for a record that has no
        digest of them
    comparison : None where the data do not hold the last day that the record has scores of
    data_fingerprint : of the data folder
    device : where it was computed
    """

    scores: pd.DataFrame
    bars: Bars
    comparison: Comparison | None
    data_fingerprint: str
    device: str


def predict_days(
    saved: SavedRun,
    provider: Provider,
    start: object = None,
    end: object = None,
    *,
    device: str = "auto",
) -> Prediction:
    """Score the days ``start..end``, both inclusive, as a run does whose test segment they are.

    No label is needed. The last day that the record has scores of is scored again, to see that they come back.

    Parameters
    ----------
    start
        The first day after those by default.
    end
        The calendar's last day by default.
    device
        ``auto``, or a demand; see :func:`lstm_bench.model.device.resolve_device`.

    Raises
    ------
    DataError
        Where there are no such days or no rows on them, where the record's files do not fit each other, or where a
        record of other ``NUMERICS`` does not give its own scores again.
    DeviceError
        Where a demanded device is not there.
    """
    chosen = _device(device, saved)
    config = saved.config.task.dataset
    first = first_position(config.kwargs.handler, provider)
    recorded = saved.record.table("pred")["score"]
    last_recorded = recorded.index.get_level_values("datetime").max().to_datetime64().astype("datetime64[D]")
    begin, stop = _days(provider, first, start, end, last_recorded)
    _say_in_sample(saved, provider.calendar[begin])

    check = int(np.searchsorted(provider.calendar, last_recorded))
    has_check = first <= check < len(provider.calendar) and provider.calendar[check] == last_recorded
    dataset = build_inference_dataset(
        config,
        provider,
        saved.fitted,
        min(begin, check) if has_check else begin,
        max(stop, check + 1) if has_check else stop,
        d_feat=saved.config.task.model.kwargs.d_feat,
    )
    _say_short_history(saved, dataset, begin)
    _check_days(saved, provider, dataset, begin, stop)
    scores = _score(saved, dataset, begin, stop, chosen)
    comparison = None
    if has_check:
        has_rows = len(_scored_days(dataset, check, check + 1)) > 0
        again = _score(saved, dataset, check, check + 1, chosen) if has_rows else recorded.iloc[:0].to_frame()
        comparison = _compare(
            recorded, again, last_recorded, _TOLERANCES[saved.config.lstm_bench.training.precision]
        )
    bars = _compare_bars(saved, provider)
    _judge(saved, comparison, bars, last_recorded)
    data = fingerprint(provider)
    scores.attrs = {"run_id": saved.provenance["run_id"], "data_fingerprint": data, "numerics": NUMERICS}
    return Prediction(scores, bars, comparison, data, str(chosen))


def _device(demand: str, saved: SavedRun) -> torch.device:
    """Choose the device; a record's ``GPU`` is where it was trained, and no wish of today's."""
    import torch

    from lstm_bench.model.device import resolve_device

    gpu = saved.config.task.model.kwargs.GPU
    return resolve_device(demand, gpu if gpu < torch.cuda.device_count() else -1)


def _days(
    provider: Provider, first: int, start: object, end: object, last_recorded: np.datetime64
) -> tuple[int, int]:
    """Calendar positions of the days asked for, end exclusive."""
    calendar = provider.calendar
    if start is None:
        begin = int(np.searchsorted(calendar, last_recorded, side="right"))
        if begin >= len(calendar):
            raise DataError(
                f"start: none was given, and there is no day to go on with: the data end on {calendar[-1]}, and the "
                f"record has scores to {last_recorded}"
            )
        start = calendar[begin].item()
    else:
        try:
            begin = int(np.searchsorted(calendar, np.datetime64(parse_day(start), "D")))
        except ValueError as error:
            raise DataError(f"start: {error}") from error
        if begin >= len(calendar):
            raise DataError(f"start: got {start}, but the data end on {calendar[-1]}")
    begin, stop = provider.locate(start, end, "start..end")
    if begin < first:
        there = f"but the run's table begins with its handler's start_time, {calendar[min(first, len(calendar) - 1)]}"
        raise DataError(f"start: got {start}, {there}")
    return begin, stop


def _score(saved: SavedRun, dataset: Dataset, begin: int, stop: int, device: torch.device) -> pd.DataFrame:
    """Score the rows of a dataset's days; calendar positions."""
    days = dataclasses.replace(dataset, segments={"test": Segment("test", begin, stop)})
    samples = days.samples("test", "infer")
    resident = ResidentSamples.place(samples, device)
    path = saved.provenance["device"]["training_path"]
    try:
        scores = predict_weights(PackSpec.of(saved.config), saved.weights, resident, path)
    except DataError as error:
        raise DataError(
            f"{saved.record.path}: its weights are not those of its configuration: {error}"
        ) from error
    return sample_table("score", scores, samples.days, samples.instruments, dataset.days, dataset.instruments)


def _say_in_sample(saved: SavedRun, start: np.datetime64) -> None:
    last = saved.config.task.dataset.kwargs.segments.valid[1]
    if start <= np.datetime64(last, "D"):
        logger.warning(
            "start: %s is not after %s, the end of the days that the model was trained and chosen on",
            start,
            last,
        )


def _say_short_history(saved: SavedRun, dataset: Dataset, begin: int) -> None:
    """Say where the data begin later than a window reaches."""
    handler = saved.config.task.dataset.kwargs.handler
    columns = HandlerColumns.of(handler)
    left, _ = extent([columns.features[name] for name in needed_features(handler)])
    if dataset.config.is_time_series:
        left += dataset.step_len - 1
    if left > begin:
        logger.warning(
            "start: the data have %s before it, and a window reaches back %d: what is missing counts as at the "
            "beginning of a run's table", counted(int(begin), "day"), left,
        )  # fmt: skip


def _scored_days(dataset: Dataset, begin: int, stop: int) -> npt.NDArray[np.int64]:
    """Calendar positions between ``begin`` and ``stop`` (exclusive) that have a row to score."""
    days = np.unique(dataset.rows.days[dataset.views["infer"].kept]).astype(np.int64) + dataset.offset
    return days[(days >= begin) & (days < stop)]


def _check_days(saved: SavedRun, provider: Provider, dataset: Dataset, begin: int, stop: int) -> None:
    """Refuse days of which none has a row to score, and say which ones have none."""
    missing = np.setdiff1d(np.arange(begin, stop), _scored_days(dataset, begin, stop))
    if len(missing) == 0:
        return
    days = provider.calendar[missing]
    universe = universe_of(saved.config.task.dataset.kwargs.handler, provider)
    last = max(last for spans in universe.spans.values() for _, last in spans)
    reason = f"{universe.name!r} has no member after {last}"
    if last >= days[-1]:
        reason = f"the market {universe.name!r} has no bars, or the processors dropped all rows"
    if len(missing) == stop - begin:
        raise DataError(f"start..end: no row is there to score on {days[0]}..{days[-1]}: {reason}")
    logger.warning(
        "start..end: %d of %s have no row to score, the last %s: %s",
        len(missing), counted(stop - begin, "day"), days[-1], reason,
    )  # fmt: skip


def _compare(
    recorded: pd.Series[Any], again: pd.DataFrame, day: np.datetime64, tolerance: float
) -> Comparison:
    """Compare the recorded scores of a day with those computed again."""
    wanted = recorded.xs(day, level="datetime")
    got = again["score"].droplevel("datetime")
    common = wanted.index.intersection(got.index)
    difference = (wanted[common] - got[common]).abs().to_numpy()
    apart = np.isnan(wanted[common].to_numpy()) != np.isnan(got[common].to_numpy())
    return Comparison(
        day=day,
        rows=len(wanted),
        other_rows=len(wanted.index.symmetric_difference(got.index)) + int(apart.sum()),
        largest_difference=float(np.nanmax(difference, initial=0.0)),
        std=float(wanted.std(ddof=0))
        or float(recorded.std(ddof=0)),  # the score of one stock does not spread
        tolerance=tolerance,
    )


def _compare_bars(saved: SavedRun, provider: Provider) -> Bars:
    content = saved.provenance.get("bars")
    if content is None:
        return "unknown"
    same = BarsDigest.from_json(content).is_of(saved.config.task.dataset, provider)
    return "same" if same else "different"


def _judge(saved: SavedRun, comparison: Comparison | None, bars: Bars, last_recorded: np.datetime64) -> None:
    """Say what differs from when the run was computed; refuse scores of code that computes other ones."""
    if comparison is None:
        found = f"the data do not hold {last_recorded}, so that no recorded score could be computed again"
    elif comparison.agrees:
        found = f"the scores of {comparison.day} come back all the same"
    else:
        found = (
            f"the scores of {comparison.day} do not come back: they differ by up to "
            f"{comparison.largest_difference:.3g} (their standard deviation is {comparison.std:.3g}), and "
            f"{comparison.other_rows} of {counted(comparison.rows, 'row')} are not the same"
        )
    agrees = comparison is not None and comparison.agrees
    numerics = saved.provenance.get("numerics")
    if numerics != NUMERICS:
        said = f"{saved.record.path}: computed with numerics {numerics}, and this version has {NUMERICS}; {found}"
        if not agrees:
            raise DataError(f"{said}; train the run again")
        logger.warning("%s", said)
    if bars == "different":
        logger.warning(
            "data: from %s to %s, bars, members or trading days are not those that the run was computed from; %s",
            saved.provenance["bars"]["start"], saved.provenance["bars"]["through"], found,
        )  # fmt: skip
    elif bars == "unknown":
        logger.warning("data: the record does not say which bars it was computed from; %s", found)
    elif not agrees:
        logger.warning("data: bars are those that the run was computed from, but %s", found)
