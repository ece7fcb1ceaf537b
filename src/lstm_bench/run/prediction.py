"""Scores of further days, with a run's weights and its fitted processors."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lstm_bench.config.values.day import parse_day
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
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
from lstm_bench.run.reproduction import Bars, Comparison, check_reproduced, compare_bars, compare_scores

if TYPE_CHECKING:
    import pandas as pd
    import torch

__all__ = ["Prediction", "predict_days"]

logger = logging.getLogger("lstm_bench")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Scores, and checks of their reproducibility.

    Attributes
    ----------
    scores : ``score``, float32, by (datetime, instrument), sorted: Qlib's form of a signal; ``attrs`` name run and data
    bars : whether the data have the bars that the run was computed from; ``unknown`` if the record has no digest
    comparison : None if the data lack the last day with recorded scores
    data_fingerprint : of the data folder
    device : that computed the scores
    """

    scores: pd.DataFrame
    bars: Bars
    comparison: Comparison | None
    data_fingerprint: str
    device: str


def predict_days(
    saved: SavedRun, provider: Provider, start: object = None, end: object = None, *, device: str = "auto"
) -> Prediction:
    """Score the days ``start..end``, both inclusive, as a run with this test segment would.

    No labels are needed. The last day with recorded scores is scored again, to check that they are reproduced. By
    default, the days are those from the first day after the recorded scores to the calendar's last one.

    Parameters
    ----------
    device
        ``auto`` or a demand; see :func:`lstm_bench.model.device.resolve_device`.

    Raises
    ------
    DataError
        If there are no such days or no rows on them, if the record's files do not fit each other, or if a record of
        other ``NUMERICS`` does not reproduce its scores.
    DeviceError
        If a demanded device is absent.
    """
    chosen = _device(device, saved)
    config = saved.config.task.dataset
    first = first_position(config.kwargs.handler, provider)
    recorded = saved.record.table("pred")["score"]
    last_recorded = recorded.index.get_level_values("datetime").max().to_datetime64().astype("datetime64[D]")
    begin, stop = _days(provider, first, start, end, last_recorded)
    _warn_of_learned_days(saved, provider.calendar[begin])

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
    _warn_of_short_history(saved, dataset, begin)
    _check_days(saved, provider, dataset, begin, stop)
    scores = _score(saved, dataset, begin, stop, chosen)
    comparison = None
    if has_check:
        has_rows = len(_scored_days(dataset, check, check + 1)) > 0
        again = _score(saved, dataset, check, check + 1, chosen) if has_rows else recorded.iloc[:0].to_frame()
        precision = saved.config.lstm_bench.training.precision
        comparison = compare_scores(recorded, again, last_recorded, precision)
    bars = compare_bars(saved, provider)
    check_reproduced(saved, comparison, bars, last_recorded)
    data = fingerprint(provider)
    scores.attrs = {"run_id": saved.provenance["run_id"], "data_fingerprint": data, "numerics": NUMERICS}
    return Prediction(scores, bars, comparison, data, str(chosen))


def _device(demand: str, saved: SavedRun) -> torch.device:
    """Choose the device. The record's ``GPU`` is used only if this machine has it."""
    import torch

    from lstm_bench.model.device import resolve_device

    gpu = saved.config.task.model.kwargs.GPU
    return resolve_device(demand, gpu if gpu < torch.cuda.device_count() else -1)


def _days(
    provider: Provider, first: int, start: object, end: object, last_recorded: np.datetime64
) -> tuple[int, int]:
    """Return the calendar positions of the days, end exclusive."""
    calendar = provider.calendar
    if start is None:
        begin = int(np.searchsorted(calendar, last_recorded, side="right"))
        if begin >= len(calendar):
            raise DataError(
                f"start: none was given, and there are no further days: the data end on {calendar[-1]}, and the "
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
        reason = f"but the run's table begins with its handler's start_time, {calendar[min(first, len(calendar) - 1)]}"
        raise DataError(f"start: got {start}, {reason}")
    return begin, stop


def _score(saved: SavedRun, dataset: Dataset, begin: int, stop: int, device: torch.device) -> pd.DataFrame:
    """Score the rows of a dataset between two calendar positions."""
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


def _warn_of_learned_days(saved: SavedRun, start: np.datetime64) -> None:
    last = saved.config.task.dataset.kwargs.segments.valid[1]
    if start <= np.datetime64(last, "D"):
        logger.warning(
            "start: %s is not after %s, the end of the days that the model was trained and chosen on",
            start,
            last,
        )


def _warn_of_short_history(saved: SavedRun, dataset: Dataset, begin: int) -> None:
    """Warn if the data lack history that windows and features need."""
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
    """Return calendar positions from ``begin`` to ``stop`` (exclusive) with rows to score."""
    days = np.unique(dataset.rows.days[dataset.views["infer"].kept]).astype(np.int64) + dataset.offset
    return days[(days >= begin) & (days < stop)]


def _check_days(saved: SavedRun, provider: Provider, dataset: Dataset, begin: int, stop: int) -> None:
    """Warn of days without rows to score; refuse them if no day has any."""
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
        raise DataError(f"start..end: there are no rows to score on {days[0]}..{days[-1]}: {reason}")
    logger.warning(
        "start..end: %d of %s have no rows to score, the last %s: %s",
        len(missing), counted(stop - begin, "day"), days[-1], reason,
    )  # fmt: skip
