"""Checks of a feature set: its expressions, and, if there are bars, its values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_bench.config.feature_set import FeatureSet
from lstm_bench.config.sections.handler import DEFAULT_LABEL, HandlerConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ExpressionError, choices_hint
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.guards import feature_leak, label_mistake
from lstm_bench.dataset.handler import read_table
from lstm_bench.features.expression import Expression, parse
from lstm_bench.features.nodes import Call, Node

__all__ = ["ColumnValues", "Finding", "check_texts", "check_values", "looks_back"]

Group = Literal["feature", "label"]

QLIB_FIELDS = ("open", "high", "low", "close", "volume", "vwap", "factor", "change")
"""Fields of Qlib's own daily data."""

_COLUMNS_AT_ONCE = 32


@dataclass(frozen=True)
class Finding:
    """A finding about one column."""

    group: Group
    column: str
    text: str  # description, to be read after the column's name
    is_wrong: bool = True  # False for a mere note


@dataclass(frozen=True)
class ColumnValues:
    """Statistics of a column's values."""

    group: Group
    column: str
    rows: int  # R, number of pairs (day, instrument)
    nan_share: float  # fractions of R
    infinite_share: float  # fractions of R
    is_constant: bool  # whether all finite values are equal

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for values that a model cannot learn from."""
        if self.nan_share == 1.0:
            yield Finding(self.group, self.column, "has no value on any row")
        elif self.is_constant:
            yield Finding(self.group, self.column, "is constant")
        if self.infinite_share:
            yield Finding(
                self.group,
                self.column,
                f"is infinite on {round(self.infinite_share * self.rows):,} of {counted(self.rows, 'row')}; guard the "
                "division, or use ProcessInf",
            )


def looks_back(expression: Expression) -> int | None:
    """Days of bars before a row's own that Qlib loads to compute its value; None for all days."""
    return None if _is_expanding(expression.root) else expression.left


def _is_expanding(node: Node) -> bool:
    return isinstance(node, Call) and (node.window == 0 or any(map(_is_expanding, node.operands)))


def check_texts(features: FeatureSet, fields: Collection[str] | None = None) -> list[Finding]:
    """Parse every expression, and check it.

    ``fields`` are those of the data. Without data (None), a field that Qlib's own data lacks is only a note.
    """
    findings: list[Finding] = []
    groups: dict[Group, Mapping[str, str]] = {"feature": features.columns, "label": features.labels or {}}
    for group, columns in groups.items():
        first: dict[Node, str] = {}
        for name, text in columns.items():
            try:
                expression = parse(text)
            except ExpressionError as error:
                findings.append(Finding(group, name, str(error)))
                continue
            findings += _unknown_fields(group, name, expression, fields)
            wrong = (feature_leak if group == "feature" else label_mistake)(expression)
            if wrong is not None:
                findings.append(Finding(group, name, wrong))
            same = first.setdefault(expression.root, name)
            if same != name:
                findings.append(Finding(group, name, f"is the same as {same}: {text}"))
    return findings


def _is_readable(text: str) -> bool:
    try:
        parse(text)
    except ExpressionError:
        return False
    return True


def _unknown_fields(
    group: Group, name: str, expression: Expression, fields: Collection[str] | None
) -> Iterator[Finding]:
    """Yield a finding for each field that the data lacks."""
    known = QLIB_FIELDS if fields is None else fields
    for field in expression.fields:
        if field not in known:
            where = "is not one of Qlib's own" if fields is None else "is not in any instrument's bars"
            text = f"the field ${field} {where}; {choices_hint(field, known)}"
            yield Finding(group, name, text, is_wrong=fields is not None)


def check_values(
    features: FeatureSet, provider: Provider, market: str, start: str | None = None, end: str | None = None
) -> list[ColumnValues]:
    """Compute all columns that can be parsed, and summarise their values.

    ``market``, ``start``, ``end``: of the rows, as for a handler. Raises DataError if the data has no such market or
    days, or no row. Raises ExpressionError if an operator is not defined for its operands.
    """
    groups: dict[Group, Mapping[str, str]] = {"feature": features.columns, "label": features.labels or {}}
    columns = [
        (group, name, text)
        for group, texts in groups.items()
        for name, text in texts.items()
        if _is_readable(text)
    ]
    if not columns:
        return []
    handler = HandlerConfig.model_validate(
        {
            "class": "Alpha158",
            "module_path": "qlib.contrib.data.handler",
            "kwargs": {"instruments": market, "label": [list(DEFAULT_LABEL.values()), ["LABEL0"]]},
        }
    ).with_columns({str(position): text for position, (_, _, text) in enumerate(columns)})
    begin, stop = provider.locate(start, end, "start..end")
    summaries = []
    for first in range(0, len(columns), _COLUMNS_AT_ONCE):
        part = range(first, min(first + _COLUMNS_AT_ONCE, len(columns)))
        table, _ = read_table(handler, provider, begin, stop, [str(position) for position in part])
        for column, position in enumerate(part):
            values = table.feature.column(column)
            finite = values[np.isfinite(values)]
            summaries.append(
                ColumnValues(
                    *columns[position][:2],
                    rows=len(values),
                    nan_share=float(np.isnan(values).mean()),
                    infinite_share=float(np.isinf(values).mean()),
                    is_constant=len(finite) > 0 and bool(finite.min() == finite.max()),
                )
            )
    return summaries
