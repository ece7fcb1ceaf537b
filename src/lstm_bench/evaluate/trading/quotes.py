"""The data of a backtest: the exchange's quotes and the benchmark's return."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from lstm_bench.config.sections.backtest import CSI300, PortAnalysisConfig
from lstm_bench.config.sections.universe import WholeMarket
from lstm_bench.core.errors import DataError, ExpressionError, InputError, choices_hint
from lstm_bench.data.arrays import Days, Floats32, Reals
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Universe
from lstm_bench.features.evaluation import evaluate
from lstm_bench.features.expression import extent, parse

__all__ = [
    "benchmark_universe", "load_benchmark", "load_quotes", "place", "quote_fields", "quote_span",
    "tradable_universe", "with_exchange_days",
]  # fmt: skip


_BENCHMARK = "benchmark"


def quote_fields(config: PortAnalysisConfig) -> tuple[str, ...]:
    """Fields and expressions that a backtest reads, sorted; ``config`` is resolved for its region."""
    exchange = config.backtest.exchange_kwargs
    needed = {"close", *exchange.prices, *exchange.volume_limits("buy"), *exchange.volume_limits("sell")}
    if isinstance(exchange.limit_threshold, tuple):
        needed |= set(exchange.limit_threshold)
    elif exchange.limit_threshold is not None:
        needed.add("change")
    if exchange.trade_unit is not None:
        needed.add("factor")
    if exchange.impact_cost > 0:
        needed.add("volume")
    return tuple(sorted(needed))


def quote_span(provider: Provider, config: PortAnalysisConfig, scored: Days) -> tuple[int, int]:
    """Calendar positions ``(begin, end)``, end exclusive, of the quotes that a backtest needs.

    Quotes start a day before the first trading day, if the calendar has one, because that day has the first signal.
    The trading days are those of ``config``, by default from the first day of ``scored`` to the day after its last.
    The exchange's own days are included.

    Raises DataError if no trading day of the calendar is left.
    """
    start, stop = config.backtest.start_time, config.backtest.end_time
    if len(scored) == 0 and (start is None or stop is None):
        raise DataError("backtest: no day has a score, expected one or start_time and end_time")
    first, last = (scored[0] if start is None else start), (scored[-1] if stop is None else stop)
    begin, end = provider.locate(first, last, "backtest")
    if stop is None:
        end = min(end + 1, len(provider.calendar))
    return with_exchange_days(provider, config, max(begin - 1, 0), end)


def with_exchange_days(
    provider: Provider, config: PortAnalysisConfig, begin: int, end: int
) -> tuple[int, int]:
    """Widen calendar positions to the exchange's own days: a missing factor on any of them disables rounding."""
    exchange = config.backtest.exchange_kwargs
    if exchange.start_time is not None:
        begin = min(begin, int(np.searchsorted(provider.calendar, np.datetime64(exchange.start_time, "D"))))
    if exchange.end_time is not None:
        last_quoted = np.datetime64(exchange.end_time, "D")
        end = max(end, int(np.searchsorted(provider.calendar, last_quoted, side="right")))
    return begin, end


def load_quotes(
    provider: Provider, config: PortAnalysisConfig, begin: int, end: int, instruments: Collection[str] = ()
) -> Panel:
    """Read the exchange's quotes.

    ``begin`` should be the day before the first trading day, ``end`` is exclusive. All ``instruments`` get a column,
    such as all that have a score. Returns the instruments that ``exchange_kwargs.codes`` names, those that the
    account holds, and ``instruments``. Values are NaN where nothing can be traded: outside the market's spans, and
    outside the exchange's days. Its fields are those of :func:`quote_fields`; an expression is named by its text.
    Raises DataError if the data has no such market, or no instrument has the field to deal at. Raises ExpressionError
    if an expression is not in the language.
    """
    listed = tradable_universe(provider, config)
    days = provider.calendar[begin:end]
    held = config.backtest.holdings
    codes = sorted({*listed.between(days[0], days[-1]).instruments, *instruments, *held})
    panel = _evaluated(provider, codes, quote_fields(config), begin, end)
    absent = ~listed.member(panel.days, panel.instruments)
    exchange = config.backtest.exchange_kwargs
    if exchange.start_time is not None:
        absent |= (days < np.datetime64(exchange.start_time, "D"))[:, None]
    if exchange.end_time is not None:
        absent |= (days > np.datetime64(exchange.end_time, "D"))[:, None]
    fields = {name: np.where(absent, np.float32(np.nan), values) for name, values in panel.fields.items()}
    return replace(panel, fields=fields)


def _evaluated(
    provider: Provider, codes: Sequence[str], columns: Sequence[str], begin: int, end: int
) -> Panel:
    """Read fields, and evaluate expressions on the days that they reach."""
    names = [column for column in columns if column.isidentifier()]
    panel = provider.panel(codes, names, begin, end)
    expressions = [parse(column) for column in columns if not column.isidentifier()]
    if not expressions:
        return panel
    left, right = extent(expressions)
    first, last = max(begin - left, 0), min(end + right, len(provider.calendar))
    fields = sorted({field for expression in expressions for field in expression.fields})
    others = {code for expression in expressions for code in expression.instruments}
    bars = provider.panel(sorted({*codes, *others}), fields, first, last)
    values = evaluate(expressions, bars, begin - first, end - first)
    columns_of = [bars.instruments.index(code) for code in panel.instruments]
    evaluated = {
        expression.text: np.asfortranarray(values[i][:, columns_of])
        for i, expression in enumerate(expressions)
    }
    return replace(panel, fields={**panel.fields, **evaluated}, present={})


