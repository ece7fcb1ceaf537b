"""How well a trial's models order the stocks of valid: beside the loss, what the search is after in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from lstm_bench.dataset.dataset import Dataset, SampleSet
    from lstm_bench.model.spec import PackSpec
    from lstm_bench.model.trainer import Fit

__all__ = ["valid_correlations"]


def valid_correlations(
    fits: Sequence[Fit], spec: PackSpec, dataset: Dataset, valid: SampleSet, device: torch.device
) -> dict[int, dict[str, float]]:
    """Score valid with each seed's best weights and correlate with the raw labels, day by day.

    Returns
    -------
    dict
        Seed -> ``IC`` and ``Rank IC``, means over the days of valid; no entry for a seed without usable weights, and
        no figure where no day has one.
    """
    from lstm_bench.evaluate.signal import signal_metrics
    from lstm_bench.model.lstm import LSTM
    from lstm_bench.model.predict import predict
    from lstm_bench.model.resident import ResidentSamples

    resident = ResidentSamples.place(valid, device)
    first, last = int(valid.days.min()), int(valid.days.max()) + 1
    rows = np.zeros(dataset.raw_label.shape, dtype=np.bool_)
    rows[valid.days, valid.instruments] = True
    labels = np.where(rows, dataset.raw_label, np.float32(np.nan))[first:last]
    found = {}
    for fit in fits:
        if not fit.weights:
            continue
        model = LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, dropout=0.0)
        model.load_state_dict(fit.weights)
        scores = predict(model.to(device), resident).cpu().numpy()
        panel = dataset.scores_to_panel(valid, scores)[first:last]
        summary = signal_metrics(panel, labels, rows[first:last]).summary()
        found[fit.replica.seed] = {
            name: summary[name] for name in ("IC", "Rank IC") if math.isfinite(summary[name])
        }
    return found
