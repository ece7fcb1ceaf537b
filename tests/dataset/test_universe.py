"""Filters of the universe, against a walk over days and stocks."""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.core.errors import DataError, ExpressionError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.universe import universe_of

CLOSE = "Mean($close, 3) > Ref($close, 2)"


def handler(**kwargs: Any) -> HandlerConfig:
    kwargs = {"instruments": "csi300", **kwargs}
    return HandlerConfig.model_validate({"class": "qlib.contrib.data.handler.Alpha158", "kwargs": kwargs})


def named(pattern: str, start: object = None, end: object = None) -> dict[str, Any]:
    return {
        "filter_type": "NameDFilter",
        "name_rule_re": pattern,
        "filter_start_time": start,
        "filter_end_time": end,
    }


def ruled(rule: str, start: object = None, end: object = None, *, keep: bool = False) -> dict[str, Any]:
    days = {"filter_start_time": start, "filter_end_time": end}
    return {"filter_type": "ExpressionDFilter", "rule_expression": rule, "keep": keep, **days}


def lasting(**kwargs: object) -> list[dict[str, Any]]:
    return [{"class": "TimeRangeFlt", "module_path": "qlib.data.dataset.processor", "kwargs": kwargs}]


def member(provider: Provider, **kwargs: Any) -> pd.DataFrame:
    """Membership of all codes of the market on all days."""
    codes = provider.universe("csi300").instruments
    mask = universe_of(handler(**kwargs), provider).member(provider.calendar, codes)
    return pd.DataFrame(mask, index=provider.calendar.astype("datetime64[ns]"), columns=list(codes))


def bars(provider: Provider, code: str, field: str) -> pd.Series:
    panel = provider.panel([code], [field], 0, len(provider.calendar))
    values = pd.Series(panel.fields[field][:, 0], index=panel.days.astype("datetime64[ns]"))
    return values.iloc[panel.first[0] : panel.last[0] + 1]


def test_names_are_matched_from_their_beginning_inside_the_filters_days(provider: Provider) -> None:
    all_of_them = member(provider)
    start, end = all_of_them.index[50], all_of_them.index[200]
    found = member(provider, filter_pipe=[named("SH60000[0-3]", start.date(), end.date())])
    expected = all_of_them.copy()
    for code in expected.columns:
        if not re.match("SH60000[0-3]", code):
            expected.loc[start:end, code] = False
    pd.testing.assert_frame_equal(found, expected)
    assert found.to_numpy().sum() < all_of_them.to_numpy().sum()


@pytest.mark.parametrize("span", [(None, None), (60, 250)])
def test_a_rule_holds_day_by_day(provider: Provider, span: tuple[int | None, int | None]) -> None:
    all_of_them = member(provider)
    start, end = (None if place is None else all_of_them.index[place].date() for place in span)
    found = member(provider, filter_pipe=[ruled(CLOSE, start, end)])
    first, last = start or all_of_them.index[0].date(), end or all_of_them.index[-1].date()
    expected = all_of_them.copy()
    for code in expected.columns:
        close = bars(provider, code, "close")
        holds = close.rolling(3, min_periods=1).mean() > close.shift(2)
        days = [day for day in holds.index if first <= day.date() <= last and all_of_them.loc[day, code]]
        if not days:
            expected.loc[pd.Timestamp(first) : pd.Timestamp(last), code] = False
            continue
        for day in expected.index[(expected.index >= days[0]) & (expected.index <= days[-1])]:
            if day not in days or not holds[day]:
                expected.loc[day, code] = False
    pd.testing.assert_frame_equal(found, expected)
    assert 0 < found.to_numpy().sum() < all_of_them.to_numpy().sum()


def test_a_number_is_true_unless_it_is_zero_and_so_is_what_is_missing(provider: Provider) -> None:
    all_of_them = member(provider)
    assert member(provider, filter_pipe=[ruled("$close * 0")]).to_numpy().sum() < all_of_them.to_numpy().sum()
    pd.testing.assert_frame_equal(member(provider, filter_pipe=[ruled("Log($close * 0 - 1)")]), all_of_them)


