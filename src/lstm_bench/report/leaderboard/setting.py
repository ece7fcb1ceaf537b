"""The setting of a run, from its configuration: kind of data, segments, and how it falls short of Qlib's benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

import numpy as np
from pydantic import ValidationError

from lstm_bench.config.wording.mistakes import explain
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.record.scoring_model import ScoringModel

__all__ = [
    "KINDS",
    "QLIB_EPOCHS",
    "QLIB_LABEL",
    "QLIB_MARKET",
    "QLIB_SEGMENTS",
    "Kind",
    "Setting",
    "Span",
    "calendar_of",
    "config_text",
    "is_of_qlibs_market",
    "kind_of",
    "parse_config",
    "parse_kind",
    "reductions",
    "segments",
]

Kind = Literal["full", "reduced", "own", "synthetic"]
"""Qlib's full benchmark; a reduced one; other data; a synthetic market."""

KINDS: tuple[Kind, ...] = get_args(Kind)

QLIB_MARKET = ("csi300", "cn")
"""Universe and region of Qlib's benchmark."""

Span = tuple[date, date]
"""First and last day, both inclusive."""

QLIB_SEGMENTS: Mapping[str, Span] = {
    "train": (date(2008, 1, 1), date(2014, 12, 31)),
    "valid": (date(2015, 1, 1), date(2016, 12, 31)),
    "test": (date(2017, 1, 1), date(2020, 8, 1)),
}
"""Segments of Qlib's benchmark, the same for both feature sets."""

QLIB_EPOCHS = 200
"""Qlib's ``n_epochs``; its runs stop earlier."""

QLIB_LABEL = "Ref($close,-2)/Ref($close,-1)-1"
"""Label of Qlib's benchmark, without spaces."""


@dataclass(frozen=True)
class Setting:
    """Settings that the rows of one table have in common.

    Attributes
    ----------
    features : the handler's class
    market, region : the universe, and the region of the trading rules
    data_fingerprint : empty if no seed is complete
    test : first and last day of the test segment, clipped to the data
    kind : Qlib's benchmark, a reduced one, other data, or a synthetic market
    label : expression of the label, without spaces
    numerics : version of the code's numerics; 0 if no seed is complete
    """

    features: str
    kind: Kind
    market: str
    region: str
    data_fingerprint: str
    test: Span
    label: str
    numerics: int

    @property
    def comparable(self) -> dict[str, object]:
        """What rows must share to be compared."""
        return {
            "data": self.data_fingerprint[:12],
            "market": self.market,
            "label": self.label,
            "numerics": self.numerics,
            "test segment": "..".join(map(str, self.test)),
        }


def config_text(config: RunConfig) -> str:
    """Return the resolved workflow as canonical JSON; of ``qlib_init``, which has local paths, only the region."""
    content = config.to_file()
    content["qlib_init"] = {"region": content["qlib_init"]["region"]}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse_config(content: Mapping[str, Any]) -> RunConfig:
    """Read a workflow that may lack the data folder.

    Raises
    ------
    ConfigError
        If it is not a valid workflow.
    """
    initial = {"provider_uri": "", **content.get("qlib_init", {})}
    try:
        return RunConfig.model_validate({**content, "qlib_init": initial})
    except ValidationError as error:
        raise explain(error) from error


def calendar_of(provenance: Mapping[str, Any]) -> Span | None:
    """First and last day of a record's data; None if its provenance does not have them."""
    days = provenance.get("calendar")
    return None if days is None else (date.fromisoformat(days[0]), date.fromisoformat(days[1]))


def segments(config: RunConfig, calendar: Span | None) -> dict[str, Span]:
    """Return each segment's span, clipped to the data's calendar if that is known."""
    configured = config.task.dataset.kwargs.segments
    spans: dict[str, Span] = {name: getattr(configured, name) for name in QLIB_SEGMENTS}
    if calendar is None:
        return spans
    return {name: _clipped(span, calendar) or span for name, span in spans.items()}


def reductions(
    config: RunConfig,
    calendar: Span | None,
    synthetic: bool | None,
    training_status: str | None,
    model: ScoringModel | None = None,
) -> list[str]:
    """Return how a run falls short of Qlib's benchmark; empty for runs on other data.

    Qlib's segments are clipped to ``calendar``, the data's first and last day. A cap on epochs below Qlib's is a
    reduction only if it ended the training, of the LSTM itself or of an ensemble's members; ``model`` is the one that
    scored, None for the LSTM.
    """
    if synthetic or not is_of_qlibs_market(config):
        return []
    found = list(_short_segments(segments(config, calendar), calendar))
    n_epochs = config.task.model.kwargs.n_epochs
    is_trained = model is None or model.kind == "ensemble"
    if n_epochs < QLIB_EPOCHS and training_status == "finished" and is_trained:
        found.append(f"ended by n_epochs {n_epochs}, Qlib's is {QLIB_EPOCHS}")
    return found


def is_of_qlibs_market(config: RunConfig) -> bool:
    """Whether a run has the universe and region of Qlib's benchmark."""
    return (config.task.dataset.kwargs.handler.kwargs.instruments, config.qlib_init.region) == QLIB_MARKET


def kind_of(config: RunConfig, synthetic: bool | None, reduced: bool) -> Kind:
    """Return the kind of table that a run belongs to."""
    if synthetic:
        return "synthetic"
    if not is_of_qlibs_market(config):
        return "own"
    return "reduced" if reduced else "full"


def parse_kind(text: str) -> Kind:
    """Read a kind of table. Raises ``InputError`` if it is none."""
    for kind in KINDS:
        if text == kind:
            return kind
    raise InputError(f"--kind: got {text!r}; {choices_hint(text, KINDS)}")


def _clipped(span: Span, calendar: Span) -> Span | None:
    """Clip a span to the calendar; None if nothing is left."""
    first, last = max(span[0], calendar[0]), min(span[1], calendar[1])
    return (first, last) if first <= last else None


def _short_segments(spans: Mapping[str, Span], calendar: Span | None) -> Iterator[str]:
    day = timedelta(days=1)
    for name, span in spans.items():
        benchmark = QLIB_SEGMENTS[name]
        expected = benchmark if calendar is None else _clipped(benchmark, calendar)
        if expected is None:
            yield f"{name} {_text(span)}: the data has none of Qlib's {_text(benchmark)}"
        # a segment that skips only a weekend is not shorter; busday_count leaves out the last day
        elif (
            np.busday_count(expected[0], span[0]) > 0 or np.busday_count(span[1] + day, expected[1] + day) > 0
        ):
            yield f"{name} {_text(span)} of {_text(expected)}"


def _text(span: Span) -> str:
    return f"{span[0]}..{span[1]}"
