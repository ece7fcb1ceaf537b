"""Bars that are closed to code which must not read them, such as a trial that trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lstm_bench.core.errors import DataError

__all__ = ["bars_closed", "check_bars_open"]

_reader: ContextVar[str | None] = ContextVar("reader", default=None)
"""Who must not read bars now, in this thread."""


@contextmanager
def bars_closed(reader: str) -> Iterator[None]:
    """Close all bars to this thread; ``reader`` says in messages who asked for them. Other threads may read them."""
    before = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(before)


def check_bars_open() -> None:
    """Check that this thread may read bars.

    Raises
    ------
    DataError
        If they are closed.
    """
    reader = _reader.get()
    if reader is not None:
        raise DataError(
            f"{reader} may not read bars: they have the days of test, which would then decide the selection; it is "
            "given a dataset that ends with valid"
        )
