"""A run's report shows its whole configuration."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.report.conftest import configuration

from lstm_bench.config.identity import outside_identity
from lstm_bench.config.sections.harness import TrainingConfig
from lstm_bench.config.sections.model import LstmKwargs
from lstm_bench.report.pages.configuration_table import configuration_table

LEFT_OUT = {"days": 3, "train": 1200, "valid": 600}


def rows(*overrides: str, embargo: dict[str, int] | None = LEFT_OUT, **more: Any) -> dict[str, str]:
    table = configuration_table(configuration("Alpha158", *overrides), more.get("calendar"), embargo)
    return {line[0].text: line[1].text for line in table.lines}


def test_an_own_set_has_its_name() -> None:
    own = "{name: momentum, features: {M5: '$close/Ref($close, 5)', M9: '$close/Ref($close, 9)'}}"
    found = rows(
        f"lstm_bench.features={own}",
        "task.dataset.kwargs.handler.kwargs.infer_processors=[]",
        "task.model.kwargs.d_feat=2",
    )
    assert found["Features"] == "momentum, 2 columns a day, windows of 20 days; DataHandlerLP"


def test_label_horizon_and_embargo() -> None:
    found = rows("lstm_bench.horizon=5", "lstm_bench.compat=none")
    assert found["Label"] == "LABEL0 = Ref($close, -6)/Ref($close, -1) - 1"
    assert found["Horizon"] == "the label looks 6 trading days ahead"
    assert found["Embargo"] == (
        "3 trading days before the next segment; 1,200 samples of train and 600 of valid left out"
    )
    assert rows(embargo={"days": 0, "train": 0, "valid": 0})["Embargo"] == "none"
    assert rows("lstm_bench.embargo=4", embargo=None)["Embargo"] == "4 trading days"
    assert rows(embargo=None)["Embargo"] == "not recorded"


def test_what_is_minimised_at_which_rate_with_which_weights() -> None:
    found = rows(
        "lstm_bench.compat=none",
        "lstm_bench.training={loss: huber, huber_delta: 0.5, schedule: step, warmup_epochs: 2, lr_step_epochs: 7, "
        "lr_decay: 0.25, reweight: exponential, reweight_half_life: 120}",
    )
    assert found["Loss"] == "huber, huber_delta 0.5"
    assert found["Learning-rate schedule"] == "step, warmup_epochs 2, lr_step_epochs 7, lr_decay 0.25"
    assert found["Reweight"] == "exponential, reweight_half_life 120"
    assert rows()["Loss"] == "mse"
    assert rows()["Reweight"] == "uniform"


def test_spans_that_the_data_cut_short_say_so() -> None:
    found = rows(calendar=(date(2010, 1, 4), date(2020, 9, 30)))
    assert found["Train"] == "2008-01-01 to 2014-12-31, of which the data have 2010-01-04 to 2014-12-31"
    assert found["Valid"] == "2015-01-01 to 2016-12-31"


def test_processors_are_in_order() -> None:
    found = rows()
    assert found["Learn processors, after the infer processors"] == (
        "DropnaLabel (fields_group label); CSRankNorm (fields_group label)"
    )
    assert "fit_end_time 2014-12-31" in found["Infer processors"]
    assert found["Shared processors"] == "none"


def test_what_has_no_effect_is_left_out_as_in_a_runs_identity() -> None:
    config = configuration("Alpha158", "task.model.kwargs.num_layers=1")
    assert config.task.model.kwargs.idle == ("dropout",)
    table = configuration_table(config, None, None)
    assert not any("dropout" in cell.text for line in table.lines for cell in line)
    assert "dropout" not in config.identity()["model"]


@pytest.mark.parametrize("features", ["Alpha158", "Alpha360"])
def test_nothing_is_left_out(features: str) -> None:
    config = configuration(features)
    table = configuration_table(config, None, None)
    text = " ".join(cell.text for line in table.lines for cell in line)
    unset = {"clip_grad_norm"}
    idle = {*config.lstm_bench.training.idle, *unset, *outside_identity(LstmKwargs)}
    for key in ({*type(config.task.model.kwargs).model_fields} | {*TrainingConfig.model_fields}) - idle:
        assert key in {"loss", "optimizer", "schedule", "reweight"} or f"{key} " in text, key
    backtest = config.portfolio_analysis
    assert backtest is not None
    for section in (backtest.strategy.kwargs, backtest.backtest.exchange_kwargs):
        for key in section.model_dump(mode="json", by_alias=True):
            assert f"{key} " in text, key
