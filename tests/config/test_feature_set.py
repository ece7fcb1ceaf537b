"""Custom feature sets, labels and horizons in a workflow file, and their resolved form."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.alpha158 import Alpha158Options, alpha158
from lstm_bench.config.feature_set import KNOWN_SETS, find_feature_set, load_feature_set
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.core.errors import ConfigError

ALPHA158 = Path(__file__).parents[2] / "configs" / "lstm_alpha158.yaml"
MINE: dict[str, Any] = {
    "features": {"MOM5": "$close/Ref($close, 5)-1", "RANGE": "($high-$low)/$close"},
    "labels": {"LABEL1": "Ref($close, -2)/Ref($close, -1)-1", "LABEL5": "Ref($close, -6)/Ref($close, -1)-1"},
}
HANDLER = "task.dataset.kwargs.handler"
LABEL = "Ref($close, -2)/Ref($close, -1)-1"


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """Qlib's workflow file, and mine.yaml in a folder beside it."""
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "mine.yaml").write_text(dump_yaml(MINE))
    return Path(shutil.copy(ALPHA158, tmp_path / "workflow.yaml"))


def own(workflow: Path, *overrides: str) -> RunConfig:
    return load_workflow(
        workflow,
        [
            "lstm_bench.features=sets/mine.yaml",
            "data_handler_config.infer_processors=[{class: ZScoreNorm, kwargs: {fields_group: feature}}]",
            "task.model.kwargs.d_feat=2",
            *overrides,
        ],
    )


def test_a_set_takes_the_place_of_the_handlers_columns_in_qlibs_form(workflow: Path) -> None:
    config = own(workflow)
    assert config.feature_set == "mine"
    handler = config.to_file()["task"]["dataset"]["kwargs"]["handler"]
    assert (handler["class"], handler["module_path"]) == ("DataHandlerLP", "qlib.data.dataset.handler")
    loader = handler["kwargs"].pop("data_loader")
    assert (loader["class"], loader["kwargs"]["config"]) == (
        "QlibDataLoader",
        {
            "feature": [list(MINE["features"].values()), list(MINE["features"])],
            "label": [[LABEL], ["LABEL1"]],
        },
    )
    # what Alpha158's handler does for its processors, DataHandlerLP leaves to them
    assert "fit_start_time" not in handler["kwargs"]
    (zscore,) = handler["kwargs"]["infer_processors"]
    assert zscore["kwargs"] == {
        "fit_start_time": "2008-01-01", "fit_end_time": "2014-12-31", "fields_group": "feature",
    }  # fmt: skip
    assert [entry["class"] for entry in handler["kwargs"]["learn_processors"]] == [
        "DropnaLabel",
        "CSRankNorm",
    ]
    assert (handler["kwargs"]["instruments"], handler["kwargs"]["start_time"]) == ("csi300", "2008-01-01")


def test_a_resolved_set_needs_no_file(workflow: Path, tmp_path: Path) -> None:
    config = own(workflow, "lstm_bench.label=LABEL5", "lstm_bench.embargo=7")
    (tmp_path / "elsewhere").mkdir()
    again = tmp_path / "elsewhere" / "config.yaml"
    again.write_text(dump_yaml(config.to_file()))
    reloaded = load_workflow(again)
    assert reloaded.to_file() == config.to_file()
    assert reloaded.identity() == config.identity()
    assert reloaded.feature_set == "mine"
    assert config.to_file()["lstm_bench"]["features"] == {"name": "mine"}
    assert config.resolved() == config.resolved().resolved()


def test_the_sets_name_and_how_it_is_said_are_no_identity(workflow: Path) -> None:
    renamed = own(workflow, f"lstm_bench.features={ {'name': 'other', **MINE} }")
    assert (renamed.feature_set, renamed.identity()) == ("other", own(workflow).identity())
    assert own(workflow, "lstm_bench.label=LABEL1").identity() == own(workflow).identity()
    written = own(workflow).to_file()["task"]["dataset"]["kwargs"]["handler"]
    assert (
        load_workflow(workflow, [(HANDLER, written), "task.model.kwargs.d_feat=2"]).identity()
        == own(workflow).identity()
    )
    changed = own(workflow, "lstm_bench.features={features: {MOM5: '$close/Ref($close, 4)-1'}}")
    assert changed.identity() != own(workflow).identity()


def test_a_set_without_labels_keeps_the_handlers(workflow: Path) -> None:
    config = own(workflow, "lstm_bench.features={features: {A: $close/$open}}")
    text = "Ref($close, -2) / Ref($close, -1) - 1"
    assert config.columns.labels == {text: text}


def test_a_set_beside_the_workflow_goes_before_one_here(
    workflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / "sets").mkdir(parents=True)
    monkeypatch.chdir(here)
    other = dump_yaml({"features": {"A": "$close/$open", "B": "$low/$open"}})
    Path("sets/mine.yaml").write_text(other)
    Path("only_here.yaml").write_text(other)
    assert list(own(workflow).columns.columns) == ["MOM5", "RANGE"]
    assert list(own(workflow, "lstm_bench.features=only_here.yaml").columns.columns) == ["A", "B"]
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        own(workflow, "lstm_bench.features=nowhere.yaml")


