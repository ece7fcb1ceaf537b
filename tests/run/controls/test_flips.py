"""Rank flips of made-up rows."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.core.errors import InputError
from lstm_bench.data.provider import Provider
from lstm_bench.record.record import Record
from lstm_bench.run.controls.conventions import Trading
from lstm_bench.run.controls.document import Flip
from lstm_bench.run.controls.flips import RowFigures, find_flips, row_figures


def row(own: float, other: float, ratio: float = 1.0) -> RowFigures:
    figures = {
        "own": {"annualized_return": own, "information_ratio": ratio},
        "other": {"annualized_return": other, "information_ratio": ratio},
    }
    return RowFigures("own", figures)


def test_pairs_that_change_places_are_found() -> None:
    rows = {"a": row(0.3, 0.1), "b": row(0.2, 0.2), "c": row(0.1, 0.3)}
    assert find_flips(rows) == [
        Flip(convention="other", metric="annualized_return", better=better, worse=worse)
        for better, worse in (("a", "b"), ("a", "c"), ("b", "c"))
    ]


def test_equal_and_undefined_figures_have_no_order() -> None:
    assert find_flips({"a": row(0.2, 0.1), "b": row(0.2, 0.2)}) == []
    assert find_flips({"a": row(0.3, np.nan), "b": row(0.2, 0.2)}) == []
    assert find_flips({"a": row(0.3, 0.2)}) == []


def test_only_conventions_of_both_are_compared() -> None:
    lone = RowFigures("mine", {"mine": {"annualized_return": 0.1, "information_ratio": 1.0}})
    assert find_flips({"a": row(0.3, 0.1), "b": lone}) == []


def test_other_data_are_not_compared(recorded: Record) -> None:
    trading = Trading(Provider(recorded.config().qlib_init.provider_uri))
    found = row_figures(trading, [recorded, recorded], recorded.provenance()["data_fingerprint"])
    assert found.own in found.figures
    metrics = recorded.metrics()
    own = found.figures[found.own]["annualized_return"]
    assert own == pytest.approx(metrics["1day.excess_return_with_cost.annualized_return"])
    with pytest.raises(InputError, match="other data"):
        row_figures(trading, [recorded], "0" * 64)
