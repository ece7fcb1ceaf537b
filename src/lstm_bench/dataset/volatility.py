"""Trailing volatility of returns: what a day's close tells of how much a stock moves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.data.provider import Provider
from lstm_bench.dataset.array_entry import Entry
from lstm_bench.dataset.array_store import ArrayStore
from lstm_bench.features.evaluation import evaluate
from lstm_bench.features.expression import extent, parse

__all__ = ["ensure_volatility", "read_volatility", "trailing_volatility"]

_NAME = "volatility"


def trailing_volatility(
    provider: Provider, instruments: Sequence[str], begin: int, days: int, window: int
) -> npt.NDArray[np.float32]:
    """Take the standard deviation of the daily returns of the last days, each day's own included.

    Nothing later than a day's close is looked at. Days without a close have no return, and count for none.

    Parameters
    ----------
    provider
    instruments
        N codes, sorted.
    begin, days
        Position of the first day in the calendar, and T. Bars before it are read as far as the window reaches.
    window
        Trading days.

    Returns
    -------
    ``[T, N]`` float32
        NaN where there are not two returns.
    """
    volatility = parse(f"Std($close/Ref($close, 1)-1, {window})")
    left, _ = extent([volatility])
    first = max(begin - left, 0)
    panel = provider.panel(instruments, volatility.fields, first, begin + days)
    given: npt.NDArray[np.float32] = evaluate([volatility], panel, begin - first, begin - first + days)[0]
    return given


def ensure_volatility(store: ArrayStore, dataset: Entry, provider: Provider, window: int) -> Entry:
    """Return the entry of a cached dataset's trailing volatility, built where it is absent.

    It holds nothing of later days than the dataset does.

    Parameters
    ----------
    store
        Where the dataset's own entry is, too.
    dataset
        Its entry, which also names the data and the code.
    provider, window
        As for :func:`trailing_volatility`.
    """
    key = hashlib.sha256(f"{_NAME} {window} of {dataset.path.name}".encode()).hexdigest()[:32]

    def build() -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        content = dataset.content["dataset"]
        values = trailing_volatility(
            provider, content["instruments"], content["offset"], len(dataset.arrays["days"]), window
        )
        return {_NAME: values}, {"identity": {**dataset.content["identity"], "volatility_window": window}}

    return store.open(key, build)


def read_volatility(entry: Entry) -> npt.NDArray[np.float32]:
    """Return what :func:`ensure_volatility` keeps: ``[T, N]`` float32."""
    values: npt.NDArray[np.float32] = entry.arrays[_NAME]
    return values
