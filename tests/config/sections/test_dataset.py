from __future__ import annotations

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.handler import HANDLERS, HandlerConfig
from lstm_bench.config.sections.processor import PROCESSORS, ProcessorConfig, RobustZScoreNormKwargs

SEGMENTS = {
    "train": ["2008-01-01", "2014-12-31"],
    "valid": ["2015-01-01", "2016-12-31"],
    "test": ["2017-01-01", "2020-08-01"],
}
DATES = {
    "start_time": "2008-01-01",
    "end_time": "2020-08-01",
    "fit_start_time": "2008-01-01",
    "fit_end_time": "2014-12-31",
}


def section(handler: str = "Alpha158", name: str = "TSDatasetH", **kwargs: Any) -> dict[str, Any]:
    own = {"instruments": "csi300", **DATES, **kwargs.pop("own", {})}
    return {
        "class": name,
        "module_path": "qlib.data.dataset",
        "kwargs": {
            "handler": {"class": handler, "module_path": HANDLERS[handler][0], "kwargs": own},
            "segments": SEGMENTS,
            **kwargs,
        },
    }


def names(entries: tuple[ProcessorConfig, ...]) -> list[str]:
    return [entry.name for entry in entries]


def test_handlers_have_qlibs_defaults() -> None:
    alpha158 = DatasetConfig.model_validate(section()).kwargs.handler
    assert names(alpha158.infer_processors) == []
    assert names(alpha158.learn_processors) == ["DropnaLabel", "CSZScoreNorm"]
    alpha360 = DatasetConfig.model_validate(section("Alpha360", "DatasetH")).kwargs.handler
    assert names(alpha360.infer_processors) == ["ProcessInf", "ZScoreNorm", "Fillna"]
    bare = HandlerConfig.model_validate({"class": "Alpha158", "module_path": HANDLERS["Alpha158"][0]})
    assert bare.kwargs.instruments == "csi500"


def test_step_len_depends_on_the_class() -> None:
    assert DatasetConfig.model_validate(section()).step_len == 30
    assert DatasetConfig.model_validate(section(step_len=20)).step_len == 20
    assert DatasetConfig.model_validate(section("Alpha360", "DatasetH")).step_len is None


def test_a_row_holds_whole_days() -> None:
    loader = {
        "class": "QlibDataLoader",
        "module_path": "qlib.data.dataset.loader",
        "kwargs": {"config": {"feature": ["$close", "$open", "$high", "$low"], "label": ["$close"]}},
    }
    handler = {
        "class": "DataHandlerLP",
        "module_path": HANDLERS["DataHandlerLP"][0],
        "kwargs": {"data_loader": loader},
    }
    own = section("Alpha360", "DatasetH")
    own["kwargs"]["handler"] = handler
    assert DatasetConfig.model_validate(own).row_days(2) == 2
    assert DatasetConfig.model_validate(own).row_days(3) is None
    assert DatasetConfig.model_validate(section("Alpha360vwap", "DatasetH")).row_days(6) == 60
    assert DatasetConfig.model_validate(section("Alpha158vwap", "DatasetH")).row_days(79) == 2


def test_the_handlers_fit_dates_replace_a_processors_own() -> None:
    own = {
        "class": "RobustZScoreNorm",
        "kwargs": {"fit_start_time": "2019-01-01", "fit_end_time": "2019-12-31"},
    }
    handler = DatasetConfig.model_validate(section(own={"infer_processors": [own]})).kwargs.handler
    kwargs = handler.infer_processors[0].kwargs
    assert isinstance(kwargs, RobustZScoreNormKwargs)
    assert (kwargs.fit_start_time, kwargs.fit_end_time) == (
        datetime.date(2008, 1, 1),
        datetime.date(2014, 12, 31),
    )


def test_a_shared_processor_keeps_its_own_fit_dates() -> None:
    own = {"class": "ZScoreNorm", "kwargs": {"fit_start_time": "2009-01-01", "fit_end_time": "2009-12-31"}}
    handler = DatasetConfig.model_validate(section(own={"shared_processors": [own]})).kwargs.handler
    assert handler.shared_processors[0].kwargs.model_dump()["fit_start_time"] == datetime.date(2009, 1, 1)


def test_a_processor_can_be_its_name_alone() -> None:
    handler = DatasetConfig.model_validate(section(own={"learn_processors": ["DropnaLabel"]})).kwargs.handler
    assert names(handler.learn_processors) == ["DropnaLabel"]


@pytest.mark.parametrize(
    "given",
    [
        "2008-01-02",
        "20080102",
        "2008/1/2",
        datetime.date(2008, 1, 2),
        "2008-01-02 00:00:00",
        "2008-01-01 09:30",
    ],
)
def test_days_are_read_in_qlibs_ways(given: Any) -> None:
    config = DatasetConfig.model_validate(section(own={"start_time": given}))
    assert config.kwargs.handler.kwargs.start_time == datetime.date(2008, 1, 2)


