"""A dataclass as a command's options, and the parsers of shared options."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lstm_bench.cli.options import (
    Json,
    argument,
    location_options,
    option,
    parse_executor,
    parse_option,
    parse_slots,
    takes_options,
    values_for,
)
from lstm_bench.core.errors import ConfigError


@dataclass(frozen=True)
class Sample:
    source: Path = argument(..., "What to read.", metavar="FILE")
    names: list[str] = option(list, "A name.", "--name")
    count: int = option(3, "How many.", min=1, rich_help_panel="Numbers")
    as_json: Json = False


received: list[Sample] = []
app = typer.Typer()


@app.command()
@takes_options
def sample(options: Sample) -> None:
    """Take a sample."""
    received.append(options)


def run(*words: str) -> Sample:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return received.pop()


def test_a_command_receives_one_object() -> None:
    assert run("a.csv") == Sample(Path("a.csv"))
    assert run("a.csv", "--name", "x", "--name", "y", "--count", "5", "--json") == Sample(
        Path("a.csv"), ["x", "y"], 5, True
    )


def test_lists_are_not_shared() -> None:
    run("a.csv").names.append("x")
    assert run("a.csv").names == []


def test_help_shows_what_the_fields_declare() -> None:
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output
    for words in ("Take a sample.", "FILE", "--name", "A name.", "Numbers", "x>=1", "default: 3", "--json"):
        assert words in text


@pytest.mark.parametrize("words", [[], ["a.csv", "--count", "0"], ["a.csv", "--unknown"]])
def test_what_the_fields_do_not_allow_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2
    assert not received


def test_options_pass_on_by_name() -> None:
    @dataclass
    class Target:
        count: int
        names: list[str] = dataclasses.field(default_factory=list)
        other: int = 0

    assert Target(**values_for(Target, Sample(Path("a"), ["x"], 7))) == Target(7, ["x"])


def test_a_suggested_command_has_options_only_where_they_differ() -> None:
    assert location_options() == []
    assert location_options("data", Path("out")) == ["--provider-uri", "data", "--out", Path("out")]


def test_texts_are_parsed_or_refused() -> None:
    assert (parse_slots("auto"), parse_slots("2"), parse_executor("inline")) == (None, 2, "inline")
    with pytest.raises(ConfigError, match="--slots-per-device: got '0'"):
        parse_slots("0")
    with pytest.raises(ConfigError, match="--executor: got 'ray'"):
        parse_executor("ray")
    with pytest.raises(ConfigError, match="--count: invalid literal"):
        parse_option("--count", "x", int)
