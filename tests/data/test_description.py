from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.data import fingerprint
from lstm_bench.data.description import describe
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import History, write_qlib_folder

DAYS = np.arange("2020-01-06", "2020-01-10", dtype="datetime64[D]")


def test_fields_that_some_lack_are_counted_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fingerprint, "cache_path", lambda: tmp_path / "fingerprints.json")
    close = np.array([1, np.nan, 3], np.float32)
    histories = [History("A", 1, {"close": close, "factor": close}), History("B", 0, {"close": close})]
    write_qlib_folder(tmp_path / "data", DAYS, {"all": [("A", DAYS[0], DAYS[3])]}, histories)
    with caplog.at_level(logging.WARNING, logger="lstm_bench"):
        fields = describe(Provider(tmp_path / "data"))["fields"]
    assert fields == [
        {"field": "close", "instruments": 2, "bars": 6, "nan_share": 2 / 6},
        {"field": "factor", "instruments": 1, "bars": 3, "nan_share": 1 / 3},
    ]
    assert not caplog.records
