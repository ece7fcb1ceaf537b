"""The universe of a handler: which instruments have rows on which days, after its filters."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.config.sections.universe import ExpressionFilter, FilteredMarket, NameFilter, TimeRangeConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Span, Universe
from lstm_bench.features.evaluation import evaluate_rows
from lstm_bench.features.expression import Expression, extent, parse
from lstm_bench.features.table import Rows

__all__ = ["instruments_of", "universe_of"]

logger = logging.getLogger("lstm_bench")


def instruments_of(universe: Universe, expressions: Iterable[Expression]) -> list[str]:
    """Codes to read bars of: the universe's, and those that expressions name; sorted."""
    elsewhere = {code for expression in expressions for code in expression.instruments}
    return sorted(elsewhere.union(universe.instruments))


def universe_of(config: HandlerConfig, provider: Provider) -> Universe:
    """Read the membership spans, and apply the handler's filters and instrument processors.

    Every day of explicitly listed instruments is theirs.

    Raises
    ------
    DataError
        Where there is no such market, a filter's days are none of the calendar's, or no instrument is left.
    ExpressionError
        Where a filter's rule is no expression.
    """
    universe = _before_filters(config, provider)
    for entry in config.filters:
        universe = _filtered(universe, entry, provider)
        if not universe.spans:
            raise DataError(f"filter_pipe: no instrument of {universe.name!r} passes {_rule(entry)!r}")
    for processor in config.instrument_processors:
        universe = _lasting(universe, processor, config, provider)
    return universe


def _before_filters(config: HandlerConfig, provider: Provider) -> Universe:
    match config.kwargs.instruments:
        case None:
            return provider.universe("all")
        case str() as market:
            return provider.universe(market)
        case FilteredMarket(market=market):
            return provider.universe(market)
        case Mapping() as spans:
            given = {
                code: tuple((np.datetime64(start, "D"), np.datetime64(end, "D")) for start, end in found)
                for code, found in spans.items()
            }
        case codes:
            always = (provider.calendar[0], provider.calendar[-1])
            given = dict.fromkeys(codes, (always,))
    read = {code.upper(): spans for code, spans in given.items()}
    missing = sorted(set(read) - set(provider.folders))
    if len(missing) == len(read):
        raise DataError(f"instruments: the data has no bars of {', '.join(missing) or 'an empty list'}")
    if missing:
        logger.warning("instruments: the data has no bars of %s; left out, as in Qlib", ", ".join(missing))
    return Universe("instruments", {code: spans for code, spans in read.items() if code not in missing})


def _rule(entry: NameFilter | ExpressionFilter) -> str:
    return entry.name_rule_re if isinstance(entry, NameFilter) else entry.rule_expression


def _filtered(universe: Universe, entry: NameFilter | ExpressionFilter, provider: Provider) -> Universe:
    """Take the days out of the spans on which a filter does not hold, between its first and its last day."""
    begin, end = _positions(provider, entry.filter_start_time, entry.filter_end_time)
    if begin >= end:
        raise DataError(
            f"filter_pipe: {_rule(entry)!r} is for {entry.filter_start_time}..{entry.filter_end_time}, which holds no "
            f"trading day of the data's calendar, {provider.calendar[0]}..{provider.calendar[-1]}"
        )
    codes = universe.instruments
    member = universe.member(provider.calendar, codes)
    if isinstance(entry, NameFilter):
        named = [re.match(entry.name_rule_re, code) is not None for code in codes]
        member[begin:end] &= np.asarray(named)
    else:
        _keep_where_true(member, entry, universe, provider, begin, end)
    spans = {code: _spans(member[:, i], provider.calendar) for i, code in enumerate(codes)}
    return Universe(universe.name, {code: found for code, found in spans.items() if found})


