"""The statistics of a study's selection, over files of daily series beside made-up trials."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tune.test_no_test_segment import define, tuned

from lstm_bench.core.errors import DataError
from lstm_bench.data import fingerprint
from lstm_bench.data.synthetic import synthesize
from lstm_bench.record.evidence import Evidence, write_study
from lstm_bench.record.evidence_schema import SeedResult
from lstm_bench.statistics.deflated_sharpe import deflated_sharpe
from lstm_bench.statistics.nested import nested_interval
from lstm_bench.statistics.overfitting import overfitting_probability
from lstm_bench.tune.selection import Selection, selection_of
from lstm_bench.tune.trials import State, TrialRow
from lstm_bench.tune.valid_series import ValidSeries, series_path, write_series

DAYS = np.arange("2015-01-05", 100, dtype="datetime64[D]")


def trial(number: int, value: float | None = None, state: State = "complete", **changes: Any) -> TrialRow:
    plain: dict[str, Any] = {
        "number": number, "state": state, "value": value, "params": {}, "epoch_values": {}, "device": None,
        "slot": None, "seconds": None, "origin": "sampler", "moved": {}, "duplicate_of": None,
        "diverged_seeds": [], "attempts": 0, "error": None, "key": f"key{number}",
    }  # fmt: skip
    return TrialRow(**plain | changes)


def leave_series(results: Path, number: int, seeds: int = 2, days: int = len(DAYS)) -> dict[int, ValidSeries]:
    series = {}
    for seed in range(seeds):
        ic, rank_ic, top = np.random.default_rng([number, seed]).normal(size=(3, days))
        series[seed] = ValidSeries(DAYS[:days], ic, rank_ic, top)
    write_series(series_path(results / "s" / "search" / f"key{number}.json"), series)
    return series


def of(series: dict[int, ValidSeries], name: str) -> np.ndarray:
    return np.array([getattr(one, name) for one in series.values()])


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=20, days=320, seed=0)
    return out


def test_a_study_of_noise_shows_that_its_best_trial_is_luck(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permuted labels: nothing can be learned. docs/selection.md has a study of 30 trials."""
    monkeypatch.setattr(fingerprint, "fingerprint", lambda _: "f" * 64)
    noise = {"lstm_bench.training.permute_labels": True}
    rows, _ = tuned(define(market, set=noise, seeds=[1000, 1001, 1002]), tmp_path, monkeypatch, trials=6)
    selection = selection_of(rows, "s", tmp_path / "results")
    assert selection is not None
    assert (selection.tried, selection.with_series, selection.days) == (6, 6, 50)
    assert selection.sharpe is not None
    assert selection.sharpe.p_value > 0.05
    assert selection.ic is not None
    assert not selection.ic.is_decided  # 50 days have no interval


def a_study(folder: Path, seed: int, skill: float = 0.0) -> Selection:
    """A study of ten trials over 96 days; trial 0 has a Sharpe ratio. The best one has the largest on these days."""
    rows = []
    for number in range(10):
        values = np.random.default_rng([seed, number]).normal(skill * (number == 0), size=(3, 96))
        path = series_path(folder / "s" / "search" / f"key{number}.json")
        write_series(path, {7: ValidSeries(DAYS[:96], *values)})
        rows.append(trial(number, -float(values[2].mean() / values[2].std())))
    found = selection_of(rows, "s", folder)
    assert found is not None
    return found


def test_among_trials_without_skill_half_are_overfitted_and_the_best_is_not_significant(
    tmp_path: Path,
) -> None:
    """In theory PBO is 0.5 on average; its standard deviation over studies is 0.19, that of the mean of 25 is 0.04."""
    studies = [a_study(tmp_path, seed) for seed in range(25)]
    for name in ("overfitting", "overfitting_ic"):
        probabilities = [getattr(study, name).probability for study in studies]
        assert np.mean(probabilities) == pytest.approx(0.5, abs=0.12), name
    p_values = [study.sharpe.p_value for study in studies if study.sharpe is not None]
    assert len(p_values) == 25
    assert (
        min(p_values) > 0.05
    )  # not corrected for the choice, the best of ten is significant in 40 % of studies


def test_a_skilled_trial_among_others_is_significant_and_not_overfitted(tmp_path: Path) -> None:
    """On half of the days, its true Sharpe ratio of 0.8 per day is 5.5 standard errors above 0."""
    for seed in range(5):
        study = a_study(tmp_path, seed, skill=0.8)
        assert study.sharpe is not None
        assert study.sharpe.p_value < 0.05
        assert study.overfitting is not None
        assert study.overfitting.probability < 0.05
        assert study.overfitting_ic is not None
        assert study.overfitting_ic.probability < 0.05


