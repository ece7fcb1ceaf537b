"""Evidence that is not whole, or does not agree with itself, is found out; the committed files are sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.record.evidence import Daily, Evidence, read_evidence
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.evidence.verification import findings, verify

COMMITTED = Path(__file__).parents[3] / "results"


@pytest.fixture(scope="module")
def sound(
    tmp_path_factory: pytest.TempPathFactory, rows_below: Callable[[Path], Callable[..., object]]
) -> Evidence:
    results = tmp_path_factory.mktemp("verification")
    rows_below(results)("alpha158", seeds=range(3), failures={2: "killed"})
    return collect(results)["alpha158"]


def test_sound_evidence_passes(sound: Evidence) -> None:
    assert verify(sound) is sound


def broken(sound: Evidence, **changes: object) -> list[str]:
    first, *rest = sound.results
    return list(findings(replace(sound, results=(replace(first, **changes), *rest))))  # type: ignore[arg-type]


def test_each_flaw_is_named(sound: Evidence) -> None:
    assert list(findings(replace(sound, results=(sound.results[0], *sound.results)))) == [
        "row 'default', seed 0: present 2 times"
    ]
    assert "status: got 'done', expected one of complete, failed, missing" in broken(sound, status="done")[0]
    assert "complete without run_id" in broken(sound, run_id=None)[0]
    faults = broken(sound, data_fingerprint="cd")
    assert "its seeds were computed with different data_fingerprint" in faults[1]
    assert "seeds differ in features" in broken(sound, features="Alpha360")[0]
    assert "names study 'other'" in broken(sound, study="other")[0]
    assert broken(sound, status="missing") == ["row 'default', seed 0: missing, but it has daily series"]
    wrong = dict(sound.results[0].metrics) | {"Rank IC": 0.9}
    assert "Rank IC is 0.9, but its daily series give" in broken(sound, metrics=wrong)[0]
    ratio = "1day.excess_return_with_cost.sortino_ratio"
    wrong = dict(sound.results[0].metrics) | {ratio: 0.9}
    (said_of_ratio,) = broken(sound, metrics=wrong)
    assert f"{ratio} is 0.9, but its daily series give" in said_of_ratio


def test_seed_and_run_id_follow_from_the_configuration(sound: Evidence) -> None:
    first, second = sound.results[:2]
    assert broken(sound, config=second.config) == [
        "row 'default', seed 0: its config has the seed 1",
        f"row 'default', seed 0: run_id is {first.run_id}, but its config and data give {second.run_id}",
    ]
    assert broken(sound, run_id="0" * 16) == [
        f"row 'default', seed 0: run_id is {'0' * 16}, but its config and data give {first.run_id}"
    ]
    assert "config: " in broken(sound, config="{")[0]
    older = tuple(replace(result, numerics=1, run_id="0" * 16) for result in sound.results[:2])
    assert list(findings(replace(sound, results=(*older, sound.results[2])))) == []


@pytest.mark.parametrize("name", ["ICIR", "Rank ICIR"])
def test_the_ratios_follow_from_the_days(sound: Evidence, name: str) -> None:
    wrong = dict(sound.results[0].metrics) | {name: 0.9}
    faults = broken(sound, metrics=wrong)
    assert len(faults) == 1
    assert f"seed 0: {name} is 0.9, but its daily series give" in faults[0]


def test_flaws_of_the_days(sound: Evidence) -> None:
    first, second = sound.daily
    without = replace(sound, daily={first: sound.daily[first]})
    assert list(findings(without)) == ["row 'default', seed 1: complete without daily series"]
    daily = sound.daily[first]
    turned = Daily(daily.days[::-1], daily.series)
    assert "its days are not ascending" in next(
        findings(replace(sound, daily={**sound.daily, first: turned}))
    )
    stray = replace(sound, daily={**sound.daily, ("other", 9): daily})
    assert list(findings(stray)) == ["row 'other', seed 9: daily series without a result"]
    with pytest.raises(DataError, match="evidence of study 'alpha158':\nrow 'default', seed 1"):
        verify(without)
    dearer = Daily(daily.days, {**daily.series, "cost": daily.series["cost"] + 0.01})
    faults = list(findings(replace(sound, daily={**sound.daily, first: dearer})))
    assert any("excess_return_with_cost.annualized_return" in what for what in faults)
    assert not any("without_cost" in what for what in faults)
    assert np.isfinite(daily.series["cost"]).all()
    assert second == ("default", 1)


def test_the_committed_evidence_is_sound() -> None:
    for evidence in read_evidence(COMMITTED).values():
        verify(evidence)
        assert evidence.results, evidence.study
