"""Drafts: a file, a ready study, and options over either."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import load_study
from lstm_bench.core.errors import ConfigError
from lstm_bench.data.synthetic import synthesize
from lstm_bench.tune.creation import start_study

LR = {"lr": {"float": [1e-4, 1e-2], "log": True}}


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_ready_study_is_taken_by_its_name_and_keeps_its_space() -> None:
    builder = start_study("alpha360", None, "alpha158")
    builder.change(LR, {}, {})
    assert builder.origin == "the ready study alpha360"
    assert len(builder.content["space"]) > 1
    assert builder.content["space"]["lr"] == LR["lr"]
    assert builder.write() is None


def test_options_are_the_whole_space_of_a_study_of_ones_own() -> None:
    builder = start_study("mine", None, "alpha360")
    builder.change(LR, {"pruner": {"patience": 2}, "trials": 7}, {"lstm_bench.compat": "qlib"})
    assert builder.content["space"] == LR
    assert builder.content["pruner"] == {"name": "median", "patience": 2}
    path = builder.write()
    assert path == Path("studies/mine.yaml")
    read = load_study(path)
    assert (read.name, read.trials, list(read.space)) == ("mine", 7, ["lr"])
    assert (path.parent / read.base).is_file()
    assert read == builder.config().model_copy(update={"base": read.base})
    assert builder.write() is None  # what is there stays


def test_without_options_a_study_of_ones_own_has_the_ready_space() -> None:
    builder = start_study("mine", None, "alpha158")
    builder.change({}, {}, {})
    assert builder.content["space"] == start_study("alpha158", None, "alpha158").content["space"]


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
def test_a_workflow_file_is_searched_in_the_ready_space_of_its_features(features: str) -> None:
    workflow = Path("own.yaml")
    workflow.write_text((ready_folder("configs") / f"lstm_{features}.yaml").read_text())
    builder = start_study(None, workflow, "alpha158")
    builder.change({}, {}, {})
    assert builder.origin == f"own.yaml with the ready study {features}"
    assert builder.content["space"] == start_study(features, None, features).content["space"]
    path = builder.write()
    assert path == Path("studies/own.yaml")
    assert (path.parent / load_study(path).base).samefile(workflow)
    again = start_study("own", None, "alpha158")
    assert again.path == path  # from now on the name is enough


def test_options_are_the_whole_space_over_a_workflow_file() -> None:
    workflow = Path("own.yaml")
    workflow.write_text((ready_folder("configs") / "lstm_alpha158.yaml").read_text())
    builder = start_study("mine", workflow, "alpha158")
    builder.change(LR, {}, {})
    assert (builder.name, builder.content["space"]) == ("mine", LR)


def test_a_file_of_neither_kind_is_refused() -> None:
    Path("other.yaml").write_text("a: 1")
    with pytest.raises(
        ConfigError, match=r"base: other.yaml has none, expected a workflow file, or a study file"
    ):
        start_study(None, Path("other.yaml"), "alpha158")


def test_what_is_fixed_is_not_searched() -> None:
    builder = start_study("alpha158", None, "alpha158")
    builder.change({}, {"fixed": {"lr": 1e-3}}, {})
    assert "lr" not in builder.config().space
    with pytest.raises(ConfigError, match="space: got none, which leaves nothing of lr; give a parameter"):
        start_study("mine", None, "alpha158").change(LR, {"fixed": {"lr": 1e-3}}, {})


def test_a_file_in_the_folder_of_studies_goes_before_a_ready_one() -> None:
    path = Path("studies/alpha158.yaml")
    path.parent.mkdir()
    path.write_text("name: other\nbase: base.yaml\nspace: {hidden_size: {choices: [3]}}\n")
    builder = start_study("alpha158", None, "alpha158")
    assert (builder.name, builder.path, builder.content["base"]) == ("alpha158", path, "base.yaml")
    assert start_study(None, path, "alpha158").name == "other"


@pytest.mark.parametrize("name", ["", "x y", ".x", "x.daily"])
def test_a_name_is_refused_before_anything_is_read(name: str) -> None:
    with pytest.raises(ConfigError, match=f"NAME: got {name!r}; .*expected "):
        start_study(name, Path("nowhere.yaml"), "alpha158")


def test_segments_are_laid_out_where_they_do_not_fit_the_data_that_is_named() -> None:
    synthesize(Path("market"), stocks=12, days=320)
    builder = start_study("alpha158", None, "alpha158")
    with pytest.raises(ConfigError, match="--auto-segments lays them out:\n  segment 'train'"):
        builder.lay_out_segments("market", in_proportion=False)
    misfits = builder.lay_out_segments("market", None)
    assert [text.split(":")[0] for text in misfits] == [
        "segment 'train'",
        "segment 'valid'",
        "segment 'test'",
    ]
    segments = builder.define("market").workflow.task.dataset.kwargs.segments
    assert str(segments.train[0]) >= "2019-07-01"
    assert builder.lay_out_segments("market", None) == []


def test_data_without_the_ready_market_are_told_the_way_to_a_file_of_their_own() -> None:
    synthesize(Path("market"), stocks=12, days=320)
    (Path("market") / "instruments" / "csi300.txt").rename("market/instruments/mine.txt")
    with pytest.raises(ConfigError) as refused:
        start_study("us", None, "alpha158").lay_out_segments("market", None)
    assert "no market 'csi300'; choices: all, mine" in str(refused.value)
    assert "`lstm-bench init --provider-uri market --out own.yaml`" in str(refused.value)
    assert "`lstm-bench study create us --from own.yaml`" in str(refused.value)
