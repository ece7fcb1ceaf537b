"""Weights & Biases.

Each run is a W&B run in the group of its study. Files go below the records' folder, unless ``WANDB_DIR`` names another
folder that can be used.
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
from lstm_bench.tracking.from_record import draw_figures, outcome
from lstm_bench.tracking.tracker import State, TrackedRun, Tracker, TrackerOptions
from lstm_bench.tracking.wandb_login import find_login

__all__ = ["WandbTracker"]

_PROJECT = "lstm-bench"
_EXIT_CODES: Mapping[State, int] = {"complete": 0, "pruned": 0, "failed": 1, "interrupted": 130}
_LONGEST_TAG = 64
_LEAST_FREE = 4096


class WandbTracker(Tracker):
    """Logs runs to Weights & Biases. ``note`` is called with messages for the user."""

    def __init__(self, options: TrackerOptions, note: Callable[[str], None]) -> None:
        self._options = options
        self._note = note
        self._began: dict[str, TrackedRun] = {}
        self._runs: dict[str, wandb.Run] = {}
        self._epochs: dict[str, int] = {}
        self._folder = self._choose_folder()
        login = find_login()
        self._mode: Literal["offline"] | None = None
        if login.mode == "online" and login.mode_from != "WANDB_MODE" and login.key is None:
            self._mode = "offline"
            if login.warning is not None:
                note(login.warning)

    def begin(self, run: TrackedRun) -> None:
        """Start a run, or resume the one with its id. An open run continues."""
        if run.id in self._runs:
            return
        environment = os.environ
        opened = wandb.init(
            id=run.id,
            resume="allow",
            reinit="create_new",  # several runs are open at once
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
                init_timeout=0.9 * self._options.timeout_seconds,  # W&B gives the reason before the guard
                x_stats_pid=os.getppid(),  # W&B shows the load of the training process
            ),
        )
        if self._mode == "offline" and not self._began:
            where = Path(opened.settings.wandb_dir)
            self._note(
                f"no API key is set, so runs are kept on this machine; wandb sync {where}/offline-run-*"
            )
        _remove_earlier(Path(opened.settings.sync_dir), run.id)
        self._began[run.id] = run
        self._runs[run.id] = opened
        self._epochs[run.id] = opened.step - 1  # a resumed run has a history

    def _choose_folder(self) -> str:
        """Return the folder of W&B's files. If W&B cannot use a folder, it silently takes the temporary one.

        Raises ``OSError`` if neither ``WANDB_DIR`` nor the records' folder can be used.
        """
        default = self._options.folder
        if named := os.environ.pop("WANDB_DIR", ""):  # W&B would prefer it to the folder of the argument
            reason = _unusable(Path(named).expanduser())
            if reason is None:
                os.environ["WANDB_DIR"] = named
                return str(Path(named).expanduser())
            self._note(
                f"WANDB_DIR: {named} cannot be used, {reason}; runs are kept in {Path(default, 'wandb')}"
            )
        if (reason := _unusable(Path(default))) is not None:
            raise OSError(f"{default} cannot be used, {reason}")
        return default

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
        """Finish a run. Its figures go into the summary."""
        run = self._runs.pop(run_id)
        run.summary.update({**summary, "state": state})
        run.tags = _tags({**self._began[run_id].tags, **tags}, state)
        run.finish(exit_code=_EXIT_CODES[state])
        if run.offline:
            _check_kept(Path(run.settings.sync_file))

    def recorded(self, run_id: str, record: Path) -> None:
        """Finish a run. The record becomes an artifact."""
        run = self._runs[run_id]
        for name, path in draw_figures(Record(record), self._options.figures):
            run.summary[f"figures/{name}"] = wandb.Image(str(path))
        if self._options.record:
            artifact = wandb.Artifact(f"record-{run_id}", type="record")
            artifact.add_dir(str(record))
            run.log_artifact(artifact)
        self.end(run_id, *outcome(Record(record)))

    def close(self, seconds: float | None = None) -> None:
        """Finish open runs as interrupted."""
        for run_id in list(self._runs):
            self.end(run_id, "interrupted", {}, {})
        wandb.teardown()


def _tags(tags: Mapping[str, str], state: State = "complete") -> tuple[str, ...]:
    """Return W&B's flat tags, such as ``features:Alpha158``, and the state unless it is complete."""
    flat = [f"{key}:{value}"[:_LONGEST_TAG] for key, value in tags.items()]
    return (*flat, *((state,) if state != "complete" else ()))


def _unusable(folder: Path) -> str | None:
    """Create a folder, and return why runs cannot be kept in it; None if they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}"


def _check_kept(file: Path) -> None:
    """Check that a run was written to the disk. W&B itself does not report that.

    Raises ``OSError`` if its file is gone, or the disk is full.
    """
    if not file.is_file():
        raise FileNotFoundError(errno.ENOENT, "the run's file has vanished", str(file))
    if shutil.disk_usage(file.parent).free < _LEAST_FREE:
        raise OSError(errno.ENOSPC, "the disk is full, what was logged last may be lost", str(file))


def _remove_earlier(current: Path, run_id: str) -> None:
    """Remove the offline files of an earlier attempt unless they were uploaded. This attempt logs everything again."""
    if current.name.startswith("offline-"):
        for folder in current.parent.glob(f"offline-run-????????_??????-{run_id}"):
            if folder != current and not list(folder.glob("*.synced")):
                shutil.rmtree(folder, ignore_errors=True)
