"""How much of a study's best trial is selection: statistics over the daily valid series of its complete trials."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.core.json_values import without_nan
from lstm_bench.record.evidence import read_study, study_path
from lstm_bench.statistics.deflated_sharpe import DeflatedSharpe, deflated_sharpe
from lstm_bench.statistics.estimate import FEWEST, Estimate
from lstm_bench.statistics.nested import nested_interval
from lstm_bench.statistics.overfitting import BLOCKS, Overfitting, overfitting_probability
from lstm_bench.statistics.regression import Regression, regression_to_retrained
from lstm_bench.tune.trials import TrialRow, best_trial
from lstm_bench.tune.valid_panel import ValidPanel
from lstm_bench.tune.valid_series import ValidSeries, read_series, series_path

if TYPE_CHECKING:
    from lstm_bench.data.arrays import Floats
    from lstm_bench.record.evidence_schema import SeedResult

__all__ = ["Selection", "selection_of"]

_OF_LOSS = ("", "loss")
"""Values of the model's ``metric`` for which a run's score on valid is its negative loss."""


@dataclass(frozen=True)
class Selection:
    """The selection of a study's best trial. Trials that took over the result of another one are not counted.

    Attributes
    ----------
    chosen : number of the best trial by validation loss
    tried : trials that could have been chosen: complete and pruned ones
    pruned, failed : trials
    with_series, without_series : complete trials with and without a file of daily series
    left_out : numbers of the trials that :class:`~lstm_bench.tune.valid_panel.ValidPanel` leaves out
    days : of valid on which the other trials with series all have a return
    days_with_ic : of valid on which they all have an IC
    ic : mean IC of the chosen trial on valid, with an interval over days, and over seeds if there are enough. It is
        not corrected for the selection
    sharpe : of the return of the best fifth of scores above all stocks
    overfitting : by the Sharpe ratio of the same returns
    overfitting_ic : by the mean IC
    regression : of the validation loss to that of seeds trained later
    notes : why a figure is absent
    """

    chosen: int
    tried: int
    pruned: int
    failed: int
    with_series: int
    without_series: int
    left_out: tuple[int, ...]
    days: int
    days_with_ic: int
    ic: Estimate | None
    sharpe: DeflatedSharpe | None
    overfitting: Overfitting | None
    overfitting_ic: Overfitting | None
    regression: Regression | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data; figures that are not defined are null."""
        of_return, of_ic = self.overfitting, self.overfitting_ic
        content = {
            "chosen": self.chosen,
            "trials": {"tried": self.tried, "pruned": self.pruned, "failed": self.failed,
                       "with_series": self.with_series, "without_series": self.without_series,
                       "left_out": list(self.left_out)},
            "days": self.days,
            "days_with_ic": self.days_with_ic,
            "valid_ic": None if self.ic is None else asdict(self.ic),
            "deflated_sharpe": None if self.sharpe is None else asdict(self.sharpe) | {"p_value": self.sharpe.p_value},
            "overfitting": {"top_return": None if of_return is None else of_return.probability,
                            "ic": None if of_ic is None else of_ic.probability},
            "regression": None
            if self.regression is None
            else asdict(self.regression) | {"remaining": self.regression.remaining},
            "notes": list(self.notes),
        }  # fmt: skip
        plain: dict[str, Any] = without_nan(content)
        return plain

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield names and values of the figures, for tables."""
        also = [
            f"{n} {what}"
            for n, what in ((self.pruned, "of them pruned"), (self.failed, "failed besides"))
            if n
        ]
        yield "Trials tried", ", ".join([str(self.tried), *also])
        if self.with_series:
            without = f", {self.without_series} without" if self.without_series else ""
            left_out = f", {len(self.left_out)} of them left out" if self.left_out else ""
            yield (
                "Trials with daily series",
                f"{self.with_series}{left_out}{without}; {counted(self.days, 'day')} of valid",
            )
        if self.ic is not None:
            yield f"IC on valid of trial {self.chosen}", _interval(self.ic)
        if self.sharpe is not None:
            yield "Sharpe ratio per day", f"{self.sharpe.sharpe:.4f}"
            yield (
                "Largest expected without skill",
                f"{self.sharpe.expected:.4f} of {self.sharpe.trials} trials, which are like "
                f"{self.sharpe.effective:.1f} independent ones",
            )
            yield "Deflated Sharpe ratio", f"{self.sharpe.probability:.4f} (p = {self.sharpe.p_value:.4f})"
        for name, found in (("Sharpe ratio", self.overfitting), ("IC", self.overfitting_ic)):
            if found is not None:
                yield f"Probability of overfitting, by {name}", f"{found.probability:.3f}"
        if self.regression is not None:
            yield from _regression_lines(self.regression)


def _interval(estimate: Estimate) -> str:
    ends = f" [{estimate.low:.4f}, {estimate.high:.4f}]" if estimate.is_decided else ""
    return f"{estimate.value:.4f}{ends}"


def _regression_lines(found: Regression) -> Iterator[tuple[str, str]]:
    yield "Loss on valid: best trial", f"{found.best:.6f}"
    yield "Loss on valid: mean of the trials", f"{found.average:.6f}"
    yield "Loss on valid: trained again", f"{found.retrained:.6f}, mean of {counted(found.seeds, 'seed')}"
    if np.isfinite(found.remaining):
        yield "Advantage that remains", f"{found.remaining:.0%}"


def selection_of(rows: Sequence[TrialRow], name: str, results: Path) -> Selection | None:
    """Compute the statistics of a study's selection.

    Parameters
    ----------
    rows
        All trials.
    name
        The study. Its series are in ``<results>/<name>/search``, its seeds in the evidence of that name.

    Returns
    -------
    Selection or None
        None if no trial is complete.

    Raises
    ------
    DataError
        If a file of series or the evidence cannot be read.
    """
    best = best_trial(rows)
    if best is None or best.value is None:
        return None
    own = [row for row in rows if row.duplicate_of is None]
    complete = [row for row in own if row.state == "complete"]
    states = Counter(row.state for row in own)
    found = _series(complete, results / name / "search")
    panel = ValidPanel.of(found)
    is_compared = best.number in panel.trials
    tried = len(complete) + states["pruned"]
    sharpe = overfitting = overfitting_ic = None
    if is_compared and len(panel.trials) > 1:
        sharpe = deflated_sharpe(panel.returns, panel.trials.index(best.number), tried)
        overfitting = overfitting_probability(panel.returns)
        overfitting_ic = overfitting_probability(panel.ics, ratio=False)
    regression, reason = _regression(best, complete, name, results)
    notes = [*_absences(best.number, len(found), panel, sharpe, overfitting, overfitting_ic), reason]
    return Selection(
        chosen=best.number,
        tried=tried,
        pruned=states["pruned"],
        failed=states["failed"],
        with_series=len(found),
        without_series=len(complete) - len(found),
        left_out=panel.left_out,
        days=panel.returns.shape[1],
        days_with_ic=panel.ics.shape[1],
        ic=_valid_ic(found[best.number]) if is_compared else None,
        sharpe=sharpe,
        overfitting=overfitting,
        overfitting_ic=overfitting_ic,
        regression=regression,
        notes=tuple(note for note in notes if note),
    )


def _series(trials: Sequence[TrialRow], search: Path) -> dict[int, dict[int, ValidSeries]]:
    """Read the series of the trials that have a file: number -> seed -> series."""
    found = {}
    for trial in trials:
        series = read_series(series_path(search / f"{trial.key}.json")) if trial.key else None
        if series:
            found[trial.number] = series
    return found


def _valid_ic(series: Mapping[int, ValidSeries]) -> Estimate:
    """Mean IC with its interval over days, and over seeds if there are enough of them."""
    days = np.unique(np.concatenate([one.days for one in series.values()]))
    panel = np.full((len(series), len(days)), np.nan)
    for row, one in zip(panel, series.values(), strict=True):
        row[np.searchsorted(days, one.days)] = one.ic
    return nested_interval(panel if len(panel) >= FEWEST else panel.mean(axis=0)[None]).estimate


def _absences(
    best: int,
    with_series: int,
    panel: ValidPanel,
    sharpe: DeflatedSharpe | None,
    overfitting: Overfitting | None,
    overfitting_ic: Overfitting | None,
) -> Iterator[str]:
    if with_series == 0:
        yield (
            "no complete trial has a file of daily series of valid beside its outcome: earlier versions wrote none, "
            "or the results are in another folder (--results)"
        )
        return
    if panel.left_out:
        yield (
            f"{counted(len(panel.left_out), 'trial')} left out of the figures of daily series, because a seed scored "
            f"all stocks alike on most days: {_listed(panel.left_out)}"
        )
    if len(panel.trials) < 2:
        number = "one trial has" if panel.trials else "no trial has"
        yield f"{number} daily series of valid that can be compared; a selection needs two or more"
    elif best not in panel.trials:
        yield (
            f"trial {best}, the best one, {'is left out' if best in panel.left_out else 'has no daily series of valid'}"
        )
    else:
        if sharpe is None:
            yield f"no deflated Sharpe ratio: {_why_no_sharpe(panel)}"
        if overfitting is None:
            yield f"no probability of overfitting by the Sharpe ratio: {_too_few(panel.returns, 2 * BLOCKS)}"
        if overfitting_ic is None:
            yield f"no probability of overfitting by the IC: {_too_few(panel.ics, 2 * BLOCKS)}"


def _why_no_sharpe(panel: ValidPanel) -> str:
    if panel.returns.shape[1] < 3:
        return _too_few(panel.returns, 3)
    constant = [number for number, row in zip(panel.trials, panel.returns, strict=True) if not row.std() > 0]
    return f"the daily return is the same on all days: {_listed(constant)}"


def _too_few(series: Floats, expected: int) -> str:
    return f"the trials have {counted(series.shape[1], 'day')} in common, expected {expected} or more"


def _listed(trials: Sequence[int]) -> str:
    return f"trial{'s' * (len(trials) != 1)} {', '.join(map(str, trials))}"


def _regression(
    best: TrialRow, complete: Sequence[TrialRow], name: str, results: Path
) -> tuple[Regression | None, str]:
    """Compare the best trial's loss with the evidence of its seeds; return a reason if there is none."""
    losses = [row.value for row in complete if row.value is not None]
    if best.value is None or not study_path(results, name).is_file():
        return None, f"no seed of trial {best.number} is in the evidence; `lstm-bench bench` trains them"
    seeds = [
        result
        for result in read_study(results, name).results
        if result.trial == best.number and result.status == "complete" and result.valid_score is not None
    ]
    if not seeds:
        return None, f"no seed of trial {best.number} with its loss on valid is in the evidence"
    if any(_metric(seed) not in _OF_LOSS for seed in seeds):
        return None, "the runs stop early by another metric than the loss, by which trials are chosen"
    again = [-seed.valid_score for seed in seeds if seed.valid_score is not None]
    return regression_to_retrained(best.value, losses, again), ""


def _metric(seed: SeedResult) -> str:
    return str(json.loads(seed.config)["task"]["model"]["kwargs"].get("metric", ""))
