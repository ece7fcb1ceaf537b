"""Nothing looks ahead: other bars after day t change nothing that is known at t. A planted leak is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples

Configure = Callable[..., DatasetConfig]
Perturbed = Callable[[np.datetime64], Provider]

FIT_END, LAST = 179, 308
"""Calendar positions: the last day of the fit period, and the last day t that leaves bars to perturb."""

few_days = settings(max_examples=5, derandomize=True)
any_day = st.integers(65, LAST)
any_later_day = st.integers(FIT_END + 1, LAST)

LABEL_DAYS = 2
"""The label of day t is the return from t + 1 to t + 2."""


def leaking_features(config: DatasetConfig, provider: Provider, perturbed: Perturbed, cut: int) -> list[str]:
    """Name the raw features that differ on or before day t."""
    day = provider.calendar[cut]
    tables = [build_dataset(config, source).table("raw") for source in (provider, perturbed(day))]
    one, other = (table[table.index.get_level_values("datetime") <= day]["feature"] for table in tables)
    assert one.index.equals(other.index)
    assert len(one)
    return [name for name in one if not one[name].equals(other[name])]


def label_leaks(
    config: DatasetConfig, provider: Provider, perturbed: Perturbed, cut: int, reach: int
) -> bool:
    """Whether a label differs that should need no more than the bars of the next ``reach`` days."""
    labels = [
        build_dataset(config, source).raw_label for source in (provider, perturbed(provider.calendar[cut]))
    ]
    known = slice(0, cut - reach + 1)
    assert np.isfinite(labels[0][known]).any()
    return not np.array_equal(labels[0][known], labels[1][known], equal_nan=True)


def windows_leak(config: DatasetConfig, provider: Provider, perturbed: Perturbed, cut: int) -> bool:
    """Whether an infer window of day t or before differs, or is there in one market only."""
    day = provider.calendar[cut]
    datasets = [build_dataset(config, source) for source in (provider, perturbed(day))]
    seen = 0
    for segment in ("train", "valid", "test"):
        known = []
        for dataset in datasets:
            index, windows, _ = dataset.windows(segment, "infer")
            rows = index.get_level_values("datetime") <= day
            known.append((index[rows], windows[rows]))
        (index, one), (other_index, other) = known
        seen += len(index)
        if not index.equals(other_index) or not np.array_equal(one, other, equal_nan=True):
            return True
    assert seen
    return False


@pytest.mark.parametrize("handler", ["Alpha158", "Alpha360"])
@few_days
@given(cut=any_day)
def test_features_know_the_past_only(
    handler: str, cut: int, configure: Configure, provider: Provider, perturbed: Perturbed
) -> None:
    assert leaking_features(configure(handler, infer_processors=[]), provider, perturbed, cut) == []


@few_days
@given(cut=any_day)
def test_labels_know_two_days_more(
    cut: int, workflow158: DatasetConfig, provider: Provider, perturbed: Perturbed
) -> None:
    assert not label_leaks(workflow158, provider, perturbed, cut, LABEL_DAYS)
    # and no fewer: the label of day t - 1 does depend on day t + 1
    assert label_leaks(workflow158, provider, perturbed, cut, LABEL_DAYS - 1)


@pytest.fixture(scope="session")
def configurations(
    configure: Configure, workflow158: DatasetConfig, workflow360: DatasetConfig
) -> dict[str, DatasetConfig]:
    chain = ["ProcessInf", "CSZFillna", "CSRankNorm", "TanhProcess"]
    return {
        "workflow158": workflow158,
        "workflow360": workflow360,
        "defaults360": configure("Alpha360", infer_processors=["ProcessInf", zscore(), filled()]),
        "cross_section": configure("Alpha158", step_len=5, infer_processors=chain),
    }


@pytest.mark.parametrize("name", ["workflow158", "workflow360", "defaults360", "cross_section"])
@few_days
@given(cut=any_later_day)
def test_infer_windows_after_the_fit_period_know_the_past_only(
    name: str,
    cut: int,
    configurations: dict[str, DatasetConfig],
    provider: Provider,
    perturbed: Perturbed,
) -> None:
    assert not windows_leak(configurations[name], provider, perturbed, cut)


def zscore() -> dict[str, Any]:
    return {"class": "ZScoreNorm", "kwargs": {"fields_group": "feature"}}


def filled() -> dict[str, Any]:
    return {"class": "Fillna", "kwargs": {"fields_group": "feature"}}


def own_columns(configure: Configure, features: list[str], label: str) -> DatasetConfig:
    columns = {"feature": features, "label": [[label], ["LABEL0"]]}
    loader = {"class": "QlibDataLoader", "kwargs": {"config": columns}}
    return configure("DataHandlerLP", data_loader=loader, step_len=3)


def test_a_feature_of_tomorrow_is_found(
    configure: Configure, provider: Provider, perturbed: Perturbed
) -> None:
    honest, leak = "$close/Ref($close, 1)", "Ref($close, -1)/$close"
    config = own_columns(configure, [honest, leak], "Ref($close, -2)/Ref($close, -1)-1")
    assert leaking_features(config, provider, perturbed, 260) == [leak]
    assert windows_leak(config, provider, perturbed, 260)


def test_a_label_that_reaches_a_day_further_is_found(
    configure: Configure, provider: Provider, perturbed: Perturbed
) -> None:
    config = own_columns(configure, ["$close/$open"], "Ref($close, -3)/Ref($close, -1)-1")
    assert label_leaks(config, provider, perturbed, 260, LABEL_DAYS)


def test_statistics_of_later_days_are_found(
    configure: Configure, provider: Provider, perturbed: Perturbed
) -> None:
    late = {"fit_end_time": str(provider.calendar[300])}
    for handler in ("Alpha158", "Alpha360"):
        config = configure(handler, step_len=5, infer_processors=[zscore(), filled()], **late)
        assert windows_leak(config, provider, perturbed, 260)


def test_a_leak_of_the_cross_section_is_found(
    configure: Configure, provider: Provider, perturbed: Perturbed
) -> None:
    # rows dropped for a missing label are missing in the others' ranks: a leak, were it done for prediction
    chain = [{"class": "DropnaProcessor", "kwargs": {"fields_group": "label"}}, "CSRankNorm"]
    config = configure("Alpha158", step_len=5, infer_processors=chain)
    assert windows_leak(config, provider, perturbed, 260)


def scores_leak(config: DatasetConfig, provider: Provider, perturbed: Perturbed, cut: int) -> bool:
    """Whether a model of fixed weights scores a test sample of day t or before differently."""
    day = provider.calendar[cut]
    scored = []
    for source in (provider, perturbed(day)):
        dataset = build_dataset(config, source)
        test = dataset.samples("test", "infer")
        torch.manual_seed(0)
        model = LSTM(dataset.n_features, hidden_size=8, num_layers=2, dropout=0.0)
        scores = predict(model, ResidentSamples.place(test, torch.device("cpu"))).numpy()
        scored.append(dataset.scores_to_panel(test, scores)[dataset.days <= day])
    one, other = scored
    assert np.isfinite(one).any()
    return not np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize("name", ["workflow158", "workflow360"])
@few_days
@given(cut=st.integers(242, LAST))
def test_scores_know_the_past_only(
    name: str,
    cut: int,
    configurations: dict[str, DatasetConfig],
    provider: Provider,
    perturbed: Perturbed,
) -> None:
    assert not scores_leak(configurations[name], provider, perturbed, cut)


def test_a_score_of_tomorrow_is_found(configure: Configure, provider: Provider, perturbed: Perturbed) -> None:
    config = own_columns(configure, ["Ref($close, -1)/$close"], "Ref($close, -2)/Ref($close, -1)-1")
    assert scores_leak(config, provider, perturbed, 260)


def learning_leaks(
    config: DatasetConfig, provider: Provider, perturbed: Perturbed, embargo: int, segment: SegmentName
) -> bool:
    """Whether a segment's samples, windows or labels change with the bars of the next segment."""
    spans = config.kwargs.segments
    begin = {"train": spans.valid, "valid": spans.test}[segment][0]
    day = provider.calendar[np.searchsorted(provider.calendar, np.datetime64(begin)) - 1]
    (index, X, y), (other_index, other_X, other_y) = (
        build_dataset(config, source, embargo=embargo).windows(segment, "learn")
        for source in (provider, perturbed(day))
    )
    assert np.isfinite(y).any()
    return not (
        index.equals(other_index)
        and np.array_equal(X, other_X, equal_nan=True)
        and np.array_equal(y, other_y, equal_nan=True)
    )


