"""Alpha158 and Alpha360 as tables of expressions; the oracle's fixtures hold their texts to Qlib's."""

from __future__ import annotations

from lstm_bench.config.alpha158 import alpha158, price, rolling
from lstm_bench.config.alpha360 import DAYS, FIELDS, alpha360
from lstm_bench.config.sections.handler import DEFAULT_LABEL
from lstm_bench.features.expression import extent, parse


def test_alpha158_has_158_columns_in_qlibs_order() -> None:
    names = list(alpha158())
    assert len(names) == 158
    assert names[:14] == [
        *("KMID", "KLEN", "KMID2", "KUP", "KUP2", "KLOW", "KLOW2", "KSFT", "KSFT2"),
        *("OPEN0", "HIGH0", "LOW0", "VWAP0", "ROC5"),
    ]
    assert names[-5:] == ["VSUMD5", "VSUMD10", "VSUMD20", "VSUMD30", "VSUMD60"]
    assert extent(alpha158().values()) == (60, 0)


def test_alpha360_has_six_fields_of_sixty_days() -> None:
    columns = alpha360()
    assert len(columns) == len(FIELDS) * DAYS
    assert list(columns)[:2] == ["CLOSE59", "CLOSE58"]
    assert columns["CLOSE0"] == "$close/$close"
    assert columns["VOLUME3"] == "Ref($volume, 3)/($volume+1e-12)"
    assert extent(columns.values()) == (59, 0)


def test_rolling_statistics_are_chosen_by_their_keys() -> None:
    assert list(rolling([5, 10], include=["ROC", "LOW"])) == ["ROC5", "ROC10", "MIN5", "MIN10"]
    assert "RANK60" not in rolling(exclude=["RANK"])
    assert list(price([0, 2], ["CLOSE"]).values()) == ["$close/$close", "Ref($close, 2)/$close"]


def test_the_label_looks_two_days_ahead() -> None:
    assert parse(DEFAULT_LABEL["LABEL0"]).right == 2
