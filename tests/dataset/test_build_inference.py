"""New days are treated as a run treats them whose test segment they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset, build_inference_dataset

Configure = Callable[..., DatasetConfig]

EARLY = (0, 180, 240, 270)
"""Segments of a run that ends on day 270; the predicted days follow."""

FEATURE = {"fields_group": "feature"}


def zscore(configure: Configure) -> dict[str, Any]:
    """A processor with its own fit dates, as shared processors and loaders have."""
    kwargs = configure("Alpha158").kwargs.handler.kwargs
    dates = {"fit_start_time": str(kwargs.start_time), "fit_end_time": "2020-03-20"}
    return {"class": "ZScoreNorm", "kwargs": FEATURE | dates}


def own_columns(configure: Configure, dates: tuple[int, ...]) -> DatasetConfig:
    """Expanding and exponential expressions, which depend on where the table begins."""
    features = [
        "Mean($close, 0)/$close",
        "EMA($close, 10)/$close",
        "Mean($volume, 0.1)/$volume",
        "Ref($close, 3)/$close",
    ]
    columns = {"feature": features, "label": [["Ref($close, -2)/Ref($close, -1)-1"], ["LABEL0"]]}
    return configure(
        "DataHandlerLP",
        dates=dates,
        data_loader={"class": "QlibDataLoader", "kwargs": {"config": columns}},
        step_len=5,
        shared_processors=[zscore(configure)],
        infer_processors=["CSZFillna", "Fillna"],
        learn_processors=["DropnaLabel", zscore(configure)],
        process_type="independent",
    )


ROBUST = [{"class": "RobustZScoreNorm", "kwargs": FEATURE}, {"class": "Fillna", "kwargs": FEATURE}]
CROSS_SECTION = ["ProcessInf", "CSZFillna", "CSRankNorm", "TanhProcess"]
DROPPED = [
    {"class": "FilterCol", "kwargs": {"fields_group": "feature", "col_list": ["KMID", "CORR10", "ROC60"]}},
    {"class": "MinMaxNorm", "kwargs": {}},
    {"class": "DropnaProcessor", "kwargs": FEATURE},
]
CONFIGURATIONS: dict[str, Callable[[Configure, tuple[int, ...]], DatasetConfig]] = {
    "alpha158": lambda c, dates: c("Alpha158", dates=dates, step_len=8, infer_processors=ROBUST),
    "alpha360": lambda c, dates: c("Alpha360", dates=dates, infer_processors=ROBUST),
    "alpha360's own processors": lambda c, dates: c("Alpha360", dates=dates, step_len=20),
    "alpha360 as rows": lambda c, dates: c("Alpha360", dates=dates, infer_processors=["CSZScoreNorm", "Fillna"]),
    "cross-section": lambda c, dates: c("Alpha158", dates=dates, step_len=5, infer_processors=CROSS_SECTION),
    "dropped rows": lambda c, dates: c("Alpha158", dates=dates, step_len=5, infer_processors=DROPPED),
    "own columns": own_columns,
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_windows_are_those_of_a_run_that_tests_these_days(
    name: str, configure: Configure, provider: Provider
) -> None:
    last = len(provider.calendar) - 1
    fitted = build_dataset(CONFIGURATIONS[name](configure, EARLY), provider).fitted
    index, windows, _ = build_dataset(CONFIGURATIONS[name](configure, (0, 180, 271, last)), provider).windows(
        "test", "infer"
    )
    config = CONFIGURATIONS[name](configure, EARLY)
    new = build_inference_dataset(config, provider, fitted, 271, last + 1, d_feat=6)
    got, again, _ = new.windows("test", "infer")
    assert index.equals(got)
    np.testing.assert_array_equal(windows, again)
    # the newest days have no label, and are there all the same
    assert got.get_level_values("datetime").max() == np.datetime64(provider.calendar[-1])


@pytest.mark.parametrize("name", ["alpha158", "alpha360", "own columns"])
def test_a_single_day_is_what_it_is_among_others(name: str, configure: Configure, provider: Provider) -> None:
    config = CONFIGURATIONS[name](configure, EARLY)
    fitted = build_dataset(config, provider).fitted
    several = build_inference_dataset(config, provider, fitted, 250, 300, d_feat=6)
    index, windows, _ = several.windows("test", "infer")
    for position in (250, 299):
        one = build_inference_dataset(config, provider, fitted, position, position + 1, d_feat=6)
        got, again, _ = one.windows("test", "infer")
        rows = index.get_level_values("datetime") == np.datetime64(provider.calendar[position], "ns")
        assert rows.any()
        assert index[rows].equals(got)
        np.testing.assert_array_equal(windows[rows], again)
        assert len(one.rows) < len(several.rows)


def test_the_first_days_of_the_table_have_short_windows(configure: Configure, provider: Provider) -> None:
    config = CONFIGURATIONS["alpha158"](configure, EARLY)
    dataset = build_dataset(config, provider)
    index, windows, _ = dataset.windows("train", "infer")
    new = build_inference_dataset(config, provider, dataset.fitted, 0, 4, d_feat=6)
    got, again, _ = new.windows("test", "infer")
    known = index.isin(got)
    # sorted by instrument, then day, in both
    assert index[known].equals(got)
    own = index[known].get_level_values("datetime") == np.datetime64(provider.calendar[3], "ns")
    np.testing.assert_array_equal(windows[known][own][:, -4:], again[own][:, -4:])


def test_statistics_of_other_columns_are_refused(configure: Configure, provider: Provider) -> None:
    fitted = build_dataset(CONFIGURATIONS["alpha158"](configure, EARLY), provider).fitted
    with pytest.raises(
        DataError, match="statistics: got RobustZScoreNorm of group 'feature', expected those of"
    ):
        build_inference_dataset(
            CONFIGURATIONS["alpha360"](configure, EARLY), provider, fitted, 271, 280, d_feat=6
        )
