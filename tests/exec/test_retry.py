"""The policy by which jobs are tried again."""

from __future__ import annotations

from typing import Any

import pytest

from lstm_bench.exec.retry import MAX_LOST_WORKERS, Attempts, Decision, Failed, FailureKind, decide

OTHERS: dict[str, Any] = {"max_retries": 2, "can_split": False, "shares_device": False}


@pytest.mark.parametrize(
    ("kind", "earlier", "others", "decision"),
    [
        ("raised", Attempts(), {}, Decision.RETRY),
        ("raised", Attempts(raised=1, lost=9), {}, Decision.RETRY),
        ("raised", Attempts(raised=2), {}, Decision.FAIL),
        ("raised", Attempts(), {"max_retries": 0, "can_split": True, "shares_device": True}, Decision.FAIL),
        ("wrong input", Attempts(), {"max_retries": 9}, Decision.FAIL),
        ("overdue", Attempts(), {"max_retries": 9}, Decision.FAIL),
        ("lost", Attempts(raised=9, lost=MAX_LOST_WORKERS - 1), {"max_retries": 0}, Decision.RETRY),
        ("lost", Attempts(lost=MAX_LOST_WORKERS), {"max_retries": 9, "shares_device": True}, Decision.FAIL),
        ("out of memory", Attempts(), {"can_split": True, "shares_device": True}, Decision.SPLIT),
        ("out of memory", Attempts(raised=9, lost=9), {"shares_device": True}, Decision.RETRY_ON_FEWER_SLOTS),
        ("out of memory", Attempts(), {"max_retries": 9}, Decision.FAIL),
    ],
)
def test_a_decision_follows_from_failure_and_history(
    kind: FailureKind, earlier: Attempts, others: dict[str, Any], decision: Decision
) -> None:
    assert decide(Failed(kind, "x"), earlier, **{**OTHERS, **others}) is decision


def test_full_devices_and_wrong_input_do_not_count_as_attempts() -> None:
    attempts = Attempts()
    kinds: list[FailureKind] = ["raised", "wrong input", "out of memory", "lost", "lost", "overdue"]
    for kind in kinds:
        attempts.count(Failed(kind, "x"))
    assert attempts == Attempts(raised=1, lost=2)
