"""Input that cannot be used: one clear line, exit code 2, and nothing half-written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CONFIG = Path(__file__).parents[2] / "configs" / "lstm_alpha158.yaml"
SEGMENT = "task.dataset.kwargs.segments"

Refusal = Callable[..., str]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def refusal(market: Path, small_run: list[object], here: Run, tmp_path: Path) -> Refusal:
    """Run a configuration that must be refused, and return the line that says why."""
    usual = small_run[4:]

    def run(*overrides: str, config: Path = CONFIG, data: Path = market) -> str:
        texts = [argument for text in overrides for argument in ("--set", text)]
        done = here("-q", "run", config, "--provider-uri", data, "--device", "cpu", *usual, *texts)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        *warnings, reason = done.stderr.splitlines()
        assert reason.startswith("error: "), done.stderr
        assert all(" WARNING " in line for line in warnings), done.stderr
        assert not (tmp_path / "results").exists()
        return str(reason)

    return run


@pytest.mark.parametrize(
    ("override", "words"),
    [
        pytest.param(
            "task.model.kwargs.hiden_size=3",
            ["task.model.kwargs", "unknown key 'hiden_size'", "did you mean 'hidden_size'?"],
            id="unknown key",
        ),
        pytest.param(
            "data_handler_config.infer_processors=[RobustZScoreNrm]",
            ["unknown processor 'RobustZScoreNrm'", "did you mean 'RobustZScoreNorm'?"],
            id="unknown processor",
        ),
        pytest.param(
            "task.dataset.kwargs.handler.class=Alpha159",
            ["unknown handler 'Alpha159'", "did you mean 'Alpha158'?"],
            id="unknown handler",
        ),
        pytest.param("task.model.class=GRU", ["task.model.class", "got 'GRU'", "'LSTM'"], id="unknown model"),
        pytest.param(
            f"{SEGMENT}.test=[2020-09-26, 2020-09-27]",
            ["segment 'test'", "2020-09-26..2020-09-27 holds no trading day", "2020-09-30"],
            id="empty segment",
        ),
        pytest.param(
            f"{SEGMENT}.test=[2030-01-01, 2030-12-31]",
            ["segment 'test'", "2030-01-01..2030-12-31 holds no trading day", "2020-09-30"],
            id="dates out of range",
        ),
        pytest.param(
            "portfolio.backtest={start_time: 2030-01-01, end_time: 2030-12-31, benchmark: SH000300}",
            ["backtest", "2030-01-01..2030-12-31 holds no trading day", "2020-09-30"],
            id="backtest out of range",
        ),
        pytest.param(
            "market=csi30", ["no market 'csi30'", "did you mean 'csi300'?"], id="market without a file"
        ),
        pytest.param(
            "data_handler_config.label=['Ref($close, -2)/Ref($clse, -1) - 1']",
            ["label", "$clse", "has no value"],
            id="label all NaN",
        ),
        pytest.param(
            "benchmark=SH00300",
            ["benchmark", "no instrument 'SH00300'", "did you mean 'SH000300'?"],
            id="missing benchmark",
        ),
        pytest.param(
            "portfolio.backtest.exchange_kwargs.deal_price=opne",
            ["deal_price", "no field 'opne'", "did you mean 'open'?"],
            id="missing price",
        ),
    ],
)
def test_the_reason_names_what_came_and_what_was_expected(
    refusal: Refusal, override: str, words: list[str]
) -> None:
    reason = refusal(override)
    for word in words:
        assert word in reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "a: !!python/object/apply:os.mkdir [here]",
            ["line 1", "!!python/object/apply:os.mkdir", "plain YAML"],
        ),
        ("a: \"{{ cycler.__init__.__globals__.os.mkdir('here') }}\"", ["Jinja2"]),
        ("a: [1,\n", ["not YAML", "line 2"]),
        ("a: \xff\n", ["UTF-8"]),
        ("? [a, b]\n: 1\n", ["line 1", "name as key"]),
    ],
)
def test_a_file_that_is_more_or_less_than_yaml_does_nothing(
    refusal: Refusal, tmp_path: Path, content: str, words: list[str]
) -> None:
    path = tmp_path / "trap.yaml"
    path.write_bytes(content.encode("latin-1"))
    reason = refusal(config=path)
    for word in ("trap.yaml", *words):
        assert word in reason
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("name", ["a/b", "../x", ".x", ""])
def test_an_experiment_is_one_visible_folder(here: Run, tmp_path: Path, name: str) -> None:
    for arguments in (["--experiment", name], ["--dry-run", "--set", f"experiment_name={name!r}"]):
        done = here("run", CONFIG, *arguments)
        assert done.returncode == 2
        field = "--experiment" if arguments[0] == "--experiment" else "experiment_name"
        assert f"error: {field}: got {name!r}, expected the name of one folder" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", [2, 8])
def test_a_file_of_bars_that_was_cut_off_is_named(
    refusal: Refusal, market: Path, tmp_path: Path, lost: int
) -> None:
    data = shutil.copytree(market, tmp_path / "cut")
    path = next((data / "features").glob("sh6*/close.day.bin"))
    path.write_bytes(path.read_bytes()[:-lost])
    reason = refusal(data=data)
    assert f"{path}: cut off: " in reason


def test_bars_past_the_calendar_are_named(refusal: Refusal, market: Path, tmp_path: Path) -> None:
    data = shutil.copytree(market, tmp_path / "past")
    for path in next((data / "features").glob("sh6*")).glob("*.day.bin"):
        bars = np.fromfile(path, "<f4")
        bars[0] += 1000
        bars.tofile(path)
    reason = refusal(data=data)
    assert f"{path.parent}{os.sep}" in reason
    assert "do not fit a calendar of 320 days" in reason
