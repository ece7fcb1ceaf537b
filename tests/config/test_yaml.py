"""YAML as Qlib reads it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.yaml import Overrides, dump_yaml, read_yaml
from lstm_bench.core.errors import ConfigError

FILE = """
market: &market csi300
handler: &handler
  instruments: *market
  start_time: 2008-01-01
  lr: 1e-3
  label: ["Ref($close, -2)"]
task:
  handler: *handler
  merged: {<<: *handler, extra: 1}
  list: [{a: 1}, {a: 2}]
"""


def load_yaml(path: Path, overrides: Overrides = (), top_level: Sequence[str] = ()) -> dict[str, Any]:
    return read_yaml(path, overrides, top_level).content


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "workflow.yaml"
    path.write_text(FILE)
    return path


def test_values_are_yaml_1_2(file: Path) -> None:
    content = load_yaml(file)
    assert content["handler"]["lr"] == 1e-3
    assert content["handler"]["start_time"] == datetime.date(2008, 1, 1)


def test_an_override_of_an_anchor_reaches_every_alias(file: Path) -> None:
    content = load_yaml(file, ["market=csi500", "handler.start_time=2010-01-01"])
    for handler in (content["handler"], content["task"]["handler"], content["task"]["merged"]):
        assert handler["instruments"] == "csi500"
        assert handler["start_time"] == datetime.date(2010, 1, 1)


def test_an_override_of_an_alias_reaches_its_anchor(file: Path) -> None:
    content = load_yaml(file, ["task.handler.instruments=[A, B]"])
    assert content["market"] == ["A", "B"]
    assert content["handler"]["instruments"] == ["A", "B"]


def test_overrides_add_keys_and_reach_into_lists(file: Path) -> None:
    content = load_yaml(
        file, ["task.list.1.a=5", "task.list.0.b=x=y", "ours.deep.key=null"], top_level=["ours"]
    )
    assert content["task"]["list"] == [{"a": 1, "b": "x=y"}, {"a": 5}]
    assert content["ours"] == {"deep": {"key": None}}


def test_an_empty_value_is_null(file: Path) -> None:
    assert load_yaml(file, ["market="])["market"] is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("market", "expected dotted.key=value"),
        (".a=1", "expected dotted.key=value"),
        ("markt=x", "did you mean 'market'"),
        ("task.list.7.a=1", "not a position in a list of 2"),
        ("task.list.x=1", "not a position in a list of 2"),
        ("task.list.²=1", "not a position in a list of 2"),
        ("market.deep=1", "lies below a plain value"),
        ("market=[1", "not YAML"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        load_yaml(file, [override])


def test_environment_variables_are_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.yaml"
    path.write_text('uri: "{{ HERE_FOLDER }}/x{{ NOT_SET_ANYWHERE }}"\n')
    monkeypatch.setenv("HERE_FOLDER", "/data")
    assert load_yaml(path) == {"uri": "/data/x"}


def test_a_broken_template_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("a: {{ oops\n")
    with pytest.raises(ConfigError, match="Jinja2"):
        load_yaml(path)


def test_a_base_file_lies_below(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("a: {x: 1, y: 2}\nlist: [1, 2]\n")
    path = tmp_path / "w.yaml"
    path.write_text("BASE_CONFIG_PATH: base.yaml\na: {y: 3}\nlist: [9]\n")
    assert load_yaml(path, ["a.x=7"]) == {"a": {"x": 7, "y": 3}, "list": [9]}


def test_a_base_file_that_is_null_is_none(tmp_path: Path) -> None:
    path = tmp_path / "workflow.yaml"
    for nothing in ("null", "", "''"):
        path.write_text(f"BASE_CONFIG_PATH: {nothing}\na: 1\n")
        assert load_yaml(path) == {"a": 1}


def test_a_missing_base_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("BASE_CONFIG_PATH: nowhere.yaml\n")
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_yaml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n", "mapping"),
        ("a: [", "not YAML"),
        ("", "mapping"),
        ("a: !!python/name:os.x 1", "line 1: got the tag '!!python/name:os.x', expected plain YAML"),
        ("a: 1\na: 2\n", "line 2: found duplicate key"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_yaml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        load_yaml(tmp_path / "gone.yaml")


def test_dumped_yaml_loads_to_the_same(file: Path, tmp_path: Path) -> None:
    content = load_yaml(file)
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(content))
    assert load_yaml(again) == content


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.popen('echo here').read() }}",
        "{{ HOME.__class__.__mro__[1].__subclasses__() }}",
        "{{ range(3) }}",
        "{{ 1 / 0 }}",
        "{% for a in 1 %}{% endfor %}",
    ],
)
def test_a_template_reaches_nothing_but_the_environment(tmp_path: Path, template: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(f'a: "{template}"\n')
    with pytest.raises(ConfigError, match=r"w\.yaml: its Jinja2 template is wrong"):
        load_yaml(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff\n", "expected UTF-8 text; byte 3"),
        (b"a: 1\nb:\n  ? [a, b]\n  : 1\n", "line 3: expected a name as key"),
        (b"? {a: b}\n: 1\n", "line 1: expected a name as key"),
        (b"a: &a {<<: *a, b: 1}\n", "line 1: expected no alias inside its own anchor"),
        (b"a:\n- 2008-02-30\n", "line 2: got '2008-02-30': day is out of range"),
        (b"2008-02-30: 1\n", "line 1: got '2008-02-30': day is out of range"),
        (b"a: !!int x\n", "line 1: got 'x': invalid literal"),
        (b"b: 1\na: {c: &a [*a]}\n", "line 2: expected no alias inside its own anchor"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"w\.yaml.*{message}"):
        load_yaml(path, ["c=1"], top_level=["c"])


def test_values_that_are_no_text_are_taken_as_they_are(file: Path) -> None:
    odd = "/data/my #1: {x}"
    given = {
        "market": odd,
        "handler.start_time": "20170101",
        "handler.lr": 2.5e-7,
        "task.list": (1, None, True),
    }
    for overrides in (given, list(given.items())):
        content = load_yaml(file, overrides)
        assert content["task"]["handler"] == {
            "instruments": odd, "start_time": "20170101", "lr": 2.5e-7, "label": ["Ref($close, -2)"],
        }  # fmt: skip
        assert content["task"]["list"] == [1, None, True]
    assert load_yaml(file, ["market=csi500", ("handler.lr", 1)])["handler"]["lr"] == 1
    assert load_yaml(file, {"market": Path("/data/x")})["market"] == "/data/x"


def test_a_value_that_is_no_plain_data_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="override market: got <object"):
        load_yaml(file, {"market": object()})


BASE = """
first: &first {x: 1, deep: {y: 2, z: 3}}
alias: *first
merged: {<<: *first, w: 4}
list: [*first]
"""


def over_base(tmp_path: Path, text: str, *overrides: str) -> dict[str, Any]:
    (tmp_path / "base.yaml").write_text(BASE)
    path = tmp_path / "w.yaml"
    path.write_text(f"BASE_CONFIG_PATH: base.yaml\n{text}")
    return load_yaml(path, overrides)


def test_a_file_over_a_base_changes_only_the_places_that_it_names(tmp_path: Path) -> None:
    before = {"x": 1, "deep": {"y": 2, "z": 3}}
    content = over_base(tmp_path, "first: {x: 5, deep: {y: 6}}\n")
    assert content["first"] == {"x": 5, "deep": {"y": 6, "z": 3}}
    assert content["alias"] == before
    assert content["merged"] == {**before, "w": 4}
    assert content["list"] == [before]
    content = over_base(tmp_path, "merged: {deep: {y: 7}}\n", "first.deep.z=8")
    assert content["merged"] == {"x": 1, "deep": {"y": 7, "z": 8}, "w": 4}
    assert content["alias"]["deep"] == {"y": 2, "z": 8}


def test_a_file_drops_keys_of_its_base(tmp_path: Path) -> None:
    content = over_base(tmp_path, "list: __DROP__\nnothing: __DROP__\nmerged: {deep: {y: __DROP__}}\n")
    assert content["merged"] == {"x": 1, "deep": {"z": 3}, "w": 4}
    assert content["alias"]["deep"] == {"y": 2, "z": 3}
    assert set(content) == {"first", "alias", "merged"}


def test_an_override_reaches_below_a_merge_key(tmp_path: Path) -> None:
    content = over_base(tmp_path, "", "merged.deep.y=9")
    assert content["merged"]["deep"] == {"y": 9, "z": 3}
    assert content["first"]["deep"] == {"y": 9, "z": 3}


def test_a_value_has_the_place_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("a: {x: 1}\nb: &b\n  y: 2\n  z: [3,\n    4]\n")
    path = tmp_path / "w.yaml"
    path.write_text("BASE_CONFIG_PATH: base.yaml\n\na: {w: 5}\nc: &c\n- {k: 1}\nd: *c\n")
    document = read_yaml(path, ["b.y=7"])
    for keys, place in [
        (("a", "x"), "base.yaml, line 1"),
        (("a", "w"), "w.yaml, line 3"),
        (("b", "z", 1), "base.yaml, line 5"),
        (("d", 0, "k"), "w.yaml, line 5"),
        (("b", "y"), "override b.y"),
        (("b", "gone", "further"), "base.yaml, line 2"),
        (("gone",), "w.yaml"),
    ]:
        assert document.place(keys) == place, keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1\n", "line 2: a tab, expected spaces"),
        ("a: *b\n", r"line 1: \*b has no anchor &b before it"),
        ("a: 1\n---\nb: 2\n", "line 2: a second document begins"),
        ("a: b: c\n", "line 1: a second colon"),
        ("a: @x\n", "line 1: a text that begins with @ belongs in quotes"),
        ("a: {b: 1,\n b: 2}\n", r"w\.yaml: not YAML: line 2: found duplicate key"),
        ("BASE_CONFIG_PATH: [1]\n", r"BASE_CONFIG_PATH: got \[1\] \(a list\), expected the path of a file"),
    ],
)
def test_a_common_slip_in_yaml_is_told_plainly(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_yaml(path)


def test_an_anchor_may_be_used_again(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("a: &x 1\nb: &x 2\nc: *x\n")
    assert load_yaml(path) == {"a": 1, "b": 2, "c": 2}
