"""Short digests of the parts of used data, which show what changed."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.data.panel import Panel

__all__ = ["DigestBuilder", "Outline"]

_SHOWN = 3
_CELL = 6
"""Hex digits of a short digest: enough to see most changes, not to prove that there is none."""


@dataclass(frozen=True)
class Outline:
    """Short digests of the parts of used data.

    Attributes
    ----------
    spans : kind of days -> first and last
    days, members : short digests of the trading days, and of the universe's members on them
    stocks : code -> short digest of its bars
    months : ``2015-03`` -> short digest of all its bars
    """

    spans: Mapping[str, tuple[str, str]]
    days: str
    members: str
    stocks: Mapping[str, str]
    months: Mapping[str, str]

    def to_text(self) -> str:
        """Return it as a line of text."""
        return base64.b85encode(zlib.compress(json.dumps(asdict(self)).encode(), 9)).decode()

    @classmethod
    def from_text(cls, text: str) -> Outline:
        """Read the text of :meth:`to_text`."""
        content = json.loads(zlib.decompress(base64.b85decode(text)))
        spans = {name: (str(first), str(last)) for name, (first, last) in content.pop("spans").items()}
        return cls(spans=spans, **content)

    def differences(self, other: Outline) -> list[str]:
        """Describe the differences of ``other`` in phrases; none if the short digests agree."""
        found = []
        for name in self.spans:
            if other.spans.get(name) != self.spans[name]:
                before, after = self.spans[name], other.spans.get(name, ("nothing", "nothing"))
                found.append(f"the {name} were {before[0]}..{before[1]}, and are {after[0]}..{after[1]}")
        named = {"days": "the trading days", "members": "the universe's members"}
        found += [
            f"{what} changed" for name, what in named.items() if getattr(self, name) != getattr(other, name)
        ]
        for what, codes in (("no longer there", self.stocks.keys() - other.stocks.keys()),
                             ("new on these days", other.stocks.keys() - self.stocks.keys())):  # fmt: skip
            if codes:
                found.append(f"{_listed(codes, 'stock')} {'is' if len(codes) == 1 else 'are'} {what}")
        changed = [code for code, cell in self.stocks.items() if other.stocks.get(code, cell) != cell]
        if changed:
            months = [month for month, cell in self.months.items() if other.months.get(month) != cell]
            span = "" if not months else f" in {months[0]}" if len(months) == 1 else (
                f" in {len(months)} months from {months[0]} to {months[-1]}"
            )  # fmt: skip
            found.append(f"the bars of {_listed(changed, 'stock')} changed{span}")
        return found


class DigestBuilder:
    """Digests used data as a whole, and by stock and month."""

    def __init__(self) -> None:
        self._days: set[np.datetime64] = set()
        self._whole = hashlib.sha256()
        self._stocks: dict[str, Any] = {}
        self._months: dict[str, Any] = {}

    def add_days(self, days: npt.NDArray[np.datetime64]) -> None:
        """Add trading days."""
        self._days.update(days)

    def add_panel(self, what: str, panel: Panel) -> None:
        """Add all bars of a panel. A panel without instruments changes the digest, too."""
        self._whole.update(
            f"{what} {','.join(sorted(panel.fields))} {panel.days[0]} {panel.days[-1]}\n".encode()
        )
        months = panel.days.astype("datetime64[M]")
        starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
        values = {
            name: np.where(np.isnan(panel.fields[name]), np.float32(np.nan), panel.fields[name]).astype("<f4")
            for name in sorted(panel.fields)
        }
        for column, code in enumerate(panel.instruments):
            # the NaNs do not show the first and last row, nor which fields exist
            place = f"{panel.first[column]} {panel.last[column]} {[bool(panel.present[f][column]) for f in values]}"
            digest = hashlib.sha256(f"{what} {place}\n".encode())
            for array in values.values():
                digest.update(np.ascontiguousarray(array[:, column]).tobytes())
            self._whole.update(f"{code} {digest.hexdigest()}\n".encode())
            _of(self._stocks, code).update(digest.digest())
        for begin, end in zip(starts, [*starts[1:], len(months)], strict=True):
            month = _of(self._months, str(months[begin]))
            for array in values.values():
                month.update(np.ascontiguousarray(array[begin:end]).tobytes())

    def finish(
        self,
        spans: Mapping[str, tuple[str, str]],
        members: npt.NDArray[np.bool_],
    ) -> tuple[str, Outline]:
        """Return the digest of everything, 64 hex digits of SHA-256, and the outline."""
        days = np.sort(np.asarray(list(self._days), dtype="datetime64[D]"))
        parts = {
            "days": days.astype("<i8").tobytes(),
            "members": np.asarray(members.shape, dtype="<i8").tobytes() + members.tobytes(order="F"),
        }
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
        self._whole.update(json.dumps([spans, digests], sort_keys=True).encode())
        outline = Outline(
            spans=spans,
            **{name: digest[:_CELL] for name, digest in digests.items()},
            stocks={code: one.hexdigest()[:_CELL] for code, one in self._stocks.items()},
            months={month: one.hexdigest()[:_CELL] for month, one in self._months.items()},
        )
        return self._whole.hexdigest(), outline


def _of(digests: dict[str, Any], key: str) -> Any:
    return digests.setdefault(key, hashlib.sha256())


def _listed(codes: Iterable[str], noun: str) -> str:
    known = sorted(codes)
    shown = ", ".join(known[:_SHOWN])
    return shown if len(known) <= _SHOWN else f"{len(known)} {noun}s, such as {shown},"
