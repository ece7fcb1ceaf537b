"""The tracking section of a file."""

from __future__ import annotations

import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.sections.tracking import TrackingConfig, with_tracker
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import ConfigError


def demo(*overrides: str) -> RunConfig:
    return load_workflow(ready_folder("configs") / "demo.yaml", list(overrides))


def test_it_is_off_unless_a_file_or_an_option_says_otherwise() -> None:
    assert demo().lstm_bench.tracking == TrackingConfig(tracker="off")
    resolved = demo("lstm_bench.tracking.tracker=mlflow", "lstm_bench.tracking.record=false").resolved()
    assert with_tracker(resolved.lstm_bench.tracking, None).tracker == "mlflow"
    assert with_tracker(resolved.lstm_bench.tracking, "wandb") == TrackingConfig(
        tracker="wandb", record=False
    )
    assert with_tracker(resolved.lstm_bench.tracking, "off").tracker == "off"


def test_it_is_no_part_of_what_a_run_is() -> None:
    told = demo("lstm_bench.tracking={tracker: wandb, timeout_seconds: 5}")
    assert told.identity() == demo().identity()
    assert told.to_file() == demo().to_file()
    assert told.with_seed(3).resolved().lstm_bench.tracking.tracker == "wandb"


@pytest.mark.parametrize("tracker", ["wandbb", "true", ""])
def test_an_unknown_tracker_is_refused(tracker: str) -> None:
    with pytest.raises(ConfigError, match=r"--track: got .*choices: mlflow, off, wandb"):
        with_tracker(TrackingConfig(), tracker)


def test_mistakes_are_named() -> None:
    with pytest.raises(
        ConfigError, match=r"lstm_bench.tracking.*unknown key 'trackr'; did you mean 'tracker'"
    ):
        demo("lstm_bench.tracking={trackr: wandb}")
    with pytest.raises(ConfigError, match=r"lstm_bench.tracking.tracker: got 'wb'"):
        demo("lstm_bench.tracking.tracker=wb")