def test_own_columns_come_from_a_loader() -> None:
    loader = {
        "class": "QlibDataLoader",
        "module_path": "qlib.data.dataset.loader",
        "kwargs": {"config": {"feature": ["$close", "$open"], "label": [["Ref($close, -1)"], ["LABEL0"]]}},
    }
    handler = {
        "class": "DataHandlerLP",
        "module_path": "qlib.data.dataset.handler",
        "kwargs": {"instruments": "csi300", "data_loader": loader},
    }
    content = section()
    content["kwargs"]["handler"] = handler
    config = DatasetConfig.model_validate(content)
    groups = config.model_dump(mode="json", by_alias=True)["kwargs"]["handler"]["kwargs"]["data_loader"][
        "kwargs"
    ]["config"]
    assert groups == {"feature": ["$close", "$open"], "label": [["Ref($close, -1)"], ["LABEL0"]]}


def loader_section(**loader: Any) -> dict[str, Any]:
    content = section()
    content["kwargs"]["handler"] = {
        "class": "DataHandlerLP",
        "module_path": "qlib.data.dataset.handler",
        "kwargs": {"data_loader": loader},
    }
    return content


@pytest.mark.parametrize(("name", "columns"), [("Alpha158DL", 158), ("Alpha360DL", 360)])
def test_the_alpha_loaders_have_features_of_their_own(name: str, columns: int) -> None:
    loader = {"class": name, "module_path": "qlib.contrib.data.loader"}
    config = {"label": ["Ref($close, -1)"]}
    own = DatasetConfig.model_validate(loader_section(**loader, kwargs={"config": config}))
    handler = own.kwargs.handler
    assert (len(handler.features), handler.is_alpha360) == (columns, name == "Alpha360DL")
    given = {**config, "feature": ["$close", "$open"]}
    handler = DatasetConfig.model_validate(loader_section(**loader, kwargs={"config": given})).kwargs.handler
    assert (list(handler.features), handler.is_alpha360) == (["$close", "$open"], False)
    assert own.model_dump(mode="json", by_alias=True)["kwargs"]["handler"]["kwargs"]["data_loader"]["kwargs"][
        "config"
    ] == {"label": ["Ref($close, -1)"]}


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        ({"class": "QlibDataLoader", "kwargs": {"config": {"label": ["$a"]}}}, "feature: missing, and Q"),
        ({"class": "Alpha158DL", "kwargs": {"config": {"label": ["$a"]}}}, "Alpha158DL is in 'qlib.contrib"),
        (
            {"class": "QlibDataLoader", "kwargs": {"config": {"feature": {"kbar": {}}, "label": ["$a"]}}},
            r"Alpha158's options .* go into lstm_bench\.features\.alpha158",
        ),
        (
            {
                "class": "QlibDataLoader",
                "kwargs": {"config": {"feature": ["$a"], "label": ["$a"]}, "freq": "1min"},
            },
            "only daily bars can be read; expected 'day'",
        ),
        (
            {
                "class": "QlibDataLoader",
                "kwargs": {"config": {"feature": ["$a"], "label": ["$a"]}, "freq": {"label": "day"}},
            },
            "only daily bars can be read; expected 'day'",
        ),
    ],
)
def test_what_no_loader_takes_is_named(loader: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DatasetConfig.model_validate(loader_section(**loader))


def test_the_resolved_section_reads_back_as_itself() -> None:
    infer = [
        "ProcessInf",
        {"class": "FilterCol", "kwargs": {"fields_group": None, "col_list": ["KLEN", "LABEL0"]}},
    ]
    config = DatasetConfig.model_validate(section(step_len=20, own={"infer_processors": infer}))
    content = config.model_dump(mode="json", by_alias=True)
    assert DatasetConfig.model_validate(content) == config
    assert content["kwargs"]["handler"]["kwargs"]["infer_processors"][1]["kwargs"]["fields_group"] is None


@pytest.mark.parametrize("name", sorted(PROCESSORS))
def test_every_processor_refuses_unknown_arguments(name: str) -> None:
    with pytest.raises(ValidationError, match="unknown key 'nonsense'"):
        ProcessorConfig.model_validate({"class": name, "kwargs": {"nonsense": 1}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"own": {"infer_processors": ["RobustZScoreNrm"]}}, "did you mean 'RobustZScoreNorm'"),
        ({"own": {"infer_processors": ["DropnaLabel"]}}, "DropnaLabel needs the label"),
        (
            {"own": {"infer_processors": ["ZScoreNorm"], "fit_end_time": None}},
            "ZScoreNorm needs fit_start_time",
        ),
        (
            {"own": {"infer_processors": ["ZScoreNorm"], "fit_end_time": "2007-01-01"}},
            "is after fit_end_time",
        ),
        ({"own": {"start_time": "2021-01-01"}}, "start_time 2021-01-01 is after end_time 2020-08-01"),
        ({"own": {"start_time": 20080102}}, "the number 20080102, which Qlib reads as nanoseconds"),
        ({"own": {"start_time": "2008-13-01"}}, "got '2008-13-01', expected a day such as"),
        (
            {"own": {"filter_pipe": [{"filter_type": "ExpressionFilter"}]}},
            "filter_type: got 'ExpressionFilter'; did you mean 'ExpressionDFilter'",
        ),
        (
            {"own": {"inst_processors": [{"class": "TimeRange"}]}},
            "TimeRangeFlt",
        ),
        ({"own": {"freq": "1min"}}, "only daily bars can be read; expected 'day'"),
        (
            {"own": {"label": [["$close"], ["A", "B"]]}},
            "got 1 expression and 2 names, expected one name each",
        ),
        ({"own": {"label": "$close"}}, "label\n.*got .\\$close., expected"),
        ({"own": {"instrument": "csi300"}}, "did you mean 'instruments'"),
        ({"flt_col": "x"}, "flt_col is not supported"),
        ({"step_len": 0}, "got 0, expected a whole number of at least 1"),
        (
            {"segments": {**SEGMENTS, "valid": ["2014-12-31", "2016-12-31"]}},
            "'valid' .* must begin after the end of 'train'",
        ),
        (
            {"segments": {**SEGMENTS, "train": ["2014-12-31", "2008-01-01"]}},
            "'train' starts on 2014-12-31, after its end",
        ),
        (
            {"segments": {key: SEGMENTS[key] for key in ("train", "test")}},
            "missing, expected a list of 2 days",
        ),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DatasetConfig.model_validate(section(**change))


@pytest.mark.parametrize(
    ("train", "test", "own", "expected"),
    [
        (["2009-01-01", "2014-12-31"], ["2017-01-01", None], {}, ("2009-01-01", "2020-08-01")),
        ([None, "2014-12-31"], ["2017-01-01", "2018-01-01"], {}, ("2008-01-01", "2018-01-01")),
        (["2014-12-31"], ("2017-01-01", None, None), {}, ("2008-01-01", "2020-08-01")),
        (
            ["2009-01-01", "2014-12-31 15:00"],
            ["2017/1/1", "2018-01-01 15:00"],
            {},
            ("2009-01-01", "2018-01-01"),
        ),
        (
            [None, "2014-12-31"],
            ["2017-01-01", None],
            {"start_time": None, "end_time": None},
            (None, None),
        ),
    ],
)
def test_an_open_segment_ends_with_the_handler(
    train: Any, test: Any, own: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    content = section(own=own, segments={**SEGMENTS, "train": train, "test": test, "insample": None})
    config = DatasetConfig.model_validate(content)
    told = config.model_dump(mode="json")["kwargs"]["segments"]
    assert (told["train"][0], told["test"][1]) == expected
    assert config.kwargs.segments.is_open == (None in expected)
    assert DatasetConfig.model_validate(config.model_dump(mode="json", by_alias=True)) == config


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (None, "got null, expected a first and a last day, null if it is open"),
        ([], "got \\[\\] \\(a list\\), expected a first"),
        ("2020-07", "got '2020-07', expected a first"),
        ({"start": "2017-01-01"}, "expected a first and a last day"),
        (["2017-01-01", "2018-01-01", 2], "a segment cannot skip days"),
        (["2017-01-01", "2018-01-01", None, None], "expected a first and a last day"),
        (["2021-01-01", None], "'test' starts on 2021-01-01, after its end 2020-08-01"),
        ([None, "2018-01-01"], "'test' .open..2018-01-01. must begin after the end of 'valid'"),
        (["2017-01", "2018-01"], "got '2017-01', expected a day"),
    ],
)
def test_what_is_no_segment_is_named(test: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DatasetConfig.model_validate(section(segments={**SEGMENTS, "test": test}))


def test_an_unknown_handler_and_a_wrong_module_are_named() -> None:
    with pytest.raises(ValidationError, match="unknown handler 'Alpha159'; did you mean 'Alpha158'"):
        HandlerConfig.model_validate({"class": "Alpha159", "module_path": "qlib.contrib.data.handler"})
    with pytest.raises(ValidationError, match=r"Alpha158 is in 'qlib.contrib.data.handler'"):
        HandlerConfig.model_validate({"class": "Alpha158", "module_path": "os"})


def test_a_text_is_neither_true_nor_false() -> None:
    """To YAML 1.2 ``no`` is a text, and to Qlib a text is true."""
    robust = {"class": "RobustZScoreNorm", "kwargs": {"clip_outlier": "no"}}
    with pytest.raises(ValidationError, match="got the text 'no', which Qlib treats as true"):
        DatasetConfig.model_validate(section(own={"infer_processors": [robust]}))


def test_one_name_is_a_list_of_one_to_filter_col() -> None:
    one, several = (
        ProcessorConfig.model_validate({"class": "FilterCol", "kwargs": {"col_list": names}})
        for names in ("ROC60", ["ROC60"])
    )
    assert one == several
