"""Names of experiments: those that folders of records can have, and those that files of evidence can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_bench.config.experiment import check_evidence_name, records_folder
from lstm_bench.core.errors import InputError


@pytest.mark.parametrize("name", ["a", "a b (1)", "überall", "-a", "a..b", "a.daily"])
def test_a_name_is_a_folder_below_the_results(name: str) -> None:
    assert records_folder(Path("results"), {"--experiment": name}) == Path("results") / name


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a/b", "../x", "/x", "a/", "a\\b", "a\0b"])
def test_what_is_not_one_visible_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refused:
        records_folder(Path("results"), {"--experiment": name})
    assert str(refused.value).startswith(f"--experiment: got {name!r}, expected the name of one folder")


def test_the_first_that_is_given_names_it_and_is_named() -> None:
    names = {"--experiment": None, "experiment_name": "a", "CONFIG": "b"}
    assert records_folder(Path("r"), names) == Path("r/a")
    with pytest.raises(InputError, match=r"experiment_name: got '\.a'"):
        records_folder(Path("r"), {**names, "experiment_name": ".a"})


@pytest.mark.parametrize("name", ["a", "_a", "lstm_alpha158", "A-1.b", "a.daily.b"])
def test_a_name_of_evidence(name: str) -> None:
    assert check_evidence_name(name) == name


@pytest.mark.parametrize("name", ["", "my a", "über", ".a", "-a", "a/b", "a\n", "a.daily"])
def test_what_cannot_name_evidence(name: str) -> None:
    with pytest.raises(ValueError, match="expected "):
        check_evidence_name(name)
