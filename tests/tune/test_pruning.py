from __future__ import annotations

from typing import Any

import optuna
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.pruners import (
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import wilcoxon

from lstm_bench.config.sections.search import PrunerConfig
from lstm_bench.tune.pruning import SEED_LOSSES, SeedWilcoxonPruner, make_pruner

FLOAT: dict[str, optuna.distributions.BaseDistribution] = {
    "x": optuna.distributions.FloatDistribution(0.0, 1.0)
}


def made(**content: Any) -> Any:
    return make_pruner(PrunerConfig.model_validate(content), 81)


def test_a_study_has_the_pruner_that_it_names() -> None:
    assert isinstance(made(name="none"), NopPruner)
    median = made(name="median", startup_trials=4, warmup_epochs=2, interval_epochs=3)
    assert isinstance(median, MedianPruner)
    assert (median._n_startup_trials, median._n_warmup_steps, median._interval_steps) == (4, 2, 3)
    assert median._percentile == 50.0
    share = made(name="percentile", percentile=10.0, startup_trials=4, warmup_epochs=2, interval_epochs=3)
    assert isinstance(share, PercentilePruner)
    assert (share._percentile, share._n_startup_trials, share._n_warmup_steps, share._interval_steps) == (
        10.0, 4, 2, 3,
    )  # fmt: skip
    assert isinstance(made(name="halving"), SuccessiveHalvingPruner)
    assert isinstance(made(name="hyperband"), HyperbandPruner)
    assert isinstance(made(name="wilcoxon"), SeedWilcoxonPruner)
    patient = made(name="median", patience=7)
    assert isinstance(patient, PatientPruner)
    assert isinstance(patient._wrapped_pruner, MedianPruner)
    assert patient._patience == 7


def run(pruner: optuna.pruners.BasePruner, curves: list[list[float]]) -> list[tuple[TrialState, int]]:
    """State and last epoch of each trial, one after the other."""
    study = optuna.create_study(study_name="s", pruner=pruner)
    for curve in curves:
        trial = study.ask()
        state = TrialState.COMPLETE
        for epoch, loss in enumerate(curve):
            trial.report(loss, epoch)
            if trial.should_prune():
                state = TrialState.PRUNED
                break
        study.tell(trial, curve[-1] if state == TrialState.COMPLETE else None, state)
    return [(trial.state, int(trial.last_step or 0)) for trial in study.trials]


curves_of_trials = st.lists(
    st.lists(st.sampled_from([0.1 * step for step in range(12)]), min_size=9, max_size=9),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(curves=curves_of_trials, first=st.integers(1, 3), factor=st.integers(2, 4))
def test_halving_decides_as_optunas_does(curves: list[list[float]], first: int, factor: int) -> None:
    ours = made(name="halving", min_epochs=first, reduction_factor=factor)
    assert run(ours, curves) == run(SuccessiveHalvingPruner(first, factor), curves)


@settings(max_examples=20)
@given(curves=curves_of_trials, first=st.integers(1, 2), factor=st.integers(2, 3))
def test_hyperband_decides_as_optunas_does(curves: list[list[float]], first: int, factor: int) -> None:
    config = PrunerConfig(name="hyperband", min_epochs=first, reduction_factor=factor)
    assert run(make_pruner(config, 9), curves) == run(HyperbandPruner(first, 9, factor), curves)


def test_hyperband_has_all_brackets() -> None:
    """A logarithm in floating point loses one: log(243, 3) is 4.999..."""
    assert [made(name="hyperband", reduction_factor=3)._n_brackets] == [5]
    assert make_pruner(PrunerConfig(name="hyperband", reduction_factor=3), 243)._n_brackets == 6  # type: ignore[attr-defined]


def a_trial(
    number: int, losses: dict[str, list[float | None]], *, complete: float | None = None
) -> FrozenTrial:
    last = max(map(len, losses.values())) - 1
    place = "outcome" if complete is not None else None
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if complete is not None else TrialState.RUNNING,
        value=complete, params={"x": number / 10}, distributions=FLOAT,
        intermediate_values=dict.fromkeys(range(last + 1), 1.0),
        user_attrs={place: {SEED_LOSSES: losses}} if place else {SEED_LOSSES: losses},
    )  # fmt: skip


def judged(
    pruner: SeedWilcoxonPruner, there: list[FrozenTrial], losses: dict[str, list[float | None]]
) -> bool:
    study = optuna.create_study()
    study.add_trials(there)
    return pruner.prune(study, a_trial(9, losses))


SEEDS = [str(seed) for seed in range(6)]
BEST = a_trial(1, {seed: [0.9, 0.5 + int(seed) / 100, 0.7] for seed in SEEDS}, complete=0.5)
WORSE = a_trial(2, {seed: [0.9, 0.8, 0.95] for seed in SEEDS}, complete=0.8)


@settings(max_examples=60)
@given(shifts=st.lists(st.sampled_from([-0.3, -0.1, 0.05, 0.2, 0.4]), min_size=6, max_size=6),
       jitter=st.permutations(range(6)))  # fmt: skip
def test_seeds_are_compared_with_the_best_trials(shifts: list[float], jitter: list[int]) -> None:
    """Pairs of the best losses so far, of the same seeds, against the trial of least value."""
    differences = [shift + 0.001 * tie for shift, tie in zip(shifts, jitter, strict=True)]
    losses: dict[str, list[float | None]] = {
        seed: [2.0, 0.5 + int(seed) / 100 + difference]
        for seed, difference in zip(SEEDS, differences, strict=True)
    }
    by_hand = wilcoxon(differences, alternative="greater", method="exact").pvalue
    for threshold in (0.05, 0.2):
        pruner = SeedWilcoxonPruner(threshold, 1)
        assert judged(pruner, [WORSE, BEST], losses) is bool(by_hand < threshold)


def test_a_trial_worse_on_every_seed_is_stopped_after_the_warmup() -> None:
    worse: dict[str, list[float | None]] = {seed: [9.0, 8.0 + int(seed)] for seed in SEEDS}
    assert judged(SeedWilcoxonPruner(0.1, 1), [BEST], worse)
    assert not judged(SeedWilcoxonPruner(0.1, 2), [BEST], worse)
    assert not judged(SeedWilcoxonPruner(0.1, 1), [], worse)
    assert not judged(SeedWilcoxonPruner(0.1, 0), [BEST], {seed: [0.9] for seed in SEEDS})  # as good


def test_seeds_that_diverged_and_seeds_without_a_partner_do_not_count() -> None:
    worse: dict[str, list[float | None]] = {seed: [9.0, 8.0 + int(seed)] for seed in SEEDS}
    some = a_trial(1, {**{seed: [0.1, 0.1] for seed in SEEDS[:5]}, "5": [0.1, None]}, complete=0.1)
    pruner = SeedWilcoxonPruner(0.5**4, 1)  # five pairs give 1/32 at the least, four 1/16
    assert judged(pruner, [some], worse)
    assert not judged(pruner, [some], {**worse, "0": [9.0, None]})
    assert not judged(pruner, [some], {seed: worse[seed] for seed in SEEDS[1:]})


def test_a_trial_of_an_earlier_version_that_lost_a_seed_is_not_the_best() -> None:
    lucky = a_trial(3, {seed: [0.1, 0.1] for seed in SEEDS}, complete=0.1)
    lucky.user_attrs["outcome"]["diverged_seeds"] = [6]
    fair: dict[str, list[float | None]] = {seed: [0.9, 0.4] for seed in SEEDS}
    assert judged(SeedWilcoxonPruner(0.1, 1), [lucky], fair) is False
    assert judged(SeedWilcoxonPruner(0.1, 1), [lucky, BEST], fair) is False
