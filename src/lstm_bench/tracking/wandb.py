"""Weights & Biases.

A W&B run per run, in the group of its study. Files go below the records' folder, unless ``WANDB_DIR`` names another one
that can be used.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import wandb

from lstm_bench.record.record import Record
from lstm_bench.tracking.ending import ending
from lstm_bench.tracking.figures import figures_of
from lstm_bench.tracking.tracker import State, TrackedRun, TrackerOptions
from lstm_bench.tracking.wandb_login import find_login

__all__ = ["WandbTracker"]

_PROJECT = "lstm-bench"
_EXIT_CODES: Mapping[State, int] = {"complete": 0, "pruned": 0, "failed": 1, "interrupted": 130}
_LONGEST_TAG = 64
_LEAST_FREE = 4096


class WandbTracker:
    """Tells Weights & Biases.

    Parameters
    ----------
    options
    note
        Called with what the user should know.
    """

    def __init__(self, options: TrackerOptions, note: Callable[[str], None]) -> None:
        self._options = options
        self._note = note
        self._began: dict[str, TrackedRun] = {}
        self._runs: dict[str, wandb.Run] = {}
        self._epochs: dict[str, int] = {}
        self._folder = self._choose_folder()
        login = find_login()
        self._mode: Literal["offline"] | None = None
        if login.mode == "online" and login.mode_from != "WANDB_MODE" and login.key_from is None:
            self._mode = "offline"
            if login.warning is not None:
                note(login.warning)

    def begin(self, run: TrackedRun) -> None:
        """Start a run, or resume the one of its id; one that is open goes on."""
        if run.id in self._runs:
            return
        options, environment = self._options, os.environ
        opened = wandb.init(
            id=run.id,
            resume="allow",
            reinit="create_new",  # several are open side by side
            mode=self._mode,
            project=None if "WANDB_PROJECT" in environment else _PROJECT,
            dir=self._folder,
            name=run.name,
            group=environment.get("WANDB_RUN_GROUP", run.study),
            job_type=environment.get("WANDB_JOB_TYPE", run.job_type),
            tags=_tags(run.tags),
            config=dict(run.config),
            settings=wandb.Settings(
                console="off",
                init_timeout=0.9
                * options.timeout_seconds,  # to say itself what is wrong, before the guard ends it
                x_stats_pid=os.getppid(),  # whose load is of interest
            ),
        )
        if self._mode == "offline" and not self._began:
            where = Path(opened.settings.wandb_dir)
            self._note(
                f"no API key is set, so runs are kept on this machine; wandb sync {where}/offline-run-*"
            )
        _set_aside(Path(opened.settings.sync_dir), run.id)
        self._began[run.id] = run
        self._runs[run.id] = opened
        self._epochs[run.id] = opened.step - 1  # resumed, it has a history

    def _choose_folder(self) -> str:
        """Return the folder of W&B's files: where W&B cannot use one, it takes the temporary folder in silence.

        Raises
        ------
        OSError
            Where neither ``WANDB_DIR`` nor the records' folder can be used.
        """
        own = self._options.folder
        if named := os.environ.pop("WANDB_DIR", ""):  # which W&B would prefer to what it is told
            reason = _unusable(Path(named).expanduser())
            if reason is None:
                os.environ["WANDB_DIR"] = named
                return str(Path(named).expanduser())
            self._note(f"WANDB_DIR: {named} cannot be used, {reason}; runs are kept in {Path(own, 'wandb')}")
        if (reason := _unusable(Path(own))) is not None:
            raise OSError(f"{own} cannot be used, {reason}")
        return own

    def epoch(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        """Log an epoch as the step of its number, at once."""
        if epoch > self._epochs[run_id]:
            self._runs[run_id].log({**values, "epoch": epoch}, step=epoch, commit=True)
            self._epochs[run_id] = epoch

    def table(
        self, run_id: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]
    ) -> None:
        """Log a table."""
        self._runs[run_id].log({name: wandb.Table(columns=list(columns), data=[list(row) for row in rows])})

    def end(self, run_id: str, state: State, summary: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Finish a run; its figures are the summary's."""
        run = self._runs.pop(run_id)
        run.summary.update({**summary, "state": state})
        run.tags = _tags({**self._began[run_id].tags, **tags}, state)
        run.finish(exit_code=_EXIT_CODES[state])
        if run.offline:
            _check_kept(Path(run.settings.sync_file))

    def recorded(self, run_id: str, record: Path) -> None:
        """Finish a run; the record is an artifact."""
        run = self._runs[run_id]
        for name, path in figures_of(Record(record), self._options.figures):
            run.summary[f"figures/{name}"] = wandb.Image(str(path))
        if self._options.record:
            artifact = wandb.Artifact(f"record-{run_id}", type="record")
            artifact.add_dir(str(record))
            run.log_artifact(artifact)
        self.end(run_id, *ending(Record(record)))

    def close(self, seconds: float | None = None) -> None:
        """Finish what is open as interrupted."""
        for run_id in list(self._runs):
            self.end(run_id, "interrupted", {}, {})
        wandb.teardown()


def _tags(tags: Mapping[str, str], state: State = "complete") -> tuple[str, ...]:
    """Return W&B's flat tags: ``features:Alpha158`` and so on, and what went not as planned by itself."""
    flat = [f"{key}:{value}"[:_LONGEST_TAG] for key, value in tags.items()]
    return (*flat, *((state,) if state != "complete" else ()))


def _unusable(folder: Path) -> str | None:
    """Make a folder, and say why runs cannot be kept in it; None where they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}"


def _check_kept(file: Path) -> None:
    """Check that a run could be written to the disk; W&B itself says nothing where it could not.

    Raises
    ------
    OSError
        Where its file is gone, or the disk is full.
    """
    if not file.is_file():
        raise FileNotFoundError(errno.ENOENT, "the run's file has vanished", str(file))
    if shutil.disk_usage(file.parent).free < _LEAST_FREE:
        raise OSError(errno.ENOSPC, "the disk is full, what was logged last may be lost", str(file))


def _set_aside(own: Path, run_id: str) -> None:
    """Remove what an earlier attempt left on this machine and nobody has uploaded: this one tells all of it again."""
    if own.name.startswith("offline-"):
        for folder in own.parent.glob(f"offline-run-????????_??????-{run_id}"):
            if folder != own and not list(folder.glob("*.synced")):
                shutil.rmtree(folder, ignore_errors=True)
