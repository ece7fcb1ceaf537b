from __future__ import annotations

import os
import threading

import pytest

from lstm_bench.features.host import for_each, processors


def test_results_come_in_order() -> None:
    assert for_each(100, lambda i: i * i) == [i * i for i in range(100)]
    assert for_each(0, lambda i: i) == []


def test_only_processors_that_the_process_may_use_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert processors() == 1
    here = threading.get_ident()
    assert for_each(3, lambda _: threading.get_ident()) == [here] * 3


def test_without_affinity_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert processors() == 64
