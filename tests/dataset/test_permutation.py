"""Permuted labels: each day of train and valid keeps its labels, and the stocks exchange them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset, SampleSet
from lstm_bench.dataset.permutation import permute_labels

Configure = Callable[..., DatasetConfig]


@pytest.fixture(scope="module", params=["workflow158", "workflow360"])
def dataset(request: pytest.FixtureRequest, provider: Provider) -> Dataset:
    return build_dataset(request.getfixturevalue(request.param), provider)


def by_day(samples: SampleSet, values: Any) -> list[Any]:
    return [values[samples.days == day] for day in np.unique(samples.days)]


@pytest.mark.parametrize("segment", ["train", "valid"])
def test_a_day_keeps_its_labels_and_raw_labels_move_with_them(dataset: Dataset, segment: Any) -> None:
    permuted = permute_labels(dataset, 3)
    before, after = dataset.samples(segment, "learn"), permuted.samples(segment, "learn")
    np.testing.assert_array_equal(before.days, after.days)
    np.testing.assert_array_equal(before.instruments, after.instruments)
    raw = [one.raw_label[before.days, before.instruments] for one in (dataset, permuted)]
    moved = 0
    for labels, others, raws, other_raws in zip(
        *(by_day(before, values) for values in (before.labels, after.labels, *raw)), strict=True
    ):
        np.testing.assert_array_equal(np.sort(labels), np.sort(others))
        pairs = [sorted(zip(a, b, strict=True)) for a, b in ((labels, raws), (others, other_raws))]
        assert pairs[0] == pairs[1]
        moved += int((labels != others).sum())
    assert moved > 0.8 * len(before)
    kept = np.corrcoef(before.labels, after.labels)[0, 1]
    assert abs(kept) < 4 / np.sqrt(len(before))


def test_test_keeps_its_labels_and_no_feature_changes(dataset: Dataset) -> None:
    permuted = permute_labels(dataset, 3)
    before, after = dataset.samples("test", "infer"), permuted.samples("test", "infer")
    np.testing.assert_array_equal(before.labels, after.labels)
    first = dataset.segments["test"].begin - dataset.offset
    np.testing.assert_array_equal(dataset.raw_label[first:], permuted.raw_label[first:])
    assert all(permuted.views[key].features is view.features for key, view in dataset.views.items())


def test_the_seed_decides_and_nothing_else(
    configure: Configure, provider: Provider, workflow158: DatasetConfig
) -> None:
    whole = build_dataset(workflow158, provider)

    def labels(dataset: Dataset, seed: int) -> Any:
        return permute_labels(dataset, seed).samples("valid", "learn").labels

    np.testing.assert_array_equal(labels(whole, 1), labels(whole, 1))
    assert (labels(whole, 1) != labels(whole, 2)).mean() > 0.8
    for_tuning = build_dataset(workflow158, provider, ["train", "valid"])
    np.testing.assert_array_equal(labels(whole, 1), labels(for_tuning, 1))
    later = configure(
        "Alpha158", dates=(20, 180, 240, 310), step_len=8, infer_processors=_filled(workflow158)
    )
    shorter, longer = (
        permute_labels(one, 1).raw_label[180 - one.offset : 240 - one.offset]
        for one in (build_dataset(later, provider), whole)
    )
    np.testing.assert_array_equal(shorter, longer)


def _filled(config: DatasetConfig) -> Sequence[Any]:
    return [entry.model_dump(by_alias=True) for entry in config.kwargs.handler.infer_processors]
