"""What a row's configuration says of its setting: what it is comparable with, spans of days, where it is reduced."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.workflow import RunConfig

__all__ = [
    "OF_QLIBS_MARKET",
    "QLIB_EPOCHS",
    "QLIB_MARKET",
    "QLIB_SEGMENTS",
    "Kind",
    "Span",
    "config_text",
    "is_of_qlibs_market",
    "kind_of",
    "parse_config",
    "reductions",
    "segments",
]

Kind = Literal["full", "reduced", "own", "synthetic"]
"""Qlib's benchmark as it is; less of it; own data, which are no part of it; a synthetic market."""

OF_QLIBS_MARKET: tuple[Kind, ...] = ("full", "reduced")
"""What Qlib's published row can stand beside."""

QLIB_MARKET = ("csi300", "cn")
"""Stocks and region of Qlib's benchmark."""

Span = tuple[date, date]
"""First and last day, both inclusive."""

QLIB_SEGMENTS: Mapping[str, Span] = {
    "train": (date(2008, 1, 1), date(2014, 12, 31)),
    "valid": (date(2015, 1, 1), date(2016, 12, 31)),
    "test": (date(2017, 1, 1), date(2020, 8, 1)),
}
"""Of Qlib's benchmark, the same for both feature sets."""

QLIB_EPOCHS = 200
"""Qlib's cap, which early stopping does not reach."""


@dataclass(frozen=True)
class _Calendar:
    first: date
    last: date

    def clip(self, span: Span) -> Span | None:
        clipped = max(span[0], self.first), min(span[1], self.last)
        return clipped if clipped[0] <= clipped[1] else None


def config_text(config: RunConfig) -> str:
    """Return the resolved workflow as canonical JSON; of ``qlib_init`` only the region, the rest is the machine's."""
    content = config.to_file()
    content["qlib_init"] = {"region": content["qlib_init"]["region"]}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse_config(content: Mapping[str, Any]) -> RunConfig:
    """Read a workflow that may lack the data folder.

    Raises
    ------
    ConfigError
        Where it is none.
    """
    initial = {"provider_uri": "", **content.get("qlib_init", {})}
    try:
        return RunConfig.model_validate({**content, "qlib_init": initial})
    except ValidationError as error:
        raise explain(error) from error


def segments(config: RunConfig, calendar: Span | None) -> dict[str, Span]:
    """Return each segment's span, clipped to the data's calendar where that is known."""
    wanted = config.task.dataset.kwargs.segments
    spans: dict[str, Span] = {name: getattr(wanted, name) for name in QLIB_SEGMENTS}
    if calendar is None:
        return spans
    return {name: _Calendar(*calendar).clip(span) or span for name, span in spans.items()}


def reductions(
    config: RunConfig, calendar: Span | None, synthetic: bool | None, training_status: str | None
) -> list[str]:
    """Say in what a run falls short of the benchmark as Qlib defines it; nothing of one that is not of Qlib's market.

    Parameters
    ----------
    calendar
        The data's first and last day: Qlib's segments are clipped to it, since nobody has other days.
    training_status
        An epoch cap below Qlib's is a reduction where it ended the training, and only there.
    """
    if synthetic or not is_of_qlibs_market(config):
        return []
    return [
        *_short_segments(segments(config, calendar), calendar),
        *_epoch_cap(config.task.model.kwargs.n_epochs, training_status),
    ]


def is_of_qlibs_market(config: RunConfig) -> bool:
    """Whether a run is of the stocks and the region of Qlib's benchmark, and so claims to be it."""
    return (config.task.dataset.kwargs.handler.kwargs.instruments, config.qlib_init.region) == QLIB_MARKET


def kind_of(config: RunConfig, synthetic: bool | None, reduced: bool) -> Kind:
    """Say which kind of table a run belongs to."""
    if synthetic:
        return "synthetic"
    if not is_of_qlibs_market(config):
        return "own"
    return "reduced" if reduced else "full"


def _short_segments(spans: Mapping[str, Span], calendar: Span | None) -> Iterator[str]:
    for name, span in spans.items():
        wanted = QLIB_SEGMENTS[name]
        expected = wanted if calendar is None else _Calendar(*calendar).clip(wanted)
        if expected is None:
            yield f"{name} {_text(span)}: the data has none of Qlib's {_text(wanted)}"
        elif _weekdays(expected[0], span[0]) > 0 or _weekdays_after(span[1], expected[1]) > 0:
            yield f"{name} {_text(span)} of {_text(expected)}"


def _epoch_cap(n_epochs: int, training_status: str | None) -> Iterator[str]:
    if n_epochs < QLIB_EPOCHS and training_status == "finished":
        yield f"ended by n_epochs {n_epochs}, Qlib's is {QLIB_EPOCHS}"


def _weekdays(first: date, last: date) -> int:
    """Weekdays from ``first`` up to, not including, ``last``; a segment that skips a weekend only is not shorter."""
    return int(np.busday_count(first, last))


def _weekdays_after(first: date, last: date) -> int:
    one = np.timedelta64(1, "D")
    return int(np.busday_count(np.datetime64(first) + one, np.datetime64(last) + one))


def _text(span: Span) -> str:
    return f"{span[0]}..{span[1]}"
