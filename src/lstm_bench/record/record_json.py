"""Checks of a record's JSON files when they are read.

Unknown keys, of later versions, are ignored. Keys may be missing, since earlier versions did not write all. Values of
the wrong kind are refused here, so that a report does not fail halfway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, Strict

from lstm_bench.config.section import Recorded
from lstm_bench.config.values.day import Day, parse_day
from lstm_bench.config.wording.value_text import value_with_kind

__all__ = ["ProvenanceJson", "check_analysis", "check_figures"]

Text = Annotated[str, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]


class GitJson(Recorded):
    """``git``: of the source code."""

    commit: Text | None = None
    dirty: Flag | None = None


class DeviceJson(Recorded):
    """``device`` of the run."""

    name: Text = ""
    model: Text | None = None
    threads: Count = 0
    training_path: Text = ""
    training_path_reason: Text = ""
    peak_memory_mib: Number | None = None


class TrainingJson(Recorded):
    """``training``: its outcome."""

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
    permuted_labels: Flag | None = None
    model: dict[str, Any] | None = None
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


_DEPTHS: Mapping[str, int] = {"signal": 1, "groups": 2, "returns": 3, "holdings": 1}
"""Section of the analysis -> depth of its figures."""


def check_figures(figures: Mapping[str, Any], where: str = "") -> None:
    """Check that each value is a number, or null.

    Raises ``ValueError`` if a value is neither; the message names the key.
    """
    for name, value in figures.items():
        if isinstance(value, bool) or not (value is None or isinstance(value, int | float)):
            raise ValueError(
                f"{where}{name}: got {value_with_kind(value, 'number')}, expected a number or null"
            )


def check_analysis(sections: Mapping[str, Any]) -> None:
    """Check sections of figures. They hold numbers, nulls, sections, and days under names that end in ``_date``.

    Raises ``ValueError`` if a value is something else; the message names the key.
    """
    for name, content in sections.items():
        _check_section(content, name, _DEPTHS.get(name))


def _check_section(content: Any, where: str, depth: int | None) -> None:
    """Check a section with figures nested ``depth`` levels deep; None if the depth is unknown."""
    if not isinstance(content, Mapping):
        raise ValueError(f"{where}: got {value_with_kind(content)}, expected a section of figures")  # noqa: TRY004
    for name, value in content.items():
        if (depth is None and not isinstance(value, Mapping)) or depth == 1:
            _check_figure(name, value, where)
        else:
            _check_section(value, f"{where}.{name}", None if depth is None else depth - 1)


def _check_figure(name: str, value: Any, where: str) -> None:
    if not name.endswith("_date"):
        check_figures({name: value}, f"{where}.")
    elif value is not None:
        try:
            parse_day(value)
        except ValueError as error:
            raise ValueError(f"{where}.{name}: {error}") from error
