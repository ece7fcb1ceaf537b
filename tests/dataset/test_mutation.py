"""The mutation test finds features and windows of tomorrow, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.mutation import MutatedProvider, changed_features, changed_windows

Configure = Callable[..., DatasetConfig]

CUT = 270
LABEL = "Ref($close, -2)/Ref($close, -1)-1"


def own_columns(configure: Configure, features: list[str], **kwargs: Any) -> DatasetConfig:
    columns = {"feature": features, "label": [[LABEL], ["LABEL0"]]}
    loader = {"class": "QlibDataLoader", "kwargs": {"config": columns}}
    return configure("DataHandlerLP", data_loader=loader, step_len=3, **kwargs)


def test_bars_up_to_the_day_are_kept_and_later_ones_changed(provider: Provider) -> None:
    codes = provider.universe("csi300").instruments
    mutated = MutatedProvider(provider, provider.calendar[CUT])
    one, other = (source.panel(codes, ["close", "volume"], 250, 290) for source in (provider, mutated))
    for name, bars in one.fields.items():
        np.testing.assert_array_equal(bars[: CUT - 250 + 1], other.fields[name][: CUT - 250 + 1])
        later = bars[CUT - 250 + 1 :], other.fields[name][CUT - 250 + 1 :]
        assert not (later[0] == later[1]).any()


@pytest.mark.parametrize("ahead", [1, 2, 30])
def test_a_feature_that_looks_ahead_is_named(configure: Configure, provider: Provider, ahead: int) -> None:
    honest, leak = "$close/Ref($close, 1)", f"Ref($close, -{ahead})/$close"
    config = own_columns(configure, [honest, leak])
    assert changed_features(config.kwargs.handler, provider, CUT) == [leak]
    changed, samples = changed_windows(build_dataset(config, provider), provider, CUT)
    assert 0 < changed <= samples


@pytest.mark.parametrize("name", ["workflow158", "workflow360"])
def test_qlibs_features_and_windows_do_not_change(
    name: str, request: pytest.FixtureRequest, provider: Provider
) -> None:
    config: DatasetConfig = request.getfixturevalue(name)
    assert changed_features(config.kwargs.handler, provider, CUT) == []
    changed, samples = changed_windows(build_dataset(config, provider), provider, CUT)
    assert changed == 0
    assert samples > 100


def test_statistics_that_are_fitted_on_later_days_change_windows(
    configure: Configure, provider: Provider
) -> None:
    late = {"fit_end_time": str(provider.calendar[300])}
    zscore = {"class": "ZScoreNorm", "kwargs": {"fields_group": "feature"}}
    config = configure("Alpha158", step_len=5, infer_processors=[zscore], **late)
    changed, samples = changed_windows(build_dataset(config, provider), provider, CUT)
    assert changed == samples


def test_only_the_named_features_are_computed(configure: Configure, provider: Provider) -> None:
    leaks = ["Ref($close, -1)/$close", "Ref($open, -1)/$open"]
    handler = own_columns(configure, ["$close/$open", *leaks]).kwargs.handler
    assert changed_features(handler, provider, CUT, leaks[:1]) == leaks[:1]
