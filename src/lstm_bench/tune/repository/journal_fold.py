"""Folds the history of a journal: all operations on a finished trial become one.

A trial of ten epochs is about twenty operations, and replaying them takes most of the time of opening a large study.
Optuna has an operation that creates a trial with its whole content, which has the same effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.trial import TrialState

from lstm_bench.tune.repository.journal_operation import Operation

__all__ = ["fold_history"]

Log = dict[str, Any]


_FINISHED = {TrialState.COMPLETE.value, TrialState.PRUNED.value, TrialState.FAIL.value}


def fold_history(logs: Sequence[Log]) -> list[Log]:
    """Fold all operations of a journal so far into fewer with the same effect.

    Finished trials become as they ended; operations on the others stay.
    """
    history = _History()
    for log in logs:
        history.add(log)
    return history.folded()


class _History:
    """Operations by trial, in the order of creation, which determines the trials' numbers."""

    def __init__(self) -> None:
        self._logs: list[Log | _Trial] = []
        self._trials: list[_Trial] = []
        self._studies: dict[int, str] = {}
        self._n_studies = 0

    def add(self, log: Log) -> None:
        """Add an operation."""
        operation = log["op_code"]
        if "trial_id" in log:
            if log["trial_id"] < len(self._trials):
                trial = self._trials[log["trial_id"]]
                if trial.state not in _FINISHED:  # later operations have no effect
                    trial.add(log)
            return
        if operation == Operation.CREATE_TRIAL:
            if log["study_id"] in self._studies:
                self._trials.append(_Trial(log))
                self._logs.append(self._trials[-1])
            return
        if operation == Operation.CREATE_STUDY and log["study_name"] not in self._studies.values():
            self._studies[self._n_studies] = log["study_name"]
            self._n_studies += 1
        elif operation == Operation.DELETE_STUDY:
            self._studies.pop(log["study_id"], None)
        self._logs.append(log)

    def folded(self) -> list[Log]:
        """Return the operations; those on unfinished trials follow at the end."""
        created = [entry.created() if isinstance(entry, _Trial) else entry for entry in self._logs]
        return created + [log for trial in self._trials for log in trial.rest()]


class _Trial:
    """The operations on one trial."""

    def __init__(self, created: Log) -> None:
        self._created = created
        self._later: list[Log] = []
        self.state: int = created.get("state", TrialState.RUNNING.value)

    def add(self, log: Log) -> None:
        """Add an operation."""
        if log["op_code"] == Operation.SET_STATE:
            if log["state"] == self.state == TrialState.RUNNING.value:
                return  # another process had taken it
            self.state = log["state"]
        self._later.append(log)

    def created(self) -> Log:
        """Return the operation that creates it, with its whole content if it is finished."""
        if self.state not in _FINISHED or not self._later:
            return self._created
        log: Log = {
            "user_attrs": {},
            "system_attrs": {},
            "params": {},
            "distributions": {},
            "intermediate_values": {},
        }
        log |= {
            key: dict(value) if isinstance(value, dict) else value for key, value in self._created.items()
        }
        for later in self._later:
            match later["op_code"]:
                case Operation.SET_PARAM:
                    log["params"][later["param_name"]] = later["param_value_internal"]
                    log["distributions"][later["param_name"]] = later["distribution"]
                case Operation.SET_STATE:
                    log["state"] = later["state"]
                    for key in ("datetime_start", "datetime_complete"):
                        if key in later:
                            log[key] = later[key]
                    if later["values"] is not None:
                        log["values"] = later["values"]
                case Operation.SET_EPOCH:
                    log["intermediate_values"][later["step"]] = later["intermediate_value"]
                case Operation.SET_USER_ATTRIBUTE:
                    log["user_attrs"].update(later["user_attr"])
                case Operation.SET_SYSTEM_ATTRIBUTE:
                    log["system_attrs"].update(later["system_attr"])
        return log

    def rest(self) -> list[Log]:
        """Return the operations after its creation, none if it is finished."""
        return [] if self.state in _FINISHED else self._later
