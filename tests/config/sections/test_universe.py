"""Universes in a workflow file."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from pydantic import ValidationError

from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.config.sections.universe import ExpressionFilter, FilteredMarket, NameFilter, market_text

OPEN = {"filter_start_time": None, "filter_end_time": None}
NAMED = {"filter_type": "NameDFilter", "name_rule_re": "SH6", **OPEN}
RULED = {"filter_type": "ExpressionDFilter", "rule_expression": "$close > 5", "keep": False, **OPEN}


def handler(**kwargs: Any) -> HandlerConfig:
    return HandlerConfig.model_validate({"class": "qlib.contrib.data.handler.Alpha158", "kwargs": kwargs})


def test_filters_are_read_in_their_order() -> None:
    found = handler(filter_pipe=[NAMED, {**RULED, "filter_start_time": datetime.date(2015, 1, 1)}]).filters
    assert found == (
        NameFilter(name_rule_re="SH6"),
        ExpressionFilter(rule_expression="$close > 5", filter_start_time=datetime.date(2015, 1, 1)),
    )


@pytest.mark.parametrize("nothing", [None, [], {}, ()])
def test_nothing_is_no_filter_and_leaves_the_file_as_it_was(nothing: Any) -> None:
    plain, empty = handler(), handler(filter_pipe=nothing, inst_processors=nothing)
    assert (empty.filters, empty.instrument_processors) == ((), ())
    assert empty.model_dump(exclude_none=True) == plain.model_dump(exclude_none=True)


def test_a_markets_own_filters_stand_in_the_place_of_the_handlers() -> None:
    config = handler(instruments={"market": "csi300", "filter_pipe": [RULED]}, filter_pipe=[NAMED])
    assert config.filters == (ExpressionFilter(rule_expression="$close > 5"),)
    assert handler(instruments={"market": "csi300", "filter_pipe": None}, filter_pipe=[NAMED]).filters == ()


def test_codes_have_no_filters() -> None:
    assert handler(instruments=["SH600000"], filter_pipe=[NAMED]).filters == ()


def test_other_columns_keep_what_narrows_the_universe() -> None:
    kept = {"class": "qlib.data.dataset.processor.TimeRangeFlt", "kwargs": {"start_time": "2015-01-01"}}
    config = handler(filter_pipe=[NAMED], inst_processors=[kept])
    other = config.with_columns({"A": "$close"})
    assert (other.filters, other.instrument_processors) == (config.filters, config.instrument_processors)
    assert other.instrument_processors[0].kwargs.start_time == datetime.date(2015, 1, 1)
    assert (
        HandlerConfig.model_validate(other.model_dump(mode="json", by_alias=True)).filters == config.filters
    )


@pytest.mark.parametrize(
    ("instruments", "text"),
    [
        (None, "all"),
        ("csi300", "csi300"),
        ({"market": "csi300", "filter_pipe": [NAMED]}, "csi300"),
        (["SH600000"], "1 instrument"),
        ({"SH600000": [["2015-01-01", "2015-12-31"]], "SH600001": []}, "2 instruments"),
    ],
)
def test_a_universe_has_a_name_and_reads_back_as_itself(instruments: Any, text: str) -> None:
    config = handler(instruments=instruments)
    assert market_text(config.kwargs.instruments) == text
    assert HandlerConfig.model_validate(config.model_dump(mode="json", by_alias=True)) == config


def test_a_market_without_filters_is_the_universe_of_its_name() -> None:
    assert handler(instruments=None).universe == "all"
    assert handler(instruments="csi300").universe == "csi300"
    assert handler(instruments={"market": "csi300"}).universe == "csi300"


def test_different_universes_have_different_names_and_equal_ones_the_same() -> None:
    kept = {
        "class": "TimeRangeFlt",
        "module_path": "qlib.data.dataset.processor",
        "kwargs": {"start_time": "2015-01-01", "end_time": "2016-01-01"},
    }
    other = {**NAMED, "name_rule_re": "SZ.*"}
    different: list[dict[str, Any]] = [
        {"instruments": "csi300"},
        {"instruments": "csi300", "filter_pipe": [NAMED]},
        {"instruments": "csi300", "filter_pipe": [other]},
        {"instruments": "csi300", "filter_pipe": [{**NAMED, "filter_start_time": "2016-01-01"}]},
        {"instruments": "csi500", "filter_pipe": [NAMED]},
        {"instruments": "csi300", "inst_processors": [kept]},
        {"instruments": ["SH600000", "SH600001"]},
        {"instruments": ["SH600002", "SH600003"]},
        {"instruments": {"SH600000": [["2015-01-01", "2015-12-31"]], "SH600001": []}},
        {"instruments": {"SH600000": [["2015-01-01", "2016-12-31"]], "SH600001": []}},
    ]
    names = [handler(**kwargs).universe for kwargs in different]
    assert len(set(names)) == len(different)
    assert all(re.fullmatch(r"(csi[35]00|2 instruments) \([0-9a-f]{12}\)", name) for name in names[1:])
    assert handler(instruments=["sh600001", "SH600000"]).universe == names[6]
    assert handler(instruments={"market": "csi300", "filter_pipe": [NAMED]}).universe == names[1]
    # stored in ledgers: must not change
    assert names[6] == "2 instruments (3d8e3eebe559)"
    assert names[1] == "csi300 (b09f884e80e9)"
    assert names[5] == "csi300 (496c0534aeab)"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"filter_pipe": ["NameDFilter"]}, "expected a mapping with filter_type"),
        ({"filter_pipe": [{"filter_type": "NameFilter"}]}, "did you mean 'NameDFilter'"),
        ({"filter_pipe": [{**NAMED, "name_rule_re": "("}]}, "expected a regular expression"),
        ({"filter_pipe": [{**RULED, "filter_end_time": "soon"}]}, "got 'soon', expected a day"),
        ({"filter_pipe": [{**RULED, "kep": True}]}, "did you mean 'keep'"),
        ({"inst_processors": {"feature": ["TimeRangeFlt"]}}, "rows cannot differ between groups"),
        ({"inst_processors": ["ResampleNProcessor"]}, "TimeRangeFlt"),
        ({"instruments": {"markt": "csi300"}}, "instruments"),
    ],
)
def test_what_is_wrong_is_named(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        handler(**kwargs)


def test_a_market_is_a_market() -> None:
    assert FilteredMarket(market="csi300").filter_pipe is None
