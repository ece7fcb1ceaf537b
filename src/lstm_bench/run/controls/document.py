"""The results of a run's controls as a file, ``results/<experiment>/controls/<run id>.json``."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lstm_bench.config.section import Recorded
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.core.atomic import write_whole
from lstm_bench.core.errors import DataError, InputError
from lstm_bench.core.json_values import without_nan

__all__ = [
    "CapacityRow", "ControlName", "ControlRow", "Controls", "ConventionRow", "Flip", "controls_path", "remove_controls",
]  # fmt: skip

ControlName = Literal["permuted_labels", "oracle", "look_ahead", "evaluation"]


class ControlRow(Recorded):
    """A control with a known answer."""

    title: str = Field(description="what was done")
    expected: str = Field(description="what must come out")
    found: str = Field(description="what came out")
    passed: bool
    figures: dict[str, float | None] = Field({}, description="the figures behind the verdict")


class ConventionRow(Recorded):
    """The excess return with cost of the same scores under one convention; null if undefined."""

    name: str
    is_own: bool = Field(
        False, description="whether it is the configuration's own, summed over 238 days a year"
    )
    annualized_return: float | None
    information_ratio: float | None
    max_drawdown: float | None


class Flip(Recorded):
    """Two rows of an experiment that change places under another convention."""

    convention: str
    metric: Literal["annualized_return", "information_ratio"]
    better: str = Field(description="the row that is better under the configuration's own convention")
    worse: str = Field(description="the row that is better under this convention")


class CapacityRow(Recorded):
    """The excess return after cost and impact with some assets."""

    assets: float
    information_ratio: float | None
    low: float | None
    high: float | None
    annualized_return: float | None
    cost: float | None = Field(description="cost and impact of a year, as a share of the account")
    orders: int
    without_volume: int
    participation_mean: float | None
    participation_95: float | None
    participation_max: float | None
    is_meaningful: bool


class Controls(Recorded):
    """All results of one run. Parts that were not requested are empty."""

    run_id: str
    controls: dict[ControlName, ControlRow] = Field({})
    conventions: list[ConventionRow] = Field([])
    compared: list[str] = Field([], description="rows of the experiment whose order was compared")
    left_out: list[str] = Field(
        [], description="rows of the experiment that could not be compared, with the reason"
    )
    flips: list[Flip] = Field([])
    capacity: list[CapacityRow] = Field([])
    impact_cost: float | None = None
    median_amount: float | None = Field(None, description="median traded value of a stock on a day")
    capacity_note: str = Field("", description="why there is no capacity")

    @property
    def failed(self) -> list[str]:
        """Titles of the controls that failed."""
        return [control.title for control in self.controls.values() if not control.passed]

    @classmethod
    def load(cls, record: Path) -> Controls | None:
        """Read the controls of a record; None if there are none. Raises ``DataError`` if the file is damaged."""
        path = controls_path(record)
        if not path.is_file():
            return None
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            raise DataError(f"{path}: {explain(error)}; run `lstm-bench controls` again") from error
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{path}: cannot be read: {error}; run `lstm-bench controls` again") from error

    def save(self, record: Path) -> Path:
        """Write the file of a record in one rename; return its path."""
        path = controls_path(record)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = without_nan(self.model_dump(mode="json"))
        write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
        return path


def controls_path(record: Path) -> Path:
    """Return the file of a record's controls; it is beside the record, because a record never changes."""
    return record.parent / "controls" / f"{record.name}.json"


def remove_controls(record: Path) -> int:
    """Remove the file of a record's controls, if there is one; return the freed bytes."""
    path = controls_path(record)
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise InputError(f"{path}: cannot be removed: {error.strerror}") from error
    with suppress(OSError):  # not empty: it holds the controls of other records
        path.parent.rmdir()
    return size
