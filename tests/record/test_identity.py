"""Which configurations are the same run."""

from __future__ import annotations

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.workflow import load_workflow
from lstm_bench.record.identity import run_id


def id_of(*overrides: str) -> str:
    return run_id(load_workflow(ready_folder("configs") / "lstm_alpha158.yaml", overrides), "data")


def test_the_embargo_is_the_same_said_or_not() -> None:
    none = "lstm_bench.compat=none"
    assert id_of(none, "lstm_bench.embargo=2") == id_of(none)
    assert id_of(none, "lstm_bench.horizon=5", "lstm_bench.embargo=6") == id_of(none, "lstm_bench.horizon=5")
    assert id_of("lstm_bench.embargo=0") == id_of()


def test_another_embargo_is_another_run() -> None:
    none = "lstm_bench.compat=none"
    assert len({id_of(none), id_of(none, "lstm_bench.embargo=0"), id_of(none, "lstm_bench.embargo=3")}) == 3
    assert id_of("lstm_bench.embargo=2") != id_of()


def test_the_seed_and_the_data_are_part_of_it() -> None:
    config = load_workflow(ready_folder("configs") / "lstm_alpha158.yaml")
    assert len({run_id(config, "a"), run_id(config, "b"), run_id(config.with_seed(1), "a")}) == 3
