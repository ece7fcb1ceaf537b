"""Decides for a study's driver which trials are free, whether a total is reached, and how trials end.

The functions map states to decisions, without Optuna or processes. :mod:`lstm_bench.tune.jobs` applies the decisions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.exec.retry import Failed

__all__ = [
    "MAX_FAILURES_IN_A_ROW",
    "Ending",
    "Epoch",
    "FinalState",
    "StoredTrial",
    "TrialRun",
    "diverged_message",
    "may_claim",
    "orphans",
    "twin_of",
]

MAX_FAILURES_IN_A_ROW = 10
"""Failed trials in a row that end the driver: their cause is probably not in the trials."""

FinalState = Literal["complete", "pruned", "failed"]

_SeedLosses = Mapping[int, Sequence[float]]
"""Seed -> validation loss per epoch; a curve that ends with a non-finite number has diverged."""


@dataclass(frozen=True)
class StoredTrial:
    """A trial as it is stored.

    Attributes
    ----------
    driver : the driver that took it, None if none did
    value : mean over the seeds of the best validation loss
    epoch_values : epoch -> mean validation loss over the seeds
    outcome : how it ended, as :class:`Ending` wrote it
    failures : of its attempts so far
    """

    number: int
    state: Literal["waiting", "running"] | FinalState
    driver: str | None = None
    value: float | None = None
    epoch_values: Mapping[int, float] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)
    failures: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Ending:
    """How a trial ends.

    Attributes
    ----------
    value : None unless it is complete
    outcome : plain data for the store
    error : what went wrong, None unless it failed
    """

    state: FinalState
    value: float | None
    outcome: dict[str, Any]
    error: str | None = None


@dataclass(frozen=True)
class Epoch:
    """The decision on an epoch of a trial.

    Attributes
    ----------
    value : mean validation loss over the seeds, None if a seed has diverged, which ends the trial
    is_new : whether the store lacks it
    is_judged : whether the pruner judges it now; epochs of earlier attempts were judged earlier
    """

    value: float | None
    is_new: bool
    is_judged: bool


def orphans(trials: Sequence[StoredTrial], driver: str, is_alive: Callable[[str], bool]) -> list[int]:
    """Return the numbers of running trials whose drivers are dead; this ``driver`` is alive."""
    return [
        trial.number
        for trial in trials
        if trial.state == "running"
        and trial.driver != driver
        and (trial.driver is None or not is_alive(trial.driver))
    ]


def may_claim(trials: Sequence[StoredTrial], total: int, is_exhausted: Callable[[], bool]) -> bool:
    """Whether a driver may take a waiting trial or, if none waits, propose a new one.

    ``total`` trials are what the study shall have; waiting ones do not count. ``is_exhausted`` says whether the sampler
    has no point left to propose.
    """
    waiting = sum(trial.state == "waiting" for trial in trials)
    return len(trials) - waiting < total and (waiting > 0 or not is_exhausted())


def twin_of(trials: Sequence[StoredTrial], number: int, key: str) -> StoredTrial | None:
    """Return a finished trial with the same configuration, seeds and data, whose result another one can take over.

    Trials that failed for another reason than divergence are ignored.
    """
    for trial in trials:
        is_usable = trial.state in ("complete", "pruned") or trial.outcome.get("diverged_seeds")
        if trial.number != number and trial.outcome.get("key") == key and is_usable:
            return trial
    return None


@dataclass
class TrialRun:
    """A trial that this driver has taken, over all its attempts.

    Attributes
    ----------
    key : hash of configuration, seeds and data, empty if the parameters do not yield a configuration
    known_epochs : epochs that earlier attempts reported
    config : the trial's configuration, None if the parameters do not yield one
    losses : seed -> validation loss per epoch, of this attempt
    device : the device that its worker opened
    """

    number: int
    params: dict[str, Any]
    key: str = ""
    known_epochs: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    config: ResolvedRun | None = None
    losses: dict[int, list[float]] = field(default_factory=dict)
    device: str | None = None

    @property
    def epochs(self) -> int:
        """Epochs of this attempt."""
        return max(map(len, self.losses.values()), default=0)

    @property
    def seed_losses(self) -> dict[str, list[float | None]]:
        """The losses for JSON: None for a non-finite number."""
        return {
            str(seed): [loss if math.isfinite(loss) else None for loss in curve]
            for seed, curve in self.losses.items()
        }

    def add_epoch(self, epoch: int, losses: Mapping[int, float]) -> Epoch:
        """Add an epoch's validation losses by seed."""
        for seed, loss in losses.items():
            self.losses.setdefault(int(seed), []).append(loss)
        value = _epoch_value(self.losses, epoch)
        return Epoch(value, is_new=epoch >= self.known_epochs, is_judged=epoch >= self.known_epochs - 1)

    def add_failure(self, failure: Failed, time_limit: str | None) -> None:
        """Add a failed attempt; ``time_limit`` is the study's, as the user wrote it."""
        error = f"not done within trial_timeout, {time_limit}" if failure.kind == "overdue" else failure.error
        note = {"error": error, "traceback": failure.traceback}
        if failure.kind in ("raised", "wrong input"):
            note["kind"] = "raised"
        self.failures.append(note)
        self.known_epochs = max(self.known_epochs, self.epochs)

    @property
    def times_raised(self) -> int:
        """Attempts that raised, those under earlier drivers too."""
        return sum(failure.get("kind") == "raised" for failure in self.failures)

    def failed(self, slot: str | None = None) -> Ending:
        """Return the ending after its last failure."""
        outcome = {"key": self.key, "device": self.device, "slot": slot, "seconds": None}
        return Ending("failed", None, outcome, self.failures[-1]["error"])

    def finished(self, result: Mapping[str, Any], slot: str) -> Ending:
        """Return the ending for its job's result; a trial with a diverged seed has failed."""
        diverged = _diverged_seeds(self.losses)
        outcome = {
            "key": self.key,
            "device": self.device,
            "slot": slot,
            "seconds": result["seconds"],
            "epochs": self.epochs,
            "replayed": bool(result.get("replayed")),
            "training_path": result.get("training_path"),
            "status": _with_text_keys(result.get("status", {})),
            "diverged_seeds": diverged,
            "seed_losses": self.seed_losses,
            "valid_ic": _with_text_keys(result.get("valid_ic", {})),
        }
        if diverged:
            return self._diverged(diverged, outcome)
        if result["pruned"]:
            return Ending("pruned", None, outcome)
        return Ending("complete", _final_value(self.losses), outcome)

    def like(self, twin: StoredTrial) -> Ending:
        """Return the ending with the result of a trial with the same configuration."""
        outcome = {
            **twin.outcome, "duplicate_of": twin.number, "device": None, "slot": None, "seconds": 0.0
        }  # fmt: skip
        if twin.state == "pruned":
            return Ending("pruned", twin.value, outcome)
        if diverged := outcome.get("diverged_seeds"):
            return self._diverged(diverged, outcome)
        return Ending("complete", twin.value, outcome)

    def _diverged(self, seeds: Sequence[int], outcome: dict[str, Any]) -> Ending:
        self.failures.append({"error": diverged_message(seeds), "traceback": ""})
        return Ending("failed", None, outcome, self.failures[-1]["error"])


