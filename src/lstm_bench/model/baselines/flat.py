"""Windows as rows: the L days of F features side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lstm_bench.data.arrays import Floats32, Ints
from lstm_bench.dataset.dataset import SampleSet

__all__ = ["flat_parts", "flat_windows", "labelled", "width"]

_PART = 4096


def width(samples: SampleSet) -> int:
    """Return D = L * F, the length of a flattened window."""
    return samples.windows.step_len * samples.windows.n_features


def labelled(samples: SampleSet) -> Ints:
    """Return the positions of the samples that have a label."""
    positions: Ints = np.flatnonzero(~np.isnan(samples.labels))
    return positions


def flat_parts(samples: SampleSet, positions: Ints) -> Iterator[tuple[slice, Floats32]]:
    """Yield the flattened windows of samples, part by part.

    ``positions [P]`` are those of the samples. Yields a slice of the P samples and their windows ``[B, D]``; column
    ``l * F + f`` is feature f on day l of the window, whose last day is the sample's own.
    """
    for begin in range(0, len(positions), _PART):
        part = slice(begin, min(begin + _PART, len(positions)))
        chosen = positions[part]
        days, instruments = (torch.from_numpy(a[chosen]) for a in (samples.days, samples.instruments))
        windows = samples.windows.gather(days, instruments)
        yield part, windows.reshape(len(chosen), -1).numpy()


def flat_windows(samples: SampleSet, positions: Ints) -> Floats32:
    """Return the flattened windows ``[P, D]`` of the samples at ``positions``, in one array."""
    rows = np.empty((len(positions), width(samples)), dtype=np.float32)
    for part, windows in flat_parts(samples, positions):
        rows[part] = windows
    return rows