def test_a_loader_handler_may_leave_its_columns_to_a_set(workflow: Path) -> None:
    bare = {"class": "DataHandlerLP", "module_path": "qlib.data.dataset.handler", "kwargs": {}}
    config = load_workflow(workflow, [(HANDLER, bare), "lstm_bench.features=sets/mine.yaml"])
    assert config.columns.columns == MINE["features"]
    with pytest.raises(
        ConfigError, match=r"data_loader: missing; .* lstm_bench\.features names a feature set"
    ):
        load_workflow(workflow, [(HANDLER, bare)])


def test_alpha158s_options_and_own_columns_go_together(workflow: Path) -> None:
    content = (
        "{alpha158: {kbar: {}, rolling: {windows: [5], include: [ROC, LOW]}}, features: {MOM3: $close/$open}}"
    )
    columns = own(workflow, f"lstm_bench.features={content}").columns.columns
    assert list(columns) == [*list(alpha158())[:9], "ROC5", "MIN5", "MOM3"]
    every = own(workflow, "lstm_bench.features={alpha158: all}").columns.columns
    assert list(every.items()) == list(alpha158().items())


def test_one_label_is_trained_on_the_first_unless_another_is_named(workflow: Path) -> None:
    two = "data_handler_config.label=[[$open/$close, $high/$close], [A, B]]"
    assert load_workflow(workflow, [two]).columns.labels == {"A": "$open/$close"}
    chosen = load_workflow(workflow, [two, "lstm_bench.label=B"])
    assert chosen.columns.labels == {"B": "$high/$close"}
    assert (
        chosen.identity()
        == load_workflow(workflow, ["data_handler_config.label=[[$high/$close], [B]]"]).identity()
    )
    assert own(workflow).columns.labels == {"LABEL1": MINE["labels"]["LABEL1"]}
    assert own(workflow, "lstm_bench.label=LABEL5").columns.labels == {"LABEL5": MINE["labels"]["LABEL5"]}
    with pytest.raises(
        ConfigError, match=r"lstm_bench.label: got 'LABEL6'; did you mean 'LABEL5'\? choices: L"
    ):
        own(workflow, "lstm_bench.label=LABEL6")


@pytest.mark.parametrize(("handler", "price"), [("Alpha158", "$close"), ("Alpha158vwap", "$vwap")])
def test_a_horizon_is_the_return_from_the_next_day_on(workflow: Path, handler: str, price: str) -> None:
    config = load_workflow(workflow, [f"{HANDLER}.class={handler}", "lstm_bench.horizon=5"])
    assert config.columns.labels == {"LABEL0": f"Ref({price}, -6)/Ref({price}, -1) - 1"}
    assert own(workflow, "lstm_bench.horizon=1").columns.labels == {
        "LABEL0": "Ref($close, -2)/Ref($close, -1) - 1"
    }
    with pytest.raises(ConfigError, match="label and horizon: give one of them"):
        own(workflow, "lstm_bench.horizon=1", "lstm_bench.label=LABEL1")
    with pytest.raises(ConfigError, match="horizon: got 0"):
        own(workflow, "lstm_bench.horizon=0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("featuers: {A: $close}", "unknown key 'featuers'; did you mean 'features'?"),
        ("features: [$close]", "features: got .* \\(a list\\), expected a mapping"),
        ("features: {A: 5}", "features.A: got 5 \\(a number\\), expected an expression"),
        ("features: {1: $close}", "features: got the name 1, expected a text in quotes"),
        ("features: {A: $close, A: $open}", "A"),
        ("labels: {A: $close}", "features: missing"),
        ("alpha158: {}", "alpha158: chooses no column"),
        ("alpha158: some", "alpha158"),
        ("{alpha158: all, features: {KMID: $close}}", "Alpha158 has a column KMID already"),
        ("alpha158: {rolling: {include: [ROCK]}}", "unknown statistic 'ROCK'; did you mean 'ROC'?"),
        ("alpha158: {rolling: {windows: [0]}}", "windows: .*distinct numbers of days from 1 on"),
        ("alpha158: {volume: {windows: [1, 1]}}", "windows: .*distinct numbers of days from 0 on"),
        ("alpha158: {price: {feature: [$open]}}", "expected the name of a field such as OPEN"),
        ("alpha158: {rollin: {}}", "unknown key 'rollin'"),
    ],
)
def test_what_is_no_set_is_refused_by_name(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        load_feature_set(path)


def test_sets_are_found_by_name_or_file(workflow: Path) -> None:
    assert len(KNOWN_SETS["Alpha158"].columns) == 158
    assert len(find_feature_set("Alpha360").columns) == 360
    assert find_feature_set(str(workflow.parent / "sets" / "mine.yaml")).name == "mine"
    with pytest.raises(ConfigError, match=r"got 'Alpha159'; did you mean 'Alpha158'\? .*, or a file"):
        find_feature_set("Alpha159")


def test_a_group_that_is_left_out_gives_no_column() -> None:
    assert Alpha158Options().columns() == {}
    assert len(Alpha158Options.model_validate({"price": {}}).columns()) == 25