# labels by rank, as they are, and less a mean that is fitted on all of train
LEARNING: dict[str, list[Any]] = {
    "ranked": ["DropnaLabel", {"class": "CSRankNorm", "kwargs": {"fields_group": "label"}}],
    "raw": [],
    "fitted": [{"class": "ZScoreNorm", "kwargs": {"fields_group": "label"}}, "DropnaLabel"],
}


def learning(
    configure: Configure, labels: str, horizon: int, valid: int = 180, gap: int = 0
) -> DatasetConfig:
    """Configure an Alpha158 of three columns, its label ``horizon`` days long, valid ``gap`` days after train."""
    keep = {"class": "FilterCol", "kwargs": {"fields_group": "feature", "col_list": ["KMID", "ROC5", "STD5"]}}
    config = configure(
        "Alpha158",
        dates=(60, valid, 240, 310),
        step_len=3,
        infer_processors=[keep, zscore(), filled()],
        learn_processors=LEARNING[labels],
        label=[[f"Ref($close, -{horizon + 1})/Ref($close, -1) - 1"], ["LABEL0"]],
    )
    if not gap:
        return config
    spans = config.kwargs.segments
    first = np.busday_offset(np.datetime64(spans.valid[0]), gap).item()
    moved = spans.model_copy(update={"valid": (first, spans.valid[1])})
    return config.model_copy(update={"kwargs": config.kwargs.model_copy(update={"segments": moved})})


@pytest.mark.parametrize("labels", LEARNING)
@pytest.mark.parametrize("segment", ["train", "valid"])
@settings(max_examples=4, derandomize=True)
@given(horizon=st.integers(1, 7), valid=st.integers(150, 200), gap=st.integers(0, 4))
def test_with_the_embargo_nothing_learned_knows_the_next_segment(
    segment: SegmentName, labels: str, horizon: int, valid: int, gap: int,
    configure: Configure, provider: Provider, perturbed: Perturbed,
) -> None:  # fmt: skip
    config = learning(configure, labels, horizon, valid, gap)
    assert not learning_leaks(config, provider, perturbed, horizon + 1, segment)


@pytest.mark.parametrize("labels", LEARNING)
@pytest.mark.parametrize("segment", ["train", "valid"])
@pytest.mark.parametrize("embargo", [0, 3])
def test_without_the_embargo_or_with_a_day_less_it_does(
    segment: SegmentName, labels: str, embargo: int,
    configure: Configure, provider: Provider, perturbed: Perturbed,
) -> None:  # fmt: skip
    assert learning_leaks(learning(configure, labels, 3), provider, perturbed, embargo, segment)
    assert not learning_leaks(learning(configure, labels, 3), provider, perturbed, 4, segment)