ROWS = [
    trial(0, 0.99),
    trial(1, 0.97),
    trial(2, 0.98),
    trial(3, state="pruned"),
    trial(4, state="failed"),
    trial(5, 0.97, duplicate_of=1, key="key1"),
    trial(6, 0.96, state="running"),
]


def test_they_are_of_the_trials_seed_means_on_common_days(tmp_path: Path) -> None:
    found = {number: leave_series(tmp_path, number) for number in (0, 1, 2)}
    found[2][1].top_return[4] = np.nan
    write_series(series_path(tmp_path / "s" / "search" / "key2.json"), found[2])
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert (selection.chosen, selection.tried, selection.pruned, selection.failed) == (1, 4, 1, 1)
    assert (selection.with_series, selection.without_series, selection.left_out) == (3, 0, ())
    assert (selection.days, selection.days_with_ic) == (99, 100)
    kept = np.arange(len(DAYS)) != 4
    returns = np.array([of(series, "top_return").mean(axis=0)[kept] for series in found.values()])
    ics = np.array([of(series, "ic").mean(axis=0) for series in found.values()])
    expected = deflated_sharpe(returns, 1, tried=4)
    assert expected is not None
    assert selection.sharpe is not None
    assert asdict(selection.sharpe) == pytest.approx(
        asdict(expected), rel=1e-12
    )  # rows may be laid out otherwise
    by_return, by_ic = overfitting_probability(returns), overfitting_probability(ics, ratio=False)
    assert selection.overfitting is not None
    assert selection.overfitting_ic is not None
    assert by_return is not None
    assert by_ic is not None
    assert selection.overfitting.probability == by_return.probability
    assert selection.overfitting_ic.probability == by_ic.probability
    assert (
        selection.ic == nested_interval(of(found[1], "ic").mean(axis=0)[None]).estimate
    )  # two seeds: days alone
    plain = json.loads(json.dumps(selection.to_json(), allow_nan=False))
    assert plain["deflated_sharpe"]["p_value"] == selection.sharpe.p_value
    assert plain["overfitting"] == {"top_return": by_return.probability, "ic": by_ic.probability}
    assert plain["trials"]["tried"] == 4
    names = [name for name, _ in selection.lines()]
    assert names[0] == "Trials tried"
    assert "Deflated Sharpe ratio" in names


def test_with_three_seeds_the_interval_is_over_seeds_too(tmp_path: Path) -> None:
    series = leave_series(tmp_path, 1, seeds=3)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.ic == nested_interval(of(series, "ic")).estimate


def test_trials_without_series_are_counted_and_said(tmp_path: Path) -> None:
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert (selection.with_series, selection.without_series, selection.days) == (0, 3, 0)
    assert (selection.sharpe, selection.overfitting, selection.ic) == (None, None, None)
    assert "no complete trial has a file of daily series" in selection.notes[0]
    leave_series(tmp_path, 1)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.notes[0].startswith("one trial has daily series")
    leave_series(tmp_path, 0)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert (selection.with_series, selection.without_series) == (2, 1)
    assert selection.sharpe is not None
    assert ("Trials with daily series", "2, 1 without; 100 days of valid") in list(selection.lines())


def test_without_the_best_trials_series_there_is_no_figure(tmp_path: Path) -> None:
    for number in (0, 2):
        leave_series(tmp_path, number)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.sharpe is None
    assert "trial 1, the best one, has no daily series" in selection.notes[0]


def test_series_of_different_days_meet_on_their_common_ones(tmp_path: Path) -> None:
    leave_series(tmp_path, 1, days=60)
    leave_series(tmp_path, 0)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.days == 60
    leave_series(tmp_path, 1, days=20)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert (selection.overfitting, selection.overfitting_ic) == (None, None)  # 16 blocks of one day
    assert selection.sharpe is not None
    assert selection.notes[:2] == (
        "no probability of overfitting by the Sharpe ratio: the trials have 20 days in common, expected 32 or more",
        "no probability of overfitting by the IC: the trials have 20 days in common, expected 32 or more",
    )
    leave_series(tmp_path, 1, days=2)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.sharpe is None
    assert selection.notes[0] == (
        "no deflated Sharpe ratio: the trials have 2 days in common, expected 3 or more"
    )


def collapse(results: Path, number: int, seeds: list[int]) -> None:
    """Let seeds of a trial score all stocks alike: no IC, and the return of an arbitrary fifth."""
    series = leave_series(results, number)
    for one in seeds:
        series[one].ic[:] = series[one].rank_ic[:] = np.nan
    write_series(series_path(results / "s" / "search" / f"key{number}.json"), series)


