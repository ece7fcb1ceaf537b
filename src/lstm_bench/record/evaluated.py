"""What is known of one evaluation on a test segment: the run, its data and its metrics."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from pydantic import Field

from lstm_bench.config.section import Section

if TYPE_CHECKING:
    from lstm_bench.config.workflow import RunConfig
    from lstm_bench.record.record import Record

__all__ = ["LSTM", "Evaluated", "metrics_digest"]

LSTM = "lstm"
"""Kind of the model of a record that names no other one."""


class Evaluated(Section):
    """One evaluation of scores on a test segment."""

    experiment: str = Field(description="folder of the record, or the study of the evidence")
    run_id: str = Field(description="name of the record")
    seed: int = Field(description="seed of the run")
    model: str = Field(description="kind of the model that scored; lstm for the configuration's LSTM")
    data: str = Field(description="fingerprint of the data")
    data_used: str | None = Field(None, description="digest of the days and stocks that the run used")
    universe: str = Field(description="market, or number of codes; with a digest if it has codes or filters")
    label: str = Field(description="expression of the label, without spaces")
    first: date = Field(description="first day of the test segment, clipped to the calendar")
    last: date = Field(description="last day of the test segment, clipped to the calendar")
    metrics: str = Field(description="SHA-256 of the metrics")

    @classmethod
    def of(
        cls,
        config: RunConfig,
        metrics: Mapping[str, float],
        calendar: tuple[date, date] | None,
        *,
        experiment: str,
        run_id: str,
        model: str | None,
        data: str,
        data_used: str | None,
    ) -> Evaluated:
        """Describe the evaluation of a configuration. ``calendar`` are the first and last day of the data, if known."""
        kwargs = config.task.dataset.kwargs
        first, last = kwargs.segments.test
        if calendar is not None and first <= calendar[1] and last >= calendar[0]:
            first, last = max(first, calendar[0]), min(last, calendar[1])
        return cls(
            experiment=experiment,
            run_id=run_id,
            seed=config.seed,
            model=model or LSTM,
            data=data,
            data_used=data_used,
            universe=kwargs.handler.universe,
            label="".join(kwargs.handler.label.expressions[0].split()),
            first=first,
            last=last,
            metrics=metrics_digest(metrics),
        )

    @classmethod
    def of_record(cls, record: Record) -> Evaluated | None:
        """Describe the evaluation that a record holds; None if its run diverged and was not evaluated.

        Raises ``InputError`` if a file of the record cannot be read.
        """
        metrics = record.metrics()
        if not metrics:
            return None
        provenance = record.provenance()
        days, model = provenance.get("calendar"), provenance.get("model")
        return cls.of(
            record.config(),
            metrics,
            None if days is None else (date.fromisoformat(days[0]), date.fromisoformat(days[1])),
            experiment=record.path.parent.name,
            run_id=provenance["run_id"],
            model=None if model is None else model["kind"],
            data=provenance["data_fingerprint"],
            data_used=provenance.get("data_used"),
        )


def metrics_digest(metrics: Mapping[str, float]) -> str:
    """Return the SHA-256 of metrics in canonical JSON, as 64 hex digits. Metrics without a finite value are left out.

    Records and evidence of the same run have the same digest.
    """
    finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
    return hashlib.sha256(json.dumps(finite, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