def _with_text_keys(values: Mapping[int, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in values.items()}


def _epoch_value(losses: _SeedLosses, epoch: int) -> float | None:
    """Mean validation loss of an epoch over the seeds; None if a seed has diverged or none has trained.

    A seed that stopped early counts with its best loss, which is its final value.
    """
    if _diverged_seeds(losses):
        return None
    return _mean(curve[epoch] if epoch < len(curve) else min(curve) for curve in losses.values() if curve)


def _final_value(losses: _SeedLosses) -> float | None:
    """Mean over the seeds of each one's best validation loss; None if a seed has diverged.

    The mean of the seeds that are left would favour configurations that diverge: they lose their worst seeds.
    """
    if _diverged_seeds(losses):
        return None
    return _mean(min(curve) for curve in losses.values() if curve)


def _diverged_seeds(losses: _SeedLosses) -> list[int]:
    """Seeds whose curve ends with a non-finite number."""
    return [seed for seed, curve in losses.items() if curve and not math.isfinite(curve[-1])]


def diverged_message(seeds: Sequence[int]) -> str:
    """Return why a trial with these diverged seeds has failed."""
    which = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return (
        f"{which} diverged (a loss or score that is not finite), so that the trial has no mean over its seeds"
    )


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return math.fsum(found) / len(found) if found else None
