"""Which parameters leave labels and samples alone, and which are refused."""

from __future__ import annotations

import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.workflow import ResolvedRun, load_workflow
from lstm_bench.core.errors import ConfigError
from lstm_bench.tune.comparable import check_comparable

HANDLER = "task.dataset.kwargs.handler.kwargs"


def workflow(*overrides: str) -> ResolvedRun:
    return load_workflow(ready_folder("configs") / "lstm_alpha158.yaml", overrides).resolved()


@pytest.mark.parametrize(
    "override",
    [
        "task.model.kwargs.lr=0.1",
        f"{HANDLER}.infer_processors.1.kwargs.clip_outlier=false",
        f"{HANDLER}.infer_processors.2.kwargs.fill_value=1.0",
        f"{HANDLER}.infer_processors.0.kwargs.col_list=[ROC60]",
    ],
)
def test_features_may_be_processed_otherwise(override: str) -> None:
    check_comparable("x", workflow(override), workflow())


@pytest.mark.parametrize(
    ("override", "name"),
    [
        (f"{HANDLER}.infer_processors.2.kwargs={{}}", "Fillna"),
        (f"{HANDLER}.infer_processors.1={{class: ZScoreNorm}}", "ZScoreNorm"),
        (f"{HANDLER}.shared_processors=[{{class: DropnaProcessor, kwargs: {{fields_group: feature}}}}]", "Dropna"),
        (f"{HANDLER}.shared_processors=[{{class: ProcessInf}}]", "ProcessInf"),
        (f"{HANDLER}.learn_processors.1={{class: ZScoreNorm, kwargs: {{fields_group: label}}}}", "CSRankNorm"),
    ],
)  # fmt: skip
def test_labels_and_samples_may_not(override: str, name: str) -> None:
    with pytest.raises(
        ConfigError, match=f"parameter x: it changes {name}.* acts on labels or drops samples"
    ):
        check_comparable("x", workflow(override), workflow())


def test_the_days_that_a_label_is_scaled_by_may_not_move() -> None:
    scaled = f"{HANDLER}.learn_processors.1={{class: ZScoreNorm, kwargs: {{fields_group: label}}}}"
    with pytest.raises(ConfigError, match="it changes ZScoreNorm"):
        check_comparable(
            "x",
            workflow(scaled, f"{HANDLER}.fit_end_time=2013-12-31"),
            workflow(scaled),
        )


def test_the_order_of_what_acts_on_labels_counts() -> None:
    one, other = "{class: ProcessInf}", "{class: DropnaProcessor}"
    with pytest.raises(ConfigError, match="the order of processors"):
        check_comparable(
            "x",
            workflow(f"{HANDLER}.shared_processors=[{one}, {other}]"),
            workflow(f"{HANDLER}.shared_processors=[{other}, {one}]"),
        )
