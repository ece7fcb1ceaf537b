"""Which fields make a run's identity: run ids never change for the same configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lstm_bench.config.identity import IDENTITY, identity_of, outside_identity
from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.sections.model import LstmKwargs
from lstm_bench.config.workflow import ResolvedRun, load_workflow
from lstm_bench.record import identity

ROOT = Path(__file__).parents[2]
ALPHA158 = ROOT / "configs" / "lstm_alpha158.yaml"
HANDLER = "task.dataset.kwargs.handler.kwargs"


def test_run_ids_are_those_of_earlier_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    """``run_ids.json``: workflow file, overrides, and the run id on the data ``data`` with the numerics of then."""
    monkeypatch.setattr(identity, "NUMERICS", 4)
    rows = json.loads((Path(__file__).parent / "run_ids.json").read_text())
    assert len(rows) > 200
    for file, overrides, expected in rows:
        config = load_workflow(ROOT / file, [(key, value) for key, value in overrides])
        assert identity.run_id(config, "data") == expected, (file, overrides)
        assert identity.run_id(config.resolved(), "data") == expected, (file, overrides)


def test_a_marked_field_is_left_out_where_it_stands_and_nowhere_else() -> None:
    assert outside_identity(LstmKwargs) == {"seed", "GPU", "n_jobs"}
    codes = {"GPU": [["2008-01-01", "2010-01-01"]], "seed": [["2008-01-01", "2011-01-01"]]}
    dataset = load_workflow(ALPHA158, [(f"{HANDLER}.instruments", codes)]).task.dataset
    content = identity_of(dataset)
    assert content["kwargs"]["handler"]["kwargs"]["instruments"].keys() == {
        "GPU",
        "seed",
    }  # stocks, no fields
    assert "module_path" not in content
    assert "module_path" in dataset.model_dump(mode="json", by_alias=True)


def test_an_identity_has_no_nulls_and_a_file_keeps_those_that_it_has() -> None:
    dataset = load_workflow(ALPHA158, [(f"{HANDLER}.start_time", None)]).task.dataset
    assert "start_time" not in identity_of(dataset)["kwargs"]["handler"]["kwargs"]
    assert dataset.model_dump(by_alias=True)["kwargs"]["handler"]["kwargs"]["start_time"] is None
    assert DatasetConfig.model_validate(dataset.model_dump(by_alias=True)) == dataset
    assert dataset.model_dump(mode="json", by_alias=True, context=IDENTITY) == identity_of(dataset)


def test_only_resolving_makes_a_resolved_run() -> None:
    resolved = load_workflow(ALPHA158).resolved()
    assert type(resolved) is type(resolved.with_seed(3)) is ResolvedRun
    assert resolved.resolved() is resolved
    with pytest.raises(TypeError, match=r"by RunConfig\.resolved\(\) only"):
        ResolvedRun.model_validate(resolved.to_file())
