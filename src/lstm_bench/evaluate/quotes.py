"""What a backtest reads from the data: the exchange's quotes and the benchmark's return."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lstm_bench.config.backtest import PortAnalysisConfig
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Universe
from lstm_bench.errors import DataError, InputError, choices_hint

__all__ = ["load_benchmark", "load_quotes", "place", "quote_fields", "quote_span", "tradable"]


def quote_fields(config: PortAnalysisConfig) -> tuple[str, ...]:
    """Fields of the bars that a backtest needs, sorted; ``config`` is resolved for its region."""
    exchange = config.backtest.exchange_kwargs
    fields = {"close", *exchange.prices}
    if exchange.limit_threshold is not None:
        fields.add("change")
    if exchange.trade_unit is not None:
        fields.add("factor")
    if exchange.impact_cost > 0:
        fields.add("volume")
    return tuple(sorted(fields))


def quote_span(
    provider: Provider, config: PortAnalysisConfig, scored: npt.NDArray[np.datetime64]
) -> tuple[int, int]:
    """Calendar positions ``(begin, end)``, end exclusive, of the quotes that a backtest needs.

    They start a day before the first trading day, where the calendar has one, for that day has the first
    signal. The trading days are those of ``config``; where it leaves them open, from the first of the days
    ``scored`` to the day after the last.

    Raises
    ------
    DataError
        Where no trading day of the calendar is left.
    """
    start, stop = config.backtest.start_time, config.backtest.end_time
    if len(scored) == 0 and (start is None or stop is None):
        raise DataError("backtest: no day has a score, expected one or start_time and end_time")
    first, last = (scored[0] if start is None else start), (scored[-1] if stop is None else stop)
    begin, end = provider.locate(first, last, "backtest")
    if stop is None:
        end = min(end + 1, len(provider.calendar))
    return max(begin - 1, 0), end


def load_quotes(
    provider: Provider, config: PortAnalysisConfig, begin: int, end: int, instruments: Collection[str] = ()
) -> Panel:
    """Read the exchange's quotes.

    Parameters
    ----------
    provider, config
    begin, end
        Calendar positions, end exclusive; ``begin`` should be the day before the first trading day.
    instruments
        Codes to have a column in any case, such as all that have a score.

    Returns
    -------
    Panel
        The instruments of the market ``exchange_kwargs.codes`` and ``instruments``; NaN outside the market's
        spans, where nothing can be traded.

    Raises
    ------
    DataError
        Where the data has no such market, or no instrument has the field to deal at.
    """
    listed = tradable(provider, config)
    days = provider.calendar[begin:end]
    codes = sorted({*listed.between(days[0], days[-1]).instruments, *instruments})
    panel = provider.panel(codes, quote_fields(config), begin, end)
    unlisted = ~listed.member(panel.days, panel.instruments)
    fields = {name: np.where(unlisted, np.float32(np.nan), values) for name, values in panel.fields.items()}
    return replace(panel, fields=fields)


def tradable(provider: Provider, config: PortAnalysisConfig) -> Universe:
    """Look up the market that a backtest trades in.

    Raises
    ------
    DataError
        Where the data has no such market, or no instrument has the field to deal at.
    """
    for price in config.backtest.exchange_kwargs.prices:
        if price not in provider.fields:  # all NaN, it would silently be the close
            raise DataError(
                f"exchange_kwargs.deal_price: the data has no field {price!r}; "
                f"{choices_hint(price, provider.fields)}"
            )
    return provider.universe(config.backtest.exchange_kwargs.codes)


def load_benchmark(
    provider: Provider, benchmark: str | Sequence[str], begin: int, end: int
) -> npt.NDArray[np.float32]:
    """Daily return of the benchmark, ``[T]`` float32: close over the close of the day before, less 1.

    Of several codes it is the mean over those that have a return that day; 0 where none has.

    Raises
    ------
    DataError
        Where the data has no such code, or no close of it in the span.
    """
    codes = [code.upper() for code in ((benchmark,) if isinstance(benchmark, str) else benchmark)]
    for code in codes:
        if code not in provider.folders:
            near = choices_hint(code, provider.folders).split("choices:")[0].strip()
            raise DataError(f"benchmark: the data has no instrument {code!r}{'; ' if near else ''}{near}")
    earlier = max(begin - 1, 0)
    close = provider.panel(codes, ["close"], earlier, end).fields["close"]
    if np.isnan(close[begin - earlier :]).all():
        span = f"{provider.calendar[begin]}..{provider.calendar[end - 1]}"
        raise DataError(f"benchmark: {', '.join(codes)} has no close on {span}")
    returns = np.full_like(close, np.nan)
    returns[1:] = close[1:] / close[:-1] - np.float32(1)
    known = ~np.isnan(returns)
    total = np.where(known, returns, np.float32(0)).sum(axis=1)
    mean: npt.NDArray[np.float32] = (total / np.maximum(known.sum(axis=1), 1)).astype(np.float32)
    return mean[begin - earlier :]


def place(
    score: npt.NDArray[np.floating],
    days: npt.NDArray[np.datetime64],
    instruments: Sequence[str],
    quotes: Panel,
) -> npt.NDArray[np.floating]:
    """Put scores ``[T', N']`` of ``days`` and ``instruments`` on those of ``quotes``: ``[T, N]``.

    Scores of days that ``quotes`` does not have are left out; what has no score is NaN.

    Raises
    ------
    InputError
        Where the shape does not fit, or an instrument has no column in ``quotes``.
    """
    if score.shape != (len(days), len(instruments)):
        raise InputError(f"score: got the shape {score.shape}, expected {(len(days), len(instruments))}")
    position = {code: j for j, code in enumerate(quotes.instruments)}
    absent = [code for code in instruments if code not in position]
    if absent:
        raise InputError(f"quotes: no column for {len(absent)} scored instruments, such as {absent[0]!r}")
    columns = np.asarray([position[code] for code in instruments], dtype=np.int64)
    rows = np.searchsorted(quotes.days, days)
    inside = rows < len(quotes.days)
    inside[inside] = quotes.days[rows[inside]] == days[inside]
    placed = np.full(quotes.shape, np.nan, dtype=score.dtype)
    placed[np.ix_(rows[inside], columns)] = score[inside]
    return placed
