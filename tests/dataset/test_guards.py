"""The embargo's days, and the warnings of what it does not reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.feature_set import FeatureSet
from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import ConfigError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.feature_check import check_texts
from lstm_bench.dataset.guards import embargo_days, embargoed_days, leaks
from lstm_bench.dataset.segments import locate_segments

Configure = Callable[..., DatasetConfig]

ALPHA158 = Path(__file__).parents[2] / "configs" / "lstm_alpha158.yaml"
LEARNING: tuple[SegmentName, ...] = ("train", "valid")


def workflow(*overrides: str) -> RunConfig:
    return load_workflow(ALPHA158, overrides)


@pytest.mark.parametrize(
    ("overrides", "days"),
    [
        (["lstm_bench.compat=none"], 2),
        (["lstm_bench.compat=qlib"], 0),
        ([], 0),
        (["lstm_bench.compat=none", "lstm_bench.horizon=10"], 11),
        (["lstm_bench.compat=none", "data_handler_config.label=['Ref($close, -4)/$close']"], 4),
        (["lstm_bench.compat=none", "lstm_bench.embargo=0"], 0),
        (["lstm_bench.embargo=5"], 5),
    ],
)
def test_the_embargo_is_what_the_label_looks_ahead(overrides: list[str], days: int) -> None:
    assert embargo_days(workflow(*overrides)) == days


def days_of(config: DatasetConfig, provider: Provider, embargo: int) -> list[int]:
    found = locate_segments(config.kwargs.segments, ("train", "valid", "test"), provider, (0, 320))
    return np.flatnonzero(embargoed_days(config, found, provider, embargo)).tolist()


def test_its_days_are_the_last_before_the_next_segment(configure: Configure, provider: Provider) -> None:
    config = configure(dates=(0, 180, 240, 310))
    assert days_of(config, provider, 0) == []
    assert days_of(config, provider, 2) == [178, 179, 238, 239]


def test_a_gap_between_segments_counts(configure: Configure, provider: Provider) -> None:
    config = configure(dates=(0, 180, 240, 310))
    calendar = provider.calendar
    spans = config.kwargs.segments.model_copy(
        update={"train": (calendar[0].item(), calendar[176].item())}  # 177, 178, 179 belong to none
    )
    moved = config.model_copy(update={"kwargs": config.kwargs.model_copy(update={"segments": spans})})
    assert days_of(moved, provider, 2) == [238, 239]
    assert days_of(moved, provider, 5) == [175, 176, 235, 236, 237, 238, 239]


def test_a_segment_that_it_empties_is_refused(configure: Configure, provider: Provider) -> None:
    config = configure(dates=(0, 180, 184, 310))
    assert days_of(config, provider, 3)
    with pytest.raises(
        ConfigError, match=r"lstm_bench\.embargo: 4 days before 'test' .* no day of segment 'valid'"
    ):
        build_dataset(config, provider, embargo=4)


def test_samples_are_left_out_of_what_is_learned_and_of_nothing_else(
    workflow158: DatasetConfig, provider: Provider
) -> None:
    plain, guarded = (build_dataset(workflow158, provider, embargo=embargo) for embargo in (0, 2))
    for segment, last in (("train", 180), ("valid", 240)):
        before, after = plain.samples(segment, "learn"), guarded.samples(segment, "learn")  # type: ignore[arg-type]
        kept = before.days < last - 2
        np.testing.assert_array_equal(after.days, before.days[kept])
        np.testing.assert_array_equal(after.labels, before.labels[kept])
        assert (before.embargoed, after.embargoed) == (0, int((~kept).sum()))
        assert after.embargoed > 20
    for segment in ("train", "valid", "test"):
        before, after = plain.samples(segment, "infer"), guarded.samples(segment, "infer")  # type: ignore[arg-type]
        np.testing.assert_array_equal(after.days, before.days)
        assert after.embargoed == 0


def test_a_cached_dataset_keeps_it(workflow158: DatasetConfig, provider: Provider, tmp_path: Path) -> None:
    cache = DatasetCache(tmp_path / "cache", max_bytes=10**9)
    entries = {
        embargo: cache.ensure(workflow158, provider, "f" * 64, LEARNING, d_feat=20, embargo=embargo)
        for embargo in (0, 2)
    }
    assert entries[0].path != entries[2].path
    for embargo, entry in entries.items():
        opened = DatasetCache.open_entry(entry.path, workflow158)
        built = build_dataset(workflow158, provider, LEARNING, embargo=embargo)
        assert opened.embargo == embargo
        for segment in LEARNING:
            one, other = opened.samples(segment, "learn"), built.samples(segment, "learn")
            assert one.embargoed == other.embargoed
            np.testing.assert_array_equal(one.days, other.days)


def test_an_entry_is_of_the_days_before_its_test_segment(
    configure: Configure, provider: Provider, tmp_path: Path
) -> None:
    """Train and valid may have the same days; the begin of test still distinguishes configurations."""
    cache = DatasetCache(tmp_path / "cache", max_bytes=10**9)
    config = configure("Alpha158")
    spans = config.kwargs.segments
    later = spans.model_copy(update={"test": (provider.calendar[250].item(), spans.test[1])})
    other = config.model_copy(update={"kwargs": config.kwargs.model_copy(update={"segments": later})})
    left_out = [
        cache.open(each, provider, "f" * 64, LEARNING, d_feat=158, embargo=2)
        .samples("valid", "learn")
        .embargoed
        for each in (config, other)
    ]
    assert left_out[0] > left_out[1] == 0


def test_statistics_that_are_fitted_outside_train_are_found(configure: Configure, provider: Provider) -> None:
    chain: list[Any] = [{"class": "ZScoreNorm", "kwargs": {"fields_group": "feature"}}]
    days = [str(day) for day in provider.calendar]

    def fitted(start: str, end: str) -> list[str]:
        dates = {"fit_start_time": start, "fit_end_time": end}
        config = configure(dates=(10, 180, 240, 310), infer_processors=chain, **dates)
        return [text for field, text in leaks(config, provider) if field == "fit_start_time..fit_end_time"]

    assert fitted(days[10], days[179]) == []
    weekend = str(provider.calendar[10] - 1)
    assert fitted(weekend if weekend not in days else days[10], days[150]) == []  # the same trading days
    for start, end in ((days[10], days[180]), (days[9], days[179]), (days[190], days[200])):
        (message,) = fitted(start, end)
        assert f"ZScoreNorm is fitted on {start}..{end}, which is not within train, {days[10]}.." in message


def test_features_of_tomorrow_and_labels_of_today_are_found_in_the_words_of_the_check(
    configure: Configure, provider: Provider
) -> None:
    columns = {"feature": [["$close/$open", "Ref($close, -3)/$close"], ["A", "B"]], "label": ["$close"]}
    loader = {"class": "QlibDataLoader", "kwargs": {"config": columns}}
    found = list(leaks(configure("DataHandlerLP", data_loader=loader), provider))
    assert found == [
        ("feature B", "looks 3 days ahead, which is a leak: Ref($close, -3)/$close"),
        ("label $close", "does not look ahead, so that it is known on its day: $close"),
    ]
    features = FeatureSet(
        name="x", features={"A": "$close/$open", "B": "Ref($close, -3)/$close"}, labels={"$close": "$close"}
    )
    checked = check_texts(features)
    assert [(f"{one.group} {one.column}", one.text) for one in checked] == found
    assert list(leaks(configure("Alpha158"), provider)) == []
