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
from lstm_bench.tune.objective import diverged_message

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

    @property
    def is_finished(self) -> bool:
        """Whether it counts towards a total."""
        return self.state in FINISHED_STATES.values()

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def trial_rows(trials: Sequence[FrozenTrial], study_attributes: Mapping[str, Any]) -> list[TrialRow]:
    """Return trials by number.

    Parameters
    ----------
    study_attributes
        The study's user attributes, which record when drivers were alive. A running trial of a dead driver is
        interrupted.

    Raises
    ------
    DataError
        If a trial has attributes of other kinds than this package writes.
    """
    alive: dict[str, bool] = {}
    rows = []
    for trial in trials:
        _check(trial)
        driver = trial.user_attrs.get(DRIVER)
        if driver is not None and driver not in alive:
            alive[driver] = is_alive(driver, study_attributes)
        rows.append(_row(trial, alive=driver is not None and alive[driver]))
    return rows


def _check(trial: FrozenTrial) -> None:
    try:
        _Attributes.model_validate(trial.user_attrs)
    except ValidationError as error:
        raise DataError(f"trial {trial.number} in the store: {explain(error)}") from error


def best_trial(rows: Sequence[TrialRow]) -> TrialRow | None:
    """Return the complete trial of least value, the earliest of equals; None if none is complete."""
    complete = [row for row in rows if row.state == "complete" and row.value is not None]
    return min(complete, key=lambda row: (row.value, row.number), default=None)


def _row(trial: FrozenTrial, *, alive: bool) -> TrialRow:
    attributes = trial.user_attrs
    outcome: dict[str, Any] = attributes.get(OUTCOME, {})
    failures: list[dict[str, str]] = attributes.get(FAILURES, [])
    state, value = _state(trial, alive=alive), trial.value
    error = failures[-1]["error"] if failures else None
    diverged: list[int] = outcome.get("diverged_seeds", [])
    if state == "complete" and diverged:  # earlier versions averaged over the seeds that had not diverged
        state, value, error = "failed", None, diverged_message(diverged)
    return TrialRow(
        number=trial.number,
        state=state,
        value=value,
        params=trial.params or dict(trial.system_attrs.get("fixed_params", {})),
        epoch_values=dict(sorted(trial.intermediate_values.items())),
        device=outcome.get("device"),
        slot=outcome.get("slot"),
        seconds=outcome.get("seconds"),
        origin=attributes.get("origin", "sampler"),
        moved=attributes.get("moved", {}),
        duplicate_of=outcome.get("duplicate_of"),
        diverged_seeds=diverged,
        attempts=len(failures),
        error=error,
        valid_ic=_mean_ic(outcome),
    )


def _mean_ic(outcome: Mapping[str, Any]) -> dict[str, float]:
    """Average over the seeds, as the loss is; a figure that a seed lacks is left out."""
    seeds = [] if outcome.get("diverged_seeds") else list(outcome.get(VALID_IC, {}).values())
    found = {}
    for name in ("IC", "Rank IC"):
        values = [figures.get(name) for figures in seeds]
        if values and None not in values:
            found[name] = math.fsum(values) / len(values)
    return found


def _state(trial: FrozenTrial, *, alive: bool) -> State:
    name = trial.state.name
    if name in FINISHED_STATES:
        return FINISHED_STATES[name]
    if name == "RUNNING":
        return "running" if alive else "interrupted"
    return "interrupted" if INTERRUPTED in trial.user_attrs else "queued"
