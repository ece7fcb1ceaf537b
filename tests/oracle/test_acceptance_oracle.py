"""The committed verdicts on variants of the workflow files are those of the installed pyqlib."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.oracle.acceptance import recorded, request
from tests.oracle.variant import make_market, write_variants
from tests.oracle.variants_data import DATA

pytestmark = pytest.mark.oracle


def test_the_verdicts_are_current(ask_oracle: Callable[..., Path], tmp_path: Path) -> None:
    market = make_market(tmp_path)
    paths = write_variants(DATA, tmp_path / "variants", market)
    (tmp_path / "request.json").write_text(json.dumps(request(DATA, paths)))
    answer = ask_oracle("ask_acceptance.py", tmp_path / "request.json") / "acceptance.json"
    verdicts, known = json.loads(answer.read_text()), recorded("data")
    assert set(verdicts) == set(known)
    for name, verdict in verdicts.items():
        assert (verdict["stage"], "error" in verdict) == (known[name]["stage"], "error" in known[name]), name
        for segment, found in verdict.get("samples", {}).items():
            expected = known[name]["samples"][segment]
            assert found.pop("sums", []) == pytest.approx(expected.pop("sums", []), rel=1e-6, abs=1e-6), name
            assert found == expected, name