def _keep_where_true(
    member: npt.NDArray[np.bool_],
    entry: ExpressionFilter,
    universe: Universe,
    provider: Provider,
    begin: int,
    end: int,
) -> None:
    """Clear the cells of ``member`` ``[D, N]`` on whose days a rule gives 0.

    Qlib judges an instrument between the first and the last day on which it has a value; what it calls ``keep``
    decides about an instrument without one. NaN counts as true.
    """
    expression = parse(entry.rule_expression)
    codes = universe.instruments
    left, right = extent([expression])
    reach = max(begin - left, 0), min(end + right, len(provider.calendar))
    panel = provider.panel(instruments_of(universe, [expression]), expression.fields, *reach)
    own = np.searchsorted(panel.instruments, codes)
    positions = np.arange(begin - panel.offset, end - panel.offset)[:, None]
    there = np.zeros((end - begin, len(panel.instruments)), dtype=np.bool_, order="F")
    there[:, own] = member[begin:end]
    there &= (panel.first <= positions) & (positions <= panel.last)
    rows = Rows.of(there)
    holds = np.zeros(there.shape, dtype=np.bool_)
    if len(rows):
        values = evaluate_rows([expression], panel, begin - panel.offset, rows)[0]
        holds[rows.days, rows.instruments] = values != 0
    has_value = there.any(axis=0)
    days = np.arange(end - begin)[:, None]
    first, last = there.argmax(axis=0), end - begin - 1 - there[::-1].argmax(axis=0)
    judged = np.where(has_value, (first <= days) & (days <= last), not entry.keep)
    member[begin:end] &= (holds | ~judged)[:, own]


def _spans(member: npt.NDArray[np.bool_], days: npt.NDArray[np.datetime64]) -> tuple[Span, ...]:
    """Give the runs of true days, ``[D]``, as first and last day."""
    edges = np.diff(np.concatenate([[False], member, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple((days[start], days[stop - 1]) for start, stop in zip(starts, stops, strict=True))


def _lasting(
    universe: Universe, processor: TimeRangeConfig, config: HandlerConfig, provider: Provider
) -> Universe:
    """Keep the instruments whose rows begin on the first day at the latest, and end on the last at the earliest.

    Rows are those of the handler's whole span, whichever part of it a dataset needs.
    """
    start, end = processor.kwargs.start_time, processor.kwargs.end_time
    first, stop = _positions(provider, start, end)
    if first >= stop:
        raise DataError(
            f"inst_processors: TimeRangeFlt {start}..{end} holds no trading day of the data's calendar, "
            f"{provider.calendar[0]}..{provider.calendar[-1]}"
        )
    begin, finish = _positions(provider, config.kwargs.start_time, config.kwargs.end_time)
    texts = {"feature": config.features.values(), "label": config.label.expressions}
    kept: dict[str, set[str]] = {}
    for group, columns in texts.items():
        fields = sorted({field for text in columns for field in parse(text).fields})
        rows = _row_ends(universe, provider, fields, begin, finish)
        kept[group] = {
            code
            for code, (earliest, latest) in rows.items()
            if (start is None or earliest <= first) and (end is None or latest >= stop - 1)
        }
    apart = sorted(kept["feature"] ^ kept["label"])
    if apart:
        raise DataError(
            f"inst_processors: TimeRangeFlt keeps the label and not the features of {', '.join(apart)}, or the "
            "reverse, since their fields have bars on different days; choose days that all fields have"
        )
    if not kept["feature"]:
        raise DataError(
            f"inst_processors: TimeRangeFlt {start}..{end} leaves no instrument of {universe.name!r}"
        )
    return Universe(
        universe.name, {code: spans for code, spans in universe.spans.items() if code in kept["feature"]}
    )


def _row_ends(
    universe: Universe, provider: Provider, fields: list[str], begin: int, end: int
) -> dict[str, tuple[int, int]]:
    """Calendar positions of each instrument's first and last row, of those that have one."""
    panel = provider.panel(universe.instruments, fields, begin, end, needed=())
    positions = np.arange(end - begin)[:, None]
    rows = universe.member(panel.days, panel.instruments)
    rows &= (panel.first <= positions) & (positions <= panel.last)
    first, last = rows.argmax(axis=0) + begin, end - 1 - rows[::-1].argmax(axis=0)
    return {
        code: (int(first[i]), int(last[i])) for i, code in enumerate(panel.instruments) if rows[:, i].any()
    }


def _positions(provider: Provider, start: object, end: object) -> tuple[int, int]:
    """Calendar positions of a span of days, None for an end of the calendar; the end is exclusive."""
    calendar = provider.calendar
    begin = 0 if start is None else int(np.searchsorted(calendar, np.datetime64(str(start), "D")))
    if end is None:
        return begin, len(calendar)
    return begin, int(np.searchsorted(calendar, np.datetime64(str(end), "D"), side="right"))
