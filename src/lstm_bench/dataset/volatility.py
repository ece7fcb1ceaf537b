"""Trailing volatility of daily returns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from lstm_bench.data.arrays import Array, Floats32
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.array_entry import Entry
from lstm_bench.dataset.array_store import ArrayStore
from lstm_bench.dataset.trailing import trailing_values

__all__ = ["ensure_volatility", "read_volatility", "trailing_volatility"]

_NAME = "volatility"


def trailing_volatility(
    provider: Provider, instruments: Sequence[str], begin: int, days: int, window: int
) -> Floats32:
    """Compute the standard deviation of the daily returns of ``window`` trading days, up to and including each day.

    No data after a day's close are used. Days without a close have no return and are left out.

    The N ``instruments`` are sorted, and T is ``days``. Bars before ``begin`` are read as the window needs. Returns
    ``[T, N]`` float32: NaN if a window has fewer than two returns.
    """
    return trailing_values(provider, instruments, begin, days, f"Std($close/Ref($close, 1)-1, {window})")


def ensure_volatility(store: ArrayStore, dataset: Entry, provider: Provider, window: int) -> Entry:
    """Return the entry of a cached dataset's trailing volatility; build it if it is absent.

    It has no values of later days than the dataset.

    ``store`` is that of the dataset's own entry, which identifies data and code.
    """
    key = hashlib.sha256(f"{_NAME} {window} of {dataset.path.name}".encode()).hexdigest()[:32]

    def build() -> tuple[dict[str, Array], dict[str, Any]]:
        content = dataset.content["dataset"]
        values = trailing_volatility(
            provider, content["instruments"], content["offset"], len(dataset.arrays["days"]), window
        )
        return {_NAME: values}, {"identity": {**dataset.content["identity"], "volatility_window": window}}

    return store.open(key, build)


def read_volatility(entry: Entry) -> Floats32:
    """Return the values of an entry of :func:`ensure_volatility`, ``[T, N]`` float32."""
    values: Floats32 = entry.arrays[_NAME]
    return values
