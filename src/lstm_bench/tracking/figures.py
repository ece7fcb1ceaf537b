"""Figures of a record, by whoever draws them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path

from lstm_bench.record.record import Record

__all__ = ["figures_of"]


def figures_of(record: Record, draw: str | None) -> Iterable[tuple[str, Path]]:
    """Draw a record's figures.

    Parameters
    ----------
    record
    draw
        ``module:function`` that takes the record, and yields (name, path of a PNG file); None where nobody does.
    """
    if draw is None:
        return ()
    module, _, name = draw.partition(":")
    function: Callable[[Record], Iterable[tuple[str, Path]]] = getattr(importlib.import_module(module), name)
    return function(record)
