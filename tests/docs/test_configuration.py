"""The configuration page has every key of every model, and is the one that the models make."""

from __future__ import annotations

import inspect
import re

import pytest
from docs.tools.configuration import PAGE, Place, configuration_page, places

import lstm_bench.config.alpha158
import lstm_bench.config.class_path
import lstm_bench.config.feature_set
import lstm_bench.config.lenient
import lstm_bench.config.sections.backtest
import lstm_bench.config.sections.dataset
import lstm_bench.config.sections.exchange
import lstm_bench.config.sections.handler
import lstm_bench.config.sections.harness
import lstm_bench.config.sections.loader
import lstm_bench.config.sections.model
import lstm_bench.config.sections.parameter
import lstm_bench.config.sections.processor
import lstm_bench.config.sections.qlib_init
import lstm_bench.config.sections.record
import lstm_bench.config.sections.search
import lstm_bench.config.sections.task
import lstm_bench.config.sections.tracking
import lstm_bench.config.sections.universe
import lstm_bench.config.study
import lstm_bench.config.workflow
from lstm_bench.config.section import Section

BASES = {
    lstm_bench.config.lenient.Lenient: "its subclasses have its keys",
    lstm_bench.config.class_path.Named: "likewise",
    lstm_bench.config.class_path.SupportedClass: "likewise",
    lstm_bench.config.workflow.ResolvedRun: "a RunConfig",
    lstm_bench.config.sections.universe._Filter: "likewise",
    lstm_bench.config.sections.handler.HandlerKwargs: "its subclasses have its keys",
    lstm_bench.config.sections.handler.AlphaKwargs: "likewise",
    lstm_bench.config.sections.processor.FittedKwargs: "likewise",
    lstm_bench.config.sections.record._Record: "likewise",
    lstm_bench.config.section.Recorded: "of what the package writes, not of what a user does",
}
ALL = [place for found in places().values() for place in found]


def sections(model: type[Section] = Section) -> set[type[Section]]:
    below = {each for each in model.__subclasses__() if each.__module__.startswith("lstm_bench.config")}
    return below.union(*(sections(each) for each in below))


def parts(page: str) -> dict[str, str]:
    """Heading -> text below it."""
    found = re.split(r"^#{2,3} (.*)\n", page, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_it_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == configuration_page(), "python docs/tools/configuration.py"


def test_no_model_of_a_file_is_left_out() -> None:
    assert {place.model for place in ALL} == sections() - BASES.keys()


@pytest.mark.parametrize("place", ALL, ids=lambda place: place.model.__name__)
def test_every_key_is_there_with_what_the_model_says(place: Place) -> None:
    text = parts(configuration_page())[
        "`lstm_bench.features`" if place.model is lstm_bench.config.feature_set.FeatureSet else place.heading
    ]
    for name, field in place.model.model_fields.items():
        key = f"`{field.alias or name}`"
        row = next((line for line in text.splitlines() if line.startswith(f"| {key} |")), None)
        if row is None:
            assert re.search(rf"^(Ignored|Refused).*{re.escape(key)}", text, re.MULTILINE), key
            continue
        assert ("*required*" in row) == field.is_required(), row
        assert (field.description or "").replace("|", r"\|") in row


def test_choices_bounds_and_defaults_are_said() -> None:
    page = configuration_page()
    assert (
        "| `dropout` | float, ≥ 0, < 1 | `0` | dropout between layers; no effect with a single layer |"
        in page
    )
    assert "| `loss` | `mse`, `huber`, `ic` or `rank` | `mse` |" in page
    assert "| `seeds` | seeds: `5`, `0-4` or `[3, 7]` | `[1000, 1001, 1002]` |" in page
    assert (
        "| `learn_processors` | list of [section](#handlerkwargsinfer_processors) | `DropnaLabel`, `CSZScoreNorm` |"
        in page
    )


def test_links_within_the_page_have_their_headings() -> None:
    page = configuration_page()
    anchors = {Place(heading, "", Section).anchor for heading in parts(page)}
    linked = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert len(linked) > 20
    assert linked <= anchors


def test_every_model_says_what_it_is() -> None:
    # a model without a docstring would show that of its base
    assert all(inspect.getdoc(place.model) for place in ALL if not place.model.__name__.startswith("_"))
