"""The universe of a handler: its instruments and their days, after filters."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping

import numpy as np

from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.config.sections.universe import ExpressionFilter, FilteredMarket, NameFilter, TimeRangeConfig
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Bools, Days
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Span, Universe
from lstm_bench.dataset.segments import span_of
from lstm_bench.features.evaluation import evaluate_rows
from lstm_bench.features.expression import Expression, extent, parse
from lstm_bench.features.table import Rows

__all__ = ["instruments_of", "universe_of"]

logger = logging.getLogger("lstm_bench")


def instruments_of(universe: Universe, expressions: Iterable[Expression]) -> list[str]:
    """Codes whose bars are needed: the universe's, and those that expressions name; sorted."""
    named = {code for expression in expressions for code in expression.instruments}
    return sorted(named.union(universe.instruments))


def universe_of(config: HandlerConfig, provider: Provider) -> Universe:
    """Read the membership spans, and apply the handler's filters and instrument processors.

    Explicitly listed instruments are members on all days.

    Raises DataError if there is no such market, a filter's days are not in the calendar, or no instrument is left.
    Raises ExpressionError if a filter's rule is not an expression.
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
            listed = {
                code: tuple(
                    (np.datetime64(start, "D"), np.datetime64(end, "D")) for start, end in listed_spans
                )
                for code, listed_spans in spans.items()
            }
        case codes:
            always = (provider.calendar[0], provider.calendar[-1])
            listed = dict.fromkeys(codes, (always,))
    spans_of = {code.upper(): spans for code, spans in listed.items()}
    missing = sorted(set(spans_of) - set(provider.folders))
    if len(missing) == len(spans_of):
        raise DataError(f"instruments: the data has no bars of {', '.join(missing) or 'an empty list'}")
    if missing:
        logger.warning("instruments: the data has no bars of %s; left out, as in Qlib", ", ".join(missing))
    return Universe("instruments", {code: spans for code, spans in spans_of.items() if code not in missing})


def _rule(entry: NameFilter | ExpressionFilter) -> str:
    return entry.name_rule_re if isinstance(entry, NameFilter) else entry.rule_expression


def _filtered(universe: Universe, entry: NameFilter | ExpressionFilter, provider: Provider) -> Universe:
    """Remove the days between a filter's first and last day on which it does not hold."""
    begin, end = span_of(provider.calendar, entry.filter_start_time, entry.filter_end_time)
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
    return Universe(universe.name, {code: runs for code, runs in spans.items() if runs})


def _keep_where_true(
    member: Bools, entry: ExpressionFilter, universe: Universe, provider: Provider, begin: int, end: int
) -> None:
    """Clear the cells of ``member [D, N]`` in which a rule is 0.

    Qlib applies the rule to an instrument between the first and the last day on which it has a value; its option
    ``keep`` applies to other days, and to instruments without a value. NaN counts as true.
    """
    expression = parse(entry.rule_expression)
    codes = universe.instruments
    left, right = extent([expression])
    reach = max(begin - left, 0), min(end + right, len(provider.calendar))
    panel = provider.panel(instruments_of(universe, [expression]), expression.fields, *reach)
    columns = np.searchsorted(panel.instruments, codes)
    present = np.zeros((end - begin, len(panel.instruments)), dtype=np.bool_, order="F")
    present[:, columns] = member[begin:end]
    present &= panel.has_row(begin - panel.offset, end - begin)
    rows = Rows.of(present)
    holds = np.zeros(present.shape, dtype=np.bool_)
    if len(rows):
        values = evaluate_rows([expression], panel, begin - panel.offset, rows)[0]
        holds[rows.days, rows.instruments] = values != 0
    has_value = present.any(axis=0)
    days = np.arange(end - begin)[:, None]
    first, last = present.argmax(axis=0), end - begin - 1 - present[::-1].argmax(axis=0)
    judged = np.where(has_value, (first <= days) & (days <= last), not entry.keep)
    member[begin:end] &= (holds | ~judged)[:, columns]


def _spans(member: Bools, days: Days) -> tuple[Span, ...]:
    """First and last day of each run of true days of ``member [D]``."""
    edges = np.diff(np.concatenate([[False], member, [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple((days[start], days[stop - 1]) for start, stop in zip(starts, stops, strict=True))


def _lasting(
    universe: Universe, processor: TimeRangeConfig, config: HandlerConfig, provider: Provider
) -> Universe:
    """Keep the instruments whose rows begin by the first day of ``TimeRangeFlt`` and do not end before its last.

    Rows are those of the handler's whole span, even if a dataset needs only a part of it.
    """
    start, end = processor.kwargs.start_time, processor.kwargs.end_time
    first, stop = span_of(provider.calendar, start, end)
    if first >= stop:
        raise DataError(
            f"inst_processors: TimeRangeFlt {start}..{end} holds no trading day of the data's calendar, "
            f"{provider.calendar[0]}..{provider.calendar[-1]}"
        )
    begin, finish = span_of(provider.calendar, config.kwargs.start_time, config.kwargs.end_time)
    texts = {"feature": config.features.values(), "label": config.label.expressions}
    lasting: dict[str, set[str]] = {}
    for group, columns in texts.items():
        fields = sorted({field for text in columns for field in parse(text).fields})
        rows = _row_ends(universe, provider, fields, begin, finish)
        lasting[group] = {
            code
            for code, (earliest, latest) in rows.items()
            if (start is None or earliest <= first) and (end is None or latest >= stop - 1)
        }
    partial = sorted(lasting["feature"] ^ lasting["label"])
    if partial:
        raise DataError(
            f"inst_processors: TimeRangeFlt keeps the label and not the features of {', '.join(partial)}, or the "
            "reverse, since their fields have bars on different days; choose days that all fields have"
        )
    if not lasting["feature"]:
        raise DataError(
            f"inst_processors: TimeRangeFlt {start}..{end} leaves no instrument of {universe.name!r}"
        )
    return Universe(
        universe.name, {code: spans for code, spans in universe.spans.items() if code in lasting["feature"]}
    )


def _row_ends(
    universe: Universe, provider: Provider, fields: list[str], begin: int, end: int
) -> dict[str, tuple[int, int]]:
    """Calendar positions of the first and last row of each instrument that has rows."""
    panel = provider.panel(universe.instruments, fields, begin, end, needed=())
    rows = universe.member(panel.days, panel.instruments) & panel.has_row(0, end - begin)
    first, last = rows.argmax(axis=0) + begin, end - 1 - rows[::-1].argmax(axis=0)
    return {
        code: (int(first[i]), int(last[i])) for i, code in enumerate(panel.instruments) if rows[:, i].any()
    }
