from __future__ import annotations

from typing import Any

import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.sections.backtest import default_portfolio
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import ConfigError

READY = ready_folder("configs") / "lstm_alpha158.yaml"


def with_records(*records: Any) -> RunConfig:
    return load_workflow(READY, {"task.record": list(records)})


@pytest.mark.parametrize(
    "record",
    [
        "PortAnaRecord",
        "qlib.workflow.record_temp.PortAnaRecord",
        {"class": "PortAnaRecord"},
        {"func": "PortAnaRecord"},
        {"class": "PortAnaRecord", "kwargs": None},
        {"class": "PortAnaRecord", "kwargs": {}},
        {"class": "PortAnaRecord", "module_path": "qlib.workflow.record_temp", "kwargs": {"config": None}},
        {"class": "qlib.workflow.record_temp.PortAnaRecord", "module_path": "anything"},
    ],
)
def test_a_bare_backtest_has_qlibs_defaults(record: Any) -> None:
    config = with_records("SignalRecord", record)
    assert config.portfolio_analysis == default_portfolio()
    written = {"class": "PortAnaRecord", "kwargs": {"config": default_portfolio().model_dump(by_alias=True)}}
    assert config.identity() == with_records("SignalRecord", written).identity()
    assert RunConfig.model_validate(config.to_file()).identity() == config.identity()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "strategy"),
        ({"strategy": {"kwargs": {"topk": 5, "n_drop": 1}}}, "backtest"),
        ({"backtest": {"benchmark": "SH000905"}}, "strategy"),
    ],
)
def test_half_a_backtest_is_refused_as_in_qlib(config: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"config.{message}: missing"):
        with_records({"class": "PortAnaRecord", "kwargs": {"config": config}})


@pytest.mark.parametrize("freq", ["day", "1day", "D", "1d", ["day"], [], None])
def test_a_day_is_a_day_however_it_is_written(freq: Any) -> None:
    kwargs = {"risk_analysis_freq": freq, "indicator_analysis_freq": freq}
    bare = with_records("SignalRecord", "PortAnaRecord")
    assert (
        with_records("SignalRecord", {"class": "PortAnaRecord", "kwargs": kwargs}).identity()
        == bare.identity()
    )


@pytest.mark.parametrize("freq", ["week", "1min", "year", ["day", "week"], 1])
def test_other_frequencies_are_refused(freq: Any) -> None:
    with pytest.raises(ConfigError, match="risk_analysis_freq"):
        with_records({"class": "PortAnaRecord", "kwargs": {"risk_analysis_freq": freq}})


@pytest.mark.parametrize(
    "records",
    [
        ["SignalRecord", "HFSignalRecord"],
        ["SignalRecord", {"class": "SignalMseRecord", "module_path": "qlib.contrib.workflow"}],
        [
            "SignalRecord",
            {"class": "PortAnaRecord", "kwargs": {"indicator_analysis_method": "value_weighted"}},
        ],
        ["SignalRecord", {"class": "SigAnaRecord", "kwargs": {"ana_long_short": True, "ann_scaler": 252.5}}],
    ],
)
def test_what_adds_or_changes_a_figure_is_identity(records: list[Any]) -> None:
    plain = [record["class"] if isinstance(record, dict) else record for record in records]
    usual = with_records(*(name for name in plain if name not in ("HFSignalRecord", "SignalMseRecord")))
    assert with_records(*records).identity() != usual.identity()


def test_the_same_record_twice_is_one() -> None:
    config = with_records(
        "SignalRecord", "PortAnaRecord", {"class": "SignalRecord"}, {"class": "PortAnaRecord"}
    )
    assert [record.name for record in config.task.record] == ["SignalRecord", "PortAnaRecord"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("MultiSegRecord", "cannot give the segments"),
        ("MultiPassPortAnaRecord", "run more seeds"),
        ("PortAnaRecrod", "did you mean 'PortAnaRecord'"),
        ({"class": "qlib.contrib.workflow.PortAnaRecord"}, "module_path"),
        ({"class": "PortAnaRecord", "kwargs": {"topk": 5}}, "unknown key 'topk'"),
    ],
)
def test_other_records_are_refused_with_the_reason(record: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_records(record)
