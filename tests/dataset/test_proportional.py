from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.dataset.calendars import Calendar

from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.proportional import proportional
from lstm_bench.dataset.segments import locate_segments, misfits

CONFIGS = Path(__file__).parents[2] / "configs"


def overridden(path: Path, provider: Provider) -> RunConfig:
    return load_workflow(path, proportional(load_workflow(path), provider))


@pytest.mark.parametrize("name", ["lstm_alpha158", "lstm_alpha360"])
@pytest.mark.parametrize("days", [5, 17, 320, 3327])
def test_segments_are_laid_out_in_proportion(name: str, days: int) -> None:
    calendar = Calendar(days)
    config = overridden(CONFIGS / f"{name}.yaml", calendar)
    assert misfits(config.task.dataset, calendar) == []
    given = config.task.dataset.kwargs.segments
    spans = {name: getattr(given, name) for name in ("train", "valid", "test")}
    found = locate_segments(given, ("train", "valid", "test"), calendar, (0, days))
    lengths = [found[name].end - found[name].begin for name in ("train", "valid", "test")]
    assert found["train"].begin == 0
    assert found["train"].end == found["valid"].begin
    assert found["valid"].end == found["test"].begin
    assert sum(lengths) == days - 1
    np.testing.assert_allclose(lengths, np.array([7, 2, 3.6]) / 12.6 * (days - 1), atol=1)

    kwargs: Any = config.task.dataset.kwargs.handler.kwargs
    assert (kwargs.start_time, kwargs.end_time) == (spans["train"][0], spans["test"][1])
    assert (kwargs.fit_start_time, kwargs.fit_end_time) == spans["train"]
    portfolio = config.portfolio_analysis
    assert portfolio is not None
    assert (portfolio.backtest.start_time, portfolio.backtest.end_time) == spans["test"]


@pytest.mark.parametrize("days", [1, 2, 4])
def test_a_calendar_too_short_for_three_segments_is_refused(days: int) -> None:
    with pytest.raises(DataError, match=rf"calendar: got {days} days?, too few"):
        proportional(load_workflow(CONFIGS / "lstm_alpha158.yaml"), Calendar(days))


def test_a_dataset_of_segments_in_proportion_can_be_built(provider: Provider) -> None:
    config = overridden(CONFIGS / "lstm_alpha360.yaml", provider)
    dataset = build_dataset(config.task.dataset, provider)
    assert [len(dataset.samples(name, "learn")) > 0 for name in ("train", "valid", "test")] == [True] * 3


def test_a_date_that_a_file_leaves_open_stays_open() -> None:
    path = CONFIGS / "lstm_alpha158.yaml"
    open_ended = {
        "data_handler_config.end_time": None,
        "portfolio.backtest.start_time": None,
        "portfolio.backtest.end_time": None,
    }
    overrides = proportional(load_workflow(path, open_ended), Calendar(320))
    assert set(overrides) == {
        "task.dataset.kwargs.segments",
        "task.dataset.kwargs.handler.kwargs.start_time",
        "task.dataset.kwargs.handler.kwargs.fit_start_time",
        "task.dataset.kwargs.handler.kwargs.fit_end_time",
    }


def test_segments_in_proportion_reach_the_processors_of_an_own_set(tmp_path: Path) -> None:
    """A set makes Alpha158's handler a DataHandlerLP, whose dates are elsewhere: overrides go to where the file is."""
    path = tmp_path / "own.yaml"
    text = (CONFIGS / "lstm_alpha158.yaml").read_text(encoding="utf-8")
    path.write_text(
        f"{text}\nlstm_bench: {{features: {{features: {{KLEN: $high/$low}}}}}}\n", encoding="utf-8"
    )
    config = overridden(path, Calendar(320)).resolved()
    handler = config.task.dataset.kwargs.handler
    fitted: Any = handler.infer_processors[1].kwargs
    assert handler.name == "DataHandlerLP"
    assert (fitted.fit_start_time, fitted.fit_end_time) == config.task.dataset.kwargs.segments.train


def test_a_processors_own_fit_period_is_laid_out_too(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN_COLUMNS, encoding="utf-8")
    calendar = Calendar(320)
    config = overridden(path, calendar)
    kwargs: Any = config.task.dataset.kwargs.handler.kwargs
    train = config.task.dataset.kwargs.segments.train
    fitted = kwargs.infer_processors[1].kwargs
    assert (fitted.fit_start_time, fitted.fit_end_time) == train
    assert (kwargs.start_time, kwargs.end_time) == (calendar.calendar[0], calendar.calendar[-2])
    # dates that the file shares by an alias still have their own values
    portfolio = config.portfolio_analysis
    assert portfolio is not None
    assert portfolio.backtest.end_time == config.task.dataset.kwargs.segments.test[1]


OWN_COLUMNS = """
qlib_init: {provider_uri: nowhere}
task:
  model: {class: LSTM, module_path: qlib.contrib.model.pytorch_lstm_ts, kwargs: {d_feat: 1}}
  dataset:
    class: TSDatasetH
    module_path: qlib.data.dataset
    kwargs:
      step_len: 3
      handler:
        class: DataHandlerLP
        module_path: qlib.data.dataset.handler
        kwargs:
          start_time: &first 2008-01-01
          end_time: &last 2020-08-01
          data_loader:
            class: QlibDataLoader
            kwargs: {config: {feature: [$close], label: ["Ref($close, -1)"]}}
          infer_processors:
            - Fillna
            - class: ZScoreNorm
              kwargs: {fit_start_time: *first, fit_end_time: &fitted 2014-12-31}
      segments:
        train: [*first, *fitted]
        valid: [2015-01-01, 2016-12-31]
        test: [&traded 2017-01-01, *last]
  record:
    - class: PortAnaRecord
      module_path: qlib.workflow.record_temp
      kwargs:
        config:
          strategy: {class: TopkDropoutStrategy, kwargs: {topk: 5, n_drop: 1}}
          backtest: {start_time: *traded, end_time: *last}
"""
