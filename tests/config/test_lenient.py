"""Keys that Qlib ignores are ignored, unless they look like typing errors."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydantic import Field, ValidationError

from lstm_bench.config.class_path import Named
from lstm_bench.config.lenient import Lenient
from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.model import LstmKwargs, ModelConfig
from lstm_bench.config.sections.processor import ProcessorConfig


def test_an_unknown_key_is_ignored_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    class Here(Lenient):
        known: int = Field(1, description="a number")

    with caplog.at_level(logging.WARNING, "lstm_bench"):
        found = [Here.model_validate({"known": 2, "zzz": 3}) for _ in range(2)]
    assert [section.known for section in found] == [2, 2]
    assert [record.getMessage() for record in caplog.records] == ["key 'zzz' is ignored, as Qlib ignores it"]


def test_a_typing_error_is_still_refused() -> None:
    with pytest.raises(ValidationError, match="unknown key 'hiden_size'; did you mean 'hidden_size'"):
        LstmKwargs.model_validate({"hiden_size": 3})
    with pytest.raises(ValidationError, match="did you mean 'kwargs'"):
        ModelConfig.model_validate({"class": "qlib.contrib.model.pytorch_lstm.LSTM", "kwarg": {}})


@pytest.mark.parametrize(
    "given",
    [
        "qlib.contrib.model.pytorch_lstm.LSTM",
        {"class": "qlib.contrib.model.pytorch_lstm.LSTM"},
        {"func": "qlib.contrib.model.pytorch_lstm.LSTM", "kwargs": {}},
        {"class": "LSTM", "module_path": "qlib.contrib.model.pytorch_lstm"},
        {
            "class": "qlib.contrib.model.pytorch_lstm.LSTM",
            "module_path": "qlib.contrib.model.pytorch_lstm_ts",
        },
    ],
)
def test_a_class_is_found_in_every_form_that_qlib_reads(given: Any) -> None:
    model = ModelConfig.model_validate(given)
    assert (model.name, model.module_path) == ("LSTM", "qlib.contrib.model.pytorch_lstm")
    assert ModelConfig.model_validate(model.model_dump(by_alias=True)) == model


@pytest.mark.parametrize(
    ("section", "given", "message"),
    [
        (ModelConfig, "qlib.contrib.model.pytorch_gru.GRU", "got 'GRU', expected 'LSTM'"),
        (ModelConfig, {"class": "LSTM"}, "module_path"),
        (ProcessorConfig, "os.path.Fillna", "got 'os.path', expected"),
        (ProcessorConfig, "qlib.data.dataset.processor.Filna", "did you mean 'Fillna'"),
        (DatasetConfig, {"class": "somewhere.DatasetH", "kwargs": {}}, "module_path"),
        (Named, ["Fillna"], r"got \['Fillna'\] .*, expected a mapping"),
    ],
)
def test_another_class_or_module_is_refused(section: type[Named], given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        section.model_validate(given)
