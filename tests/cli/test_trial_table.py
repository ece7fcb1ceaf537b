"""Trials in a table: the remarks on them."""

from __future__ import annotations

from typing import Any

from lstm_bench.cli.trial_table import trial_remarks
from lstm_bench.tune.trials import TrialRow


def first_trial(params: dict[str, Any], moved: dict[str, Any]) -> TrialRow:
    return TrialRow(
        number=0, state="complete", value=1.0, params=params, epoch_values={}, device=None, slot=None, seconds=None,
        origin="default", moved=moved, duplicate_of=None, diverged_seeds=[], attempts=1, error=None,
    )  # fmt: skip


def test_the_first_trial_says_what_is_not_qlibs() -> None:
    assert trial_remarks(first_trial({"lr": 0.001}, {})) == "Qlib's defaults"
    both = first_trial(
        {"hidden_size": 8, "lstm_bench.horizon": 5}, {"hidden_size": 64, "lstm_bench.horizon": None}
    )
    assert trial_remarks(both) == (
        "Qlib's defaults with lstm_bench.horizon 5, moved into the space: hidden_size 64 -> 8"
    )