def test_what_has_no_value_stays_where_keep_says_so(provider: Provider) -> None:
    pd.testing.assert_frame_equal(
        member(provider, filter_pipe=[ruled("$nothing > 1", keep=True)]), member(provider)
    )
    with pytest.raises(DataError, match=r"no instrument of 'csi300' passes '\$nothing > 1'"):
        member(provider, filter_pipe=[ruled("$nothing > 1")])


def test_filters_follow_one_another(provider: Provider) -> None:
    both = member(provider, filter_pipe=[named("SH"), ruled(CLOSE)])
    expected = member(provider, filter_pipe=[ruled(CLOSE)])
    for code in provider.universe("csi300").instruments:
        if not code.startswith("SH"):
            expected[code] = False
    pd.testing.assert_frame_equal(both, expected)


def test_instruments_that_do_not_last_are_dropped(provider: Provider) -> None:
    market = provider.universe("csi300")
    days = provider.calendar
    ends = {}
    for code in market.instruments:
        close = bars(provider, code, "close")
        rows = market.member(days, [code])[:, 0]
        on = [day for day in close.index if rows[np.searchsorted(days, np.datetime64(day, "D"))]]
        if on:
            ends[code] = on[0], on[-1]
    start, end = days[40].item(), days[300].item()
    found = universe_of(handler(inst_processors=lasting(start_time=start, end_time=end)), provider)
    expected = {
        code
        for code, (first, last) in ends.items()
        if first <= pd.Timestamp(start) and last >= pd.Timestamp(end)
    }
    assert set(found.instruments) == expected
    assert 0 < len(expected) < len(market.instruments)
    assert found.spans["SH600000"] == market.spans["SH600000"]


def test_the_part_of_the_handlers_days_does_not_decide_who_lasts(provider: Provider) -> None:
    early = handler(
        end_time=provider.calendar[200].item(),
        inst_processors=lasting(end_time=provider.calendar[200].item()),
    )
    assert len(universe_of(early, provider).instruments) > 0
    late = handler(
        end_time=provider.calendar[200].item(),
        inst_processors=lasting(end_time=provider.calendar[201].item()),
    )
    with pytest.raises(DataError, match="leaves no instrument of 'csi300'"):
        universe_of(late, provider)


def test_codes_have_the_spans_that_a_file_gives(provider: Provider) -> None:
    span = [provider.calendar[10].item(), str(provider.calendar[20])]
    found = universe_of(handler(instruments={"sh600000": [span], "SH600001": []}), provider)
    assert found.spans == {"SH600000": ((provider.calendar[10], provider.calendar[20]),), "SH600001": ()}


def test_codes_without_bars_are_left_out_and_logged(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    assert universe_of(handler(instruments=["SH600000", "XX"]), provider).instruments == ("SH600000",)
    assert "the data has no bars of XX; left out" in caplog.text
    with pytest.raises(DataError, match="the data has no bars of XX"):
        universe_of(handler(instruments=["XX"]), provider)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"filter_pipe": [named("SH", datetime.date(2040, 1, 1))]}, "holds no trading day"),
        ({"filter_pipe": [named("SH", None, datetime.date(2000, 1, 1))]}, "holds no trading day"),
        ({"filter_pipe": [named("XX")]}, "no instrument of 'csi300' passes 'XX'"),
        ({"inst_processors": lasting(start_time="2040-01-01")}, "TimeRangeFlt 2040-01-01..None holds no"),
    ],
)
def test_days_and_rules_that_leave_nothing_are_named(
    provider: Provider, kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        universe_of(handler(**kwargs), provider)


def test_a_rule_that_is_not_an_expression_is_named(provider: Provider) -> None:
    with pytest.raises(ExpressionError, match="unknown operator 'Closs'"):
        universe_of(handler(filter_pipe=[ruled("Closs($close) > 1")]), provider)