def tradable_universe(provider: Provider, config: PortAnalysisConfig) -> Universe:
    """Look up the instruments that a backtest trades, and check that the data has the fields that it needs.

    Raises DataError if the data has no such market, lacks a code that is named or that the account holds, or lacks a
    field for deal prices, volumes or limits. Raises ExpressionError if an expression is not in the language.
    """
    exchange = config.backtest.exchange_kwargs
    stops = exchange.limit_threshold if isinstance(exchange.limit_threshold, tuple) else ()
    required = {
        "deal_price": exchange.prices,
        "volume_threshold": (*exchange.volume_limits("buy"), *exchange.volume_limits("sell")),
        "limit_threshold": stops,
    }
    for key, columns in required.items():
        for column in columns:
            for field in _fields_of(column, key):
                if field not in provider.fields:  # all NaN, it would silently mean the close, or no limit
                    raise DataError(
                        f"exchange_kwargs.{key}: the data has no field {field!r}; "
                        f"{choices_hint(field, provider.fields)}"
                    )
    for code in config.backtest.holdings:
        _check_code(provider, code, "backtest.account")
    return _universe(provider, exchange.codes, "exchange_kwargs.codes")


def _fields_of(column: str, key: str) -> tuple[str, ...]:
    if column.isidentifier():
        return (column,)
    try:
        return parse(column).fields
    except ExpressionError as error:
        raise ExpressionError(f"exchange_kwargs.{key}: {error}") from error


def _universe(provider: Provider, codes: str | Sequence[str] | WholeMarket, where: str) -> Universe:
    """Members of a market, or the codes of a list on all days; all instruments if the list is empty, as in Qlib."""
    if isinstance(codes, str | WholeMarket):
        return provider.universe(codes if isinstance(codes, str) else codes.market)
    if not codes:
        return provider.universe("all")
    names = [code.upper() for code in codes]
    for code in names:
        _check_code(provider, code, where)
    return Universe(where, dict.fromkeys(names, ((provider.calendar[0], provider.calendar[-1]),)))


def _check_code(provider: Provider, code: str, where: str) -> None:
    if code in provider.folders:
        return
    lacks = f"{where}: the data has no instrument {code!r}"
    if where == _BENCHMARK and code == CSI300:
        lacks += " (Qlib's default)"
    near = choices_hint(code, provider.folders).split("choices:")[0].strip()
    lacks += f"; {near}" if near else "."
    if where == _BENCHMARK:
        lacks += " Set backtest.benchmark, in the config of PortAnaRecord, to a code of the data."
    raise DataError(lacks)


def benchmark_universe(provider: Provider, benchmark: str | Sequence[str] | WholeMarket | None) -> Universe:
    """Instruments whose mean return is the benchmark's, and their days; None is Qlib's default, SH000300.

    Raises DataError if the data has no such market or code.
    """
    benchmark = benchmark or CSI300
    return _universe(provider, (benchmark,) if isinstance(benchmark, str) else benchmark, _BENCHMARK)


def load_benchmark(
    provider: Provider, benchmark: str | Sequence[str] | WholeMarket | None, begin: int, end: int
) -> Floats32:
    """Daily return of the benchmark, ``[T]`` float32: close over the close of the day before, minus 1.

    For several codes or a market, it is the mean over those that have a return that day, or 0 if none has. None is
    Qlib's default, SH000300.

    Raises DataError if the data has no such market or code, or no close of it in the span.
    """
    listed = benchmark_universe(provider, benchmark)
    codes = listed.instruments
    earlier = max(begin - 1, 0)
    panel = provider.panel(codes, ["close"], earlier, end)
    close = panel.fields["close"]
    if np.isnan(close[begin - earlier :]).all():
        span = f"{provider.calendar[begin]}..{provider.calendar[end - 1]}"
        raise DataError(f"benchmark: {', '.join(codes[:5])} has no close on {span}")
    returns = np.full_like(close, np.nan)
    returns[1:] = close[1:] / close[:-1] - np.float32(1)
    known = ~np.isnan(returns) & listed.member(panel.days, panel.instruments)
    total = np.where(known, returns, np.float32(0)).sum(axis=1)
    mean: Floats32 = (total / np.maximum(known.sum(axis=1), 1)).astype(np.float32)
    return mean[begin - earlier :]


def place(score: Reals, days: Days, instruments: Sequence[str], quotes: Panel) -> Reals:
    """Arrange scores ``[T', N']`` of ``days`` and ``instruments`` on those of ``quotes``: ``[T, N]``.

    Scores of days that ``quotes`` lacks are left out; cells without a score are NaN.

    Raises InputError if the shape does not fit, or an instrument has no column in ``quotes``.
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
