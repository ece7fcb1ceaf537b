"""The kinds of values that a record's JSON files hold, checked when they are read.

A key of a later version is passed over, and one that an earlier version did not write may be missing; what is there
has to be of its kind, so that nothing fails later in the middle of a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, Strict

from lstm_bench.config.day import Day
from lstm_bench.config.section import Recorded
from lstm_bench.config.shown import came

__all__ = ["ProvenanceJson", "check_analysis", "check_figures"]

Text = Annotated[str, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]


class GitJson(Recorded):
    """``git``: of the source that computed the run."""

    commit: Text | None = None
    dirty: Flag | None = None


class DeviceJson(Recorded):
    """``device``: where it was computed."""

    name: Text = ""
    model: Text | None = None
    threads: Count = 0
    training_path: Text = ""
    training_path_reason: Text = ""
    peak_memory_mib: Number | None = None


class TrainingJson(Recorded):
    """``training``: how it went."""

    status: Text = ""
    epochs: Count = 0
    best_epoch: Annotated[int, Strict()] | None = None
    best_score: Number | None = None
    parameters: Count = 0


class ProvenanceJson(Recorded):
    """``provenance.json``."""

    run_id: Text = ""
    seed: Count = 0
    data_fingerprint: Text = ""
    calendar: tuple[Day, Day] | None = None
    bars: dict[str, Any] | None = None
    synthetic: Flag | None = None
    numerics: Count = 0
    git: GitJson | None = None
    python: Text = ""
    platform: Text = ""
    processor: Text | None = None
    packages: dict[str, Text] = Field({})
    started: Text = ""
    device: DeviceJson = DeviceJson()
    training: TrainingJson = TrainingJson()
    seconds: dict[str, Number] = Field({})
    peak_memory_mib: Number | None = None


def check_figures(figures: Mapping[str, Any], where: str = "") -> None:
    """Check that each value is a number, or null.

    Raises
    ------
    ValueError
        Where one is none; it names the key.
    """
    for name, value in figures.items():
        if isinstance(value, bool) or not (value is None or isinstance(value, int | float)):
            raise ValueError(f"{where}{name}: got {came(value, 'number')}, expected a number or null")


def check_analysis(sections: Mapping[str, Any], where: str = "") -> None:
    """Check sections of figures, which hold numbers, nulls, days under names that end in ``_date``, and sections.

    Raises
    ------
    ValueError
        Where something else is there; it names the key.
    """
    for name, value in sections.items():
        if isinstance(value, Mapping):
            check_analysis(value, f"{where}{name}.")
        elif not where:
            raise ValueError(f"{name}: got {came(value)}, expected a section of figures")
        elif name.endswith("_date"):
            if not (value is None or isinstance(value, str)):
                raise ValueError(f"{where}{name}: got {came(value)}, expected a day or null")
        else:
            check_figures({name: value}, where)