def test_a_trial_with_a_collapsed_seed_is_left_out_of_the_others_figures(tmp_path: Path) -> None:
    for number in (0, 1):
        leave_series(tmp_path, number)
    without = selection_of(ROWS, "s", tmp_path)
    collapse(tmp_path, 2, seeds=[1])
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert without is not None
    assert selection.sharpe is not None
    assert (selection.sharpe, selection.ic) == (without.sharpe, without.ic)
    assert (selection.with_series, selection.left_out) == (3, (2,))
    assert (selection.days, selection.days_with_ic) == (100, 100)
    assert selection.overfitting is not None
    assert selection.overfitting_ic is not None
    assert selection.notes[0] == (
        "1 trial left out of the figures of daily series, because a seed scored all stocks alike on most days: trial 2"
    )
    assert selection.to_json()["trials"]["left_out"] == [2]
    assert ("Trials with daily series", "3, 1 of them left out; 100 days of valid") in list(selection.lines())


def test_if_the_best_trial_or_all_but_one_collapsed_it_is_said(tmp_path: Path) -> None:
    for number in (0, 2):
        leave_series(tmp_path, number)
    collapse(tmp_path, 1, seeds=[0, 1])
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert (selection.sharpe, selection.overfitting, selection.ic) == (None, None, None)
    assert selection.notes[1] == "trial 1, the best one, is left out"
    collapse(tmp_path, 2, seeds=[0])
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.notes[0].startswith("2 trials left out")
    assert selection.notes[1].startswith("one trial has daily series of valid that can be compared")


def test_days_without_labels_leave_no_trial_out(tmp_path: Path) -> None:
    for number in (0, 1, 2):
        series = leave_series(tmp_path, number)
        for one in series.values():
            for values in (one.ic, one.rank_ic, one.top_return):
                values[:60] = np.nan
        write_series(series_path(tmp_path / "s" / "search" / f"key{number}.json"), series)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert (selection.left_out, selection.days, selection.days_with_ic) == ((), 40, 40)
    assert selection.sharpe is not None


def test_a_return_that_never_changes_has_no_sharpe_ratio(tmp_path: Path) -> None:
    for number in (0, 1):
        leave_series(tmp_path, number)
    series = leave_series(tmp_path, 2)
    for one in series.values():
        one.top_return[:] = 0.0
    write_series(series_path(tmp_path / "s" / "search" / "key2.json"), series)
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.sharpe is None
    assert selection.overfitting is not None
    assert selection.notes[0] == (
        "no deflated Sharpe ratio: the daily return is the same on all days: trial 2"
    )


def test_a_study_without_a_complete_trial_selects_nothing(tmp_path: Path) -> None:
    assert selection_of([], "s", tmp_path) is None
    assert selection_of(ROWS[3:5], "s", tmp_path) is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    leave_series(tmp_path, 1)
    series_path(tmp_path / "s" / "search" / "key1.json").write_bytes(b"?")
    with pytest.raises(DataError, match=r"key1\.valid\.parquet: cannot be read"):
        selection_of(ROWS, "s", tmp_path)


def seed(number: int, trial: int | None, score: float | None, metric: str = "loss") -> SeedResult:
    config = json.dumps({"task": {"model": {"kwargs": {"metric": metric}}}})
    return SeedResult("s", "tuned", "Alpha158", trial, number, "complete", "", config, valid_score=score)


@pytest.mark.parametrize("metric", ["", "loss"])
def test_the_best_trial_regresses_to_its_seeds_in_the_evidence(tmp_path: Path, metric: str) -> None:
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.regression is None
    assert "no seed of trial 1 is in the evidence; `lstm-bench bench` trains them" in selection.notes
    seeds = [
        seed(0, 1, -0.975, metric),
        seed(1, 1, -0.977, metric),
        seed(2, 0, -0.5, metric),
        seed(3, 1, None),
    ]
    write_study(tmp_path, Evidence.of("s", seeds, {}))
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    found = selection.regression
    assert found is not None
    assert found.seeds == 2
    assert (found.best, found.average, found.retrained) == pytest.approx((0.97, 0.98, 0.976))
    assert found.remaining == pytest.approx(0.4)
    assert ("Advantage that remains", "40%") in list(selection.lines())
    assert math.isclose(selection.to_json()["regression"]["remaining"], 0.4)


def test_scores_of_another_metric_are_no_losses(tmp_path: Path) -> None:
    write_study(tmp_path, Evidence.of("s", [seed(0, 1, 0.05, "ic")], {}))
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert selection.regression is None
    assert any("another metric than the loss" in note for note in selection.notes)
    write_study(tmp_path, Evidence.of("s", [seed(0, 0, -0.97)], {}))
    selection = selection_of(ROWS, "s", tmp_path)
    assert selection is not None
    assert "no seed of trial 1 with its loss on valid is in the evidence" in selection.notes
