"""Variants of the workflow files are accepted as by pyqlib, except for the documented differences."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import pytest
from tests.oracle.acceptance import compare, judge, recorded
from tests.oracle.variant import Variant, make_market, write_variants
from tests.oracle.variants_data import DATA

DOCUMENT = Path(__file__).parents[2] / "docs" / "qlib.md"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_market(tmp_path_factory.mktemp("acceptance"))


@pytest.fixture(scope="module")
def paths(market: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_variants(DATA, tmp_path_factory.mktemp("variants"), market)


@pytest.fixture(scope="module")
def verdicts() -> dict[str, dict[str, Any]]:
    return recorded("data")


@pytest.mark.filterwarnings("ignore")  # a variant may be unwise; what is warned of is not judged here
@pytest.mark.parametrize("variant", DATA, ids=lambda variant: variant.name)
def test_a_variant_is_taken_as_pyqlib_takes_it(
    variant: Variant, market: Path, paths: dict[str, Path], verdicts: dict[str, dict[str, Any]]
) -> None:
    ours = judge(variant, paths[variant.name], market)
    difference = compare(verdicts[variant.name], ours)
    if not variant.differs:
        assert difference == ""
    else:
        assert difference != "", "this difference is gone"
        assert variant.says in ours.get("error", "")


def test_each_variant_has_a_name_of_its_own_and_a_verdict() -> None:
    names = collections.Counter(variant.name for variant in DATA)
    assert max(names.values()) == 1
    assert set(names) == set(recorded("data"))


def test_the_document_tells_each_difference_and_counts_them() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("## Files that qrun takes")[2]
    shown = collections.Counter(variant.differs for variant in DATA if variant.differs)
    assert [what for what in shown if f"| {what} |" not in text] == []
    row = f"| data and model | {len(DATA)} | {len(DATA) - shown.total()} | {shown.total()} |"
    assert row in text
