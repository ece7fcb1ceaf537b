"""The scores of a seed ensemble, from the records of its members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Floats32
from lstm_bench.evaluate.ensemble import average, ensemble_curve, standardized
from lstm_bench.record.record import Record
from lstm_bench.run.preparation import Prepared
from lstm_bench.run.scored import Scores

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.evaluate.ensemble import CurvePoint

__all__ = ["check_members", "ensemble_scores"]


def check_members(records: Sequence[Record]) -> None:
    """Check that runs differ in nothing but their seed.

    Raises ``DataError`` if there are fewer than two, one has no scores of an LSTM, or another configuration, other
    data or another version of the numerics than the first; the message names it.
    """
    if len(records) < 2:
        raise DataError(f"ensemble: got {len(records)} runs with scores, expected two or more")
    first = _identity(records[0])
    for record in records[1:]:
        for what, value in _identity(record).items():
            if value != first[what]:
                raise DataError(
                    f"ensemble: {record.path} has {what} other than {records[0].path}; expected runs that differ in "
                    "their seeds only"
                )


def _identity(record: Record) -> dict[str, object]:
    """Return what members must share. Raises ``DataError`` if the record is no LSTM's with scores."""
    model, failure, provenance = record.model(), record.failure(), record.provenance()
    if failure is not None:
        raise DataError(f"ensemble: {record.path}: {failure}")
    if model is not None:
        raise DataError(
            f"ensemble: {record.path} has the scores of another model ({model.name}), expected an LSTM's"
        )
    return {
        "a configuration": record.config().resolved().identity(),
        "data": provenance["data_fingerprint"],
        "numerics": provenance["numerics"],
    }


def ensemble_scores(records: Sequence[Record], prepared: Prepared) -> Scores:
    """Average the scores of members' records, and evaluate subsets of them.

    Raises ``DataError`` if the records do not fit each other or the test samples.
    """
    check_members(records)
    dataset, test = prepared.dataset, prepared.test
    span, rows = dataset.rows_of(test)
    panels = [dataset.scores_to_panel(test, _scores(record, prepared))[span] for record in records]
    members = standardized(np.stack(panels))
    labels = np.where(rows, dataset.raw_label[span], np.float32(np.nan))
    curve = ensemble_curve(members, labels, rows, threads=torch.get_num_threads())
    training = [record.provenance()["training"] for record in records]
    is_capped = any(outcome["status"] == "finished" for outcome in training)
    return Scores(
        average(members)[test.days - span.start, test.instruments],
        parameters=sum(outcome["parameters"] for outcome in training),
        status="finished" if is_capped else "early_stopped",
        tables={"ensemble": _table(curve)},
    )


def _scores(record: Record, prepared: Prepared) -> Floats32:
    """Read a record's scores in the order of the test samples."""
    index = prepared.dataset.index(prepared.test.days, prepared.test.instruments)
    scores = record.table("pred")["score"]
    if len(scores) != len(index) or not index.isin(scores.index).all():
        raise DataError(
            f"ensemble: {record.path} has scores of other samples: {len(scores):,} rows, expected those of the "
            f"{len(index):,} test samples"
        )
    return scores.reindex(index).to_numpy(np.float32)


def _table(curve: Sequence[CurvePoint]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([{"members": point.members, "draw": point.draw, **point.metrics} for point in curve])
