"""Choose bars of a Qlib folder, and compute features from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from lstm_bench.api.arguments import Day, PathLike
from lstm_bench.config.feature_set import KNOWN_SETS
from lstm_bench.core.errors import DataError, InputError, choices_hint
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Universe
from lstm_bench.features.bars import Bars, feature_table

__all__ = ["compute_features", "load_panel"]


def load_panel(
    provider_uri: PathLike,
    market: str | None = None,
    *,
    instruments: Sequence[str] | None = None,
    start: Day | None = None,
    end: Day | None = None,
) -> Bars:
    """Choose bars of a Qlib folder.

    Parameters
    ----------
    provider_uri
        The folder.
    market
        Such as ``csi300``: rows are the days of its membership spans.
    instruments
        Codes, instead of a market: rows are all days between an instrument's first and last bar, suspended days
        included.
    start, end
        First and last day of the rows, by default those of the calendar. They limit history as in Qlib: an expression
        sees as many days before ``start`` and after ``end`` as its windows and ``Ref`` add up to. Expanding windows
        begin there.

    Raises
    ------
    InputError
        Unless exactly one of ``market`` and ``instruments`` is given.
    DataError
        If the folder lacks the market or an instrument, or the dates hold no trading day.
    """
    if (market is None) == (instruments is None):
        raise InputError("market, instruments: expected one of them")
    provider = Provider(provider_uri)
    first, stop = provider.locate(start, end, "start..end")
    if market is not None:
        universe = provider.universe(market)
    else:
        universe = _listed(provider, instruments or ())
    return Bars(
        provider, universe.between(provider.calendar[first], provider.calendar[stop - 1]), first, stop
    )


def _listed(provider: Provider, instruments: Sequence[str]) -> Universe:
    """Return a universe of codes on all days."""
    if isinstance(instruments, str) or not instruments:
        raise InputError(f"instruments: got {instruments!r}, expected a list of codes")
    codes = [code.upper() for code in instruments]
    missing = [code for code in codes if code not in provider.folders]
    if missing:
        raise DataError(f"instruments: the data has no bars of {', '.join(missing)}")
    always = (provider.calendar[0], provider.calendar[-1])
    return Universe("instruments", dict.fromkeys(codes, (always,)))


def compute_features(
    panel: Bars,
    features: Literal["Alpha158", "Alpha360"] | Mapping[str, str],
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compute features, unprocessed.

    Parameters
    ----------
    panel
        From :func:`load_panel`.
    features
        A set of Qlib's, or column -> expression.
    columns
        Columns to compute, in this order; by default all. The rows do not depend on them.

    Returns
    -------
    DataFrame
        ``[R, F]`` float32 by (datetime, instrument), sorted. A row is a day of the universe between the first and the
        last bar of an instrument; NaN is a value that is missing or undefined.

    Raises
    ------
    InputError
        If the set or a column is unknown.
    ExpressionError
        If an expression is not in Qlib's language.
    DataError
        If there is no row.
    """
    expressions = _expressions(features)
    names = list(expressions) if columns is None else _chosen(columns, expressions)
    return feature_table(panel, expressions, names)


def _expressions(features: str | Mapping[str, str]) -> Mapping[str, str]:
    """Column -> expression."""
    if isinstance(features, Mapping):
        if not features:
            raise InputError("features: got an empty mapping, expected column -> expression")
        return features
    if features not in KNOWN_SETS:
        raise InputError(
            f"features: got {features!r}; {choices_hint(str(features), KNOWN_SETS)}; or column -> expression"
        )
    return KNOWN_SETS[features].columns


def _chosen(columns: Sequence[str], expressions: Mapping[str, str]) -> list[str]:
    if isinstance(columns, str) or len(columns) == 0 or len(set(columns)) < len(columns):
        raise InputError(f"columns: got {columns!r}, expected a list of different names")
    for name in columns:
        if name not in expressions:
            raise InputError(f"columns: got {name!r}; {choices_hint(name, expressions)}")
    return list(columns)
