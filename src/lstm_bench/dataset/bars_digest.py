"""A digest of the bars that a dataset is computed from; it does not change when later days are added.

The fingerprint of a data folder changes with each added day. This digest covers only the bars that a dataset reads,
and can be computed again from a longer folder.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.values.day import parse_day
from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.handler import HandlerColumns, needed_features
from lstm_bench.dataset.universe import instruments_of, universe_of
from lstm_bench.features.expression import Expression, extent, parse

__all__ = ["BarsDigest"]


@dataclass(frozen=True)
class BarsDigest:
    """Digest of a dataset's bars and membership.

    If an instrument does not trade on the last days, later bars determine whether it has rows of NaN there. The digest
    does not depend on that.
    """

    # first and last day of the dataset's table
    start: str
    end: str
    through: str  # last day of the bars, which the labels of the last days need
    # hex digest over trading days, members and the values of all fields, including the days before ``start`` that
    # features need
    sha256: str

    @classmethod
    def of(cls, config: DatasetConfig, provider: Provider, begin: int, end: int) -> BarsDigest:
        """Read the bars of a dataset whose table has the calendar positions ``begin..end`` (end exclusive)."""
        _, right = extent(_expressions(config))
        stop = min(end + right, len(provider.calendar))
        start, last, through = (str(provider.calendar[i]) for i in (begin, end - 1, stop - 1))
        return cls(start, last, through, _sha256(config, provider, begin, end, stop))

    @classmethod
    def from_json(cls, content: Any) -> BarsDigest:
        """Read the output of :meth:`to_json`.

        Raises DataError if the content has another form.
        """
        if not isinstance(content, dict) or set(content) != {"start", "end", "through", "sha256"}:
            raise DataError(f"bars: got {value_with_kind(content)}, expected start, end, through and sha256")
        for key in ("start", "end", "through"):
            try:
                parse_day(content[key])
            except ValueError as error:
                raise DataError(f"bars.{key}: {error}") from error
        return cls(**{key: str(value) for key, value in content.items()})

    def to_json(self) -> dict[str, str]:
        """Return plain data for JSON."""
        return asdict(self)

    def is_of(self, config: DatasetConfig, provider: Provider) -> bool:
        """Whether a data folder has the same bars for the same dataset. It may have other days, too."""
        days = provider.calendar
        bounds = np.asarray([self.start, self.end, self.through], dtype="datetime64[D]")
        begin, last, through = (int(i) for i in np.searchsorted(days, bounds))
        if max(begin, last, through) >= len(days) or not np.array_equal(days[[begin, last, through]], bounds):
            return False
        return self.sha256 == _sha256(config, provider, begin, last + 1, through + 1)


def _expressions(config: DatasetConfig) -> list[Expression]:
    """Expressions that the dataset computes: the needed features and the label."""
    columns = HandlerColumns.of(config.kwargs.handler)
    names = needed_features(config.kwargs.handler)
    return [parse(text) for text in (*(columns.features[name] for name in names), columns.label[1])]


def _sha256(config: DatasetConfig, provider: Provider, begin: int, end: int, stop: int) -> str:
    """Digest of the table on ``begin..end``, with bars up to ``stop`` (both exclusive)."""
    handler, days = config.kwargs.handler, provider.calendar
    expressions = _expressions(config)
    left, _ = extent(expressions)
    universe = universe_of(handler, provider).between(days[begin], days[end - 1])
    codes = instruments_of(universe, expressions)
    fields = HandlerColumns.of(handler).fields
    panel = provider.panel(codes, fields, max(begin - left, 0), stop, needed=())
    digest = hashlib.sha256("\n".join(panel.instruments).encode())
    digest.update(panel.days.astype("<i8").tobytes())
    digest.update(universe.member(days[begin:end], panel.instruments).tobytes(order="F"))
    for field in sorted(panel.fields):
        values = panel.fields[field]
        canonical = np.where(np.isnan(values), np.float32(np.nan), values)  # NaN has many bit patterns
        digest.update(field.encode())
        digest.update(canonical.astype("<f4", copy=False).tobytes(order="F"))
    return digest.hexdigest()
