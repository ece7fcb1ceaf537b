from __future__ import annotations

import datetime
import logging
from pathlib import Path
from typing import Any

import pytest
from tests.dataset.calendars import Calendar

from lstm_bench.config.sections.dataset import SegmentsConfig
from lstm_bench.config.workflow import load_workflow
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.segments import Segment, close_segments, locate_segments, misfits

CONFIGS = Path(__file__).parents[2] / "configs"


def segments(provider: Provider, **spans: tuple[Any, Any]) -> SegmentsConfig:
    days = provider.calendar
    default = {
        "train": (str(days[10]), str(days[100])),
        "valid": (str(days[101]), str(days[150])),
        "test": (str(days[151]), str(days[300])),
    }
    return SegmentsConfig.model_validate(default | spans)


def test_segments_are_calendar_positions(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    found = locate_segments(segments(provider), ("train", "test"), provider, (0, 320))
    assert found == {"train": Segment("train", 10, 101), "test": Segment("test", 151, 301)}
    assert caplog.text == ""


def test_an_open_end_is_the_handlers_day(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    days = provider.calendar
    config = segments(provider, train=(None, str(days[100])), test=(str(days[151]), None))
    found = locate_segments(config, ("train", "test"), provider, (20, 200))
    assert found == {"train": Segment("train", 20, 101), "test": Segment("test", 151, 200)}


def test_a_run_says_the_day_on_which_an_open_segment_ended(provider: Provider) -> None:
    days = [str(day) for day in provider.calendar]
    handler = "task.dataset.kwargs.handler.kwargs"
    changes: dict[str, Any] = {
        f"{handler}.start_time": None,
        f"{handler}.end_time": None,
        f"{handler}.fit_start_time": days[0],
        f"{handler}.fit_end_time": days[200],
    }
    valid = {"valid": [days[201], days[250]]}
    spans: dict[str, Any] = {"train": [None, days[200]], **valid, "test": [days[251], None]}
    path = CONFIGS / "lstm_alpha158.yaml"
    opened = load_workflow(path, changes | {"task.dataset.kwargs.segments": spans})
    assert opened.task.dataset.kwargs.segments.is_open
    spans = {"train": [days[0], days[200]], **valid, "test": [days[251], days[-1]]}
    explicit = load_workflow(path, changes | {"task.dataset.kwargs.segments": spans})
    closed = close_segments(opened, provider)
    assert closed == explicit
    assert closed.identity() == explicit.identity()
    assert misfits(opened.task.dataset, provider) == []
    assert close_segments(closed, provider) is closed


def test_an_open_segment_that_begins_after_the_data_is_refused(provider: Provider) -> None:
    changes: dict[str, Any] = {"task.dataset.kwargs.handler.kwargs.end_time": None}
    spans = {"test": ["2040-01-01", None]}
    opened = load_workflow(
        CONFIGS / "lstm_alpha158.yaml",
        changes | {"task.dataset.kwargs.segments.test": spans["test"]},
    )
    with pytest.raises(ConfigError, match="segments: segment 'test' starts on 2040-01-01, after its end"):
        close_segments(opened, provider)


def test_a_segment_that_leaves_the_calendar_is_clamped_and_logged(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    config = segments(provider, test=(str(provider.calendar[151]), "2031-01-01"))
    with caplog.at_level(logging.WARNING):
        found = locate_segments(config, ("test",), provider, (0, 320))
    assert found["test"] == Segment("test", 151, 320)
    assert "segment 'test'" in caplog.text
    assert "clamped" in caplog.text


def test_a_segment_that_leaves_the_handlers_days_is_clamped_and_logged(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = locate_segments(segments(provider), ("train", "test"), provider, (20, 200))
    assert found == {"train": Segment("train", 20, 101), "test": Segment("test", 151, 200)}
    assert "segment 'train'" in caplog.text
    assert "start_time..end_time" in caplog.text


def test_a_segment_outside_is_an_error(provider: Provider) -> None:
    with pytest.raises(DataError, match=r"segment 'test'.* lies wholly outside the handler's"):
        locate_segments(segments(provider), ("test",), provider, (0, 120))
    config = segments(provider, test=("2031-01-01", "2031-12-31"))
    with pytest.raises(DataError, match=r"segment 'test': 2031-01-01\.\.2031-12-31 holds no trading day"):
        locate_segments(config, ("test",), provider, (0, 320))


def test_a_segment_of_a_weekend_is_an_error(provider: Provider) -> None:
    saturday = next(
        day
        for day in (datetime.date.fromisoformat(str(d)) for d in provider.calendar[160:170])
        if day.weekday() == 4
    ) + datetime.timedelta(days=1)
    config = segments(provider, test=(saturday, saturday + datetime.timedelta(days=1)))
    with pytest.raises(DataError, match=r"segment 'test'.* no trading day"):
        locate_segments(config, ("test",), provider, (0, 320))


def test_segments_inside_the_calendar_fit() -> None:
    qlib = load_workflow(CONFIGS / "lstm_alpha158.yaml").task.dataset
    assert misfits(qlib, Calendar(4000)) == []


def test_segments_that_lie_less_than_half_inside_are_reported() -> None:
    qlib = load_workflow(CONFIGS / "lstm_alpha158.yaml").task.dataset
    train, valid = misfits(qlib, Calendar(1200))  # from early in 2016 on
    assert train.startswith("segment 'train': only 0% of 2008-01-01..2014-12-31 lies inside")
    assert train.endswith("2020-09-30")
    assert valid.startswith("segment 'valid': only 4")
    (test,) = misfits(qlib, Calendar(3000, "2017-12-29"))
    assert test.startswith("segment 'test': only 28% of 2017-01-01..2020-08-01")
    assert len(misfits(qlib, Calendar(500, "1995-01-02"))) == 3
