from __future__ import annotations

import datetime
import logging
from typing import Any

import pytest

from lstm_bench.config.dataset import SegmentsConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.segments import Segment, locate_segments
from lstm_bench.errors import DataError


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


def test_a_segment_that_leaves_the_calendar_is_clamped_and_said(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    config = segments(provider, test=(str(provider.calendar[151]), "2031-01-01"))
    with caplog.at_level(logging.WARNING):
        found = locate_segments(config, ("test",), provider, (0, 320))
    assert found["test"] == Segment("test", 151, 320)
    assert "segment 'test'" in caplog.text
    assert "clamped" in caplog.text


def test_a_segment_that_leaves_the_handlers_days_is_clamped_and_said(
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
