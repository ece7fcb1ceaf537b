"""A study's trials, in the form for users."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, Strict, ValidationError

from lstm_bench.config.section import Recorded
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.core.errors import DataError
from lstm_bench.tune.liveness import is_alive
from lstm_bench.tune.scheduler import diverged_message

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = [
    "DRIVER",
    "FAILURES",
    "INTERRUPTED",
    "OUTCOME",
    "VALID_IC",
    "State",
    "TrialRow",
    "best_trial",
    "trial_rows",
]

State = Literal["complete", "pruned", "failed", "running", "interrupted", "queued"]
FinishedState = Literal["complete", "pruned", "failed"]

FINISHED_STATES: Mapping[str, FinishedState] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
"""Optuna's name of a final state -> this package's."""

# user attributes of a trial
DRIVER = "driver"
INTERRUPTED = "interrupted"
FAILURES = "failures"
OUTCOME = "outcome"

VALID_IC = "valid_ic"
"""Within an outcome."""


_Text = Annotated[str, Strict()]
_Number = Annotated[float, Strict()]
_Figures = dict[str, _Number | None]


class _Failure(Recorded):
    """A failed attempt."""

    error: _Text = ""


class _Outcome(Recorded):
    """How a trial ended."""

    key: _Text = ""
    device: _Text | None = None
    slot: _Text | None = None
    seconds: _Number | None = None
    duplicate_of: int | None = None
    diverged_seeds: list[int] = Field([])
    valid_ic: dict[str, _Figures] = Field({})


class _Attributes(Recorded):
    """The user attributes of a trial."""

    driver: _Text | None = None
    origin: _Text = "sampler"
    moved: dict[str, Any] = Field({})
    outcome: _Outcome = _Outcome()
    failures: list[_Failure] = Field([])


@dataclass(frozen=True)
class TrialRow:
    """One trial.

    Attributes
    ----------
    number, state
    value : mean over the tuning seeds of the best validation loss; None if the trial is not complete
    params : as proposed
    epoch_values : epoch -> mean validation loss over the seeds
    device, slot : where it was trained last
    seconds : of training, None if it did not end
    origin : ``default`` (Qlib's), ``enqueued`` or ``sampler``
    moved : default values outside the space, which were moved to its nearest point
    duplicate_of : the trial with the same configuration whose result this one has
    diverged_seeds : tuning seeds whose loss became non-finite, so that the trial has failed
    attempts : times that training raised or its worker was lost
    error : what went wrong last
    valid_ic : ``IC`` and ``Rank IC`` on valid, means over the seeds; empty if they were not computed
    key : hash of configuration, seeds and data, which names the files of its outcome; empty if it has not ended
    """

    number: int
    state: State
    value: float | None
    params: dict[str, Any]
    epoch_values: dict[int, float]
    device: str | None
    slot: str | None
    seconds: float | None
    origin: str
    moved: dict[str, Any]
    duplicate_of: int | None
    diverged_seeds: list[int]
    attempts: int
    error: str | None
    valid_ic: dict[str, float] = field(default_factory=dict)
    key: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether it counts towards a total."""
        return self.state in FINISHED_STATES.values()

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def trial_rows(trials: Sequence[FrozenTrial], study_attributes: Mapping[str, Any]) -> list[TrialRow]:
    """Return trials by number. A running trial of a dead driver is interrupted.

    The study's user attributes record when drivers were alive. Raises ``DataError`` if a trial has attributes of other
    kinds than this package writes.
    """
    alive: dict[str, bool] = {}
    rows = []
    for trial in trials:
        try:
            attributes = _Attributes.model_validate(trial.user_attrs)
        except ValidationError as error:
            raise DataError(f"trial {trial.number} in the store: {explain(error)}") from error
        driver = attributes.driver
        if driver is not None and driver not in alive:
            alive[driver] = is_alive(driver, study_attributes)
        rows.append(_row(trial, attributes, alive=driver is not None and alive[driver]))
    return rows


def best_trial(rows: Sequence[TrialRow]) -> TrialRow | None:
    """Return the complete trial of least value, the earliest of equals; None if none is complete."""
    complete = [row for row in rows if row.state == "complete" and row.value is not None]
    return min(complete, key=lambda row: (row.value, row.number), default=None)


def _row(trial: FrozenTrial, attributes: _Attributes, *, alive: bool) -> TrialRow:
    from lstm_bench.tune.repository.optuna_internals import known_params  # imports Optuna

    outcome, failures, diverged = attributes.outcome, attributes.failures, attributes.outcome.diverged_seeds
    state, value = _state(trial, alive=alive), trial.value
    error = failures[-1].error if failures else None
    if state == "complete" and diverged:  # earlier versions averaged over the seeds that had not diverged
        state, value, error = "failed", None, diverged_message(diverged)
    return TrialRow(
        number=trial.number,
        state=state,
        value=value,
        params=known_params(trial),
        epoch_values=dict(sorted(trial.intermediate_values.items())),
        device=outcome.device,
        slot=outcome.slot,
        seconds=outcome.seconds,
        origin=attributes.origin,
        moved=attributes.moved,
        duplicate_of=outcome.duplicate_of,
        diverged_seeds=diverged,
        attempts=len(failures),
        error=error,
        valid_ic=_mean_ic(outcome),
        key=outcome.key,
    )


def _mean_ic(outcome: _Outcome) -> dict[str, float]:
    """Average over the seeds, as the loss is; a figure that a seed lacks is left out."""
    seeds = [] if outcome.diverged_seeds else list(outcome.valid_ic.values())
    found = {}
    for name in ("IC", "Rank IC"):
        values = [figures.get(name) for figures in seeds]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            found[name] = math.fsum(known) / len(known)
    return found


def _state(trial: FrozenTrial, *, alive: bool) -> State:
    name = trial.state.name
    if name in FINISHED_STATES:
        return FINISHED_STATES[name]
    if name == "RUNNING":
        return "running" if alive else "interrupted"
    return "interrupted" if INTERRUPTED in trial.user_attrs else "queued"
