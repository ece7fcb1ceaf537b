"""Planted defects of a feature set are found, each by its column."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.config.feature_set import KNOWN_SETS, FeatureSet
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.feature_check import check_texts, check_values, looks_back
from lstm_bench.features.expression import parse

GOOD = {"A": "$close/Ref($close, 1)-1", "B": "Mean($volume, 5)/($volume+1e-12)"}
FIELDS = ("open", "high", "low", "close", "volume")


def test_qlibs_sets_have_nothing_wrong() -> None:
    for known in KNOWN_SETS.values():
        assert check_texts(known) == []


@pytest.mark.parametrize(
    ("features", "column", "words"),
    [
        ({"X": "Ref($close, -1)/$close"}, "X", "looks 1 day ahead, which is a leak"),
        ({"X": "Mean(Delta($close, -2), 5)"}, "X", "looks 2 days ahead"),
        ({"X": "Maen($close, 5)"}, "X", "position 1: unknown operator 'Maen'; did you mean 'Mean'?"),
        ({"X": "$clsoe"}, "X", "the field $clsoe is not in any instrument's bars; did you mean 'close'?"),
        ({"X": "$close / Ref($close,1) - 1"}, "X", "is the same as A"),
    ],
)
def test_a_defect_is_found_by_its_column(features: dict[str, str], column: str, words: str) -> None:
    (finding,) = check_texts(FeatureSet(features=GOOD | features), FIELDS)
    assert (finding.group, finding.column, finding.is_wrong) == ("feature", column, True)
    assert words in finding.text


def test_without_data_an_unusual_field_is_noted_only() -> None:
    (note,) = check_texts(FeatureSet(features={**GOOD, "X": "Log($turnover)"}))
    assert (note.column, note.is_wrong) == ("X", False)
    assert check_texts(FeatureSet(features={"X": "Log($turnover)"}), (*FIELDS, "turnover")) == []


def test_a_label_has_to_look_ahead() -> None:
    labels = {"L": "$close/Ref($close, 1)-1", "M": "Ref($close, -2)/$close"}
    (finding,) = check_texts(FeatureSet(features=GOOD, labels=labels), FIELDS)
    assert (finding.group, finding.column) == ("label", "L")
    assert "known on its day" in finding.text


def test_values_are_counted(provider: Provider) -> None:
    texts = {
        **GOOD,
        "CONSTANT": "$close/$close",
        "MISSING": "$nowhere/$close",
        "INFINITE": "If($close>Ref($close, 1), 1/($close-$close), $close)",
        "NONSENSE": "Mean($close, 5",
    }
    labels = {"LABEL0": "Ref($close, -2)/Ref($close, -1)-1"}
    found = check_values(FeatureSet(features=texts, labels=labels), provider, "csi300")
    columns = {each.column: each for each in found}
    assert list(columns) == ["A", "B", "CONSTANT", "MISSING", "INFINITE", "LABEL0"]
    texts_of = {name: [finding.text for finding in each.findings()] for name, each in columns.items()}
    assert texts_of["A"] == texts_of["B"] == texts_of["LABEL0"] == []
    assert texts_of["CONSTANT"] == ["is constant"]
    assert texts_of["MISSING"] == ["has no value on any row"]
    assert "is infinite on" in texts_of["INFINITE"][0]
    assert columns["LABEL0"].group == "label"
    assert columns["MISSING"].nan_share == 1.0
    assert 0.3 < columns["INFINITE"].infinite_share < 0.7
    assert len({each.rows for each in found}) == 1


def test_counts_are_those_of_the_rows_asked_for(provider: Provider) -> None:
    days = [str(day) for day in provider.calendar]
    features = FeatureSet(features={f"C{lag}": f"Ref($close, {lag})/$close" for lag in range(1, 41)})
    found = check_values(features, provider, "all", days[0], days[9])
    shares = np.array([each.nan_share for each in found])
    assert len(shares) == 40  # more than are worked out at once
    assert found[0].rows % 10 == 0
    assert found[0].rows >= 150  # ten days of 18 stocks, of which some are listed later
    assert (shares[10:] == 1.0).all()  # nothing is before the calendar's first day
    assert (np.diff(shares[:10]) >= 0).all()


@pytest.mark.parametrize(
    ("text", "days"), [("$close", 0), ("Mean(Ref($close, 3), 5)", 7), ("Mean($close, 0)/$close", None)]
)
def test_days_back(text: str, days: int | None) -> None:
    assert looks_back(parse(text)) == days
