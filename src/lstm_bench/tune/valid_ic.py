"""IC and Rank IC of a trial's models on valid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from lstm_bench.dataset.dataset import Dataset, SampleSet
    from lstm_bench.model.contract import PackSpec
    from lstm_bench.model.path_name import PathName
    from lstm_bench.model.trainer import Fit

__all__ = ["valid_correlations"]


def valid_correlations(
    fits: Sequence[Fit],
    spec: PackSpec,
    dataset: Dataset,
    valid: SampleSet,
    device: torch.device,
    path: PathName,
) -> dict[int, dict[str, float]]:
    """Score valid with each seed's best weights and correlate with the raw labels, day by day.

    Parameters
    ----------
    fits, spec, dataset, valid, device
    path
        The path that trained. It scores in the same way as for the loss.

    Returns
    -------
    dict
        Seed -> ``IC`` and ``Rank IC``, means over the days of valid; no entry for a seed without usable weights, and
        no metric that is undefined on all days.
    """
    from lstm_bench.evaluate.signal.metrics import signal_metrics
    from lstm_bench.model.predict import predict_weights
    from lstm_bench.model.resident import ResidentSamples

    resident = ResidentSamples.place(valid, device)
    span, rows = dataset.rows_of(valid)
    labels = np.where(rows, dataset.raw_label[span], np.float32(np.nan))
    found = {}
    for fit in fits:
        if not fit.weights:
            continue
        scores = predict_weights(spec, fit.weights, resident, path)
        panel = dataset.scores_to_panel(valid, scores)[span]
        summary = signal_metrics(panel, labels, rows).summary()
        found[fit.member.seed] = {
            name: summary[name] for name in ("IC", "Rank IC") if math.isfinite(summary[name])
        }
    return found
