"""Alpha158: nine candlestick shapes, four prices, and 29 rolling statistics over five windows.

Names, order and expressions are Qlib's. A feature set can choose other prices, volumes, windows and statistics with
the options of Qlib's ``Alpha158DL.get_feature_config``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from pydantic import Field, field_validator

from lstm_bench.config.section import Section
from lstm_bench.core.errors import choices_hint

__all__ = [
    "DEFAULT_PRICES", "DEFAULT_WINDOWS", "KBAR", "ROLLING", "Alpha158Options", "alpha158", "kbar", "price",
    "rolling", "volume",
]  # fmt: skip

DEFAULT_PRICES = ("OPEN", "HIGH", "LOW", "VWAP")
DEFAULT_WINDOWS = (5, 10, 20, 30, 60)

_RANGE = "($high-$low+1e-12)"
_TOP = "Greater($open, $close)"
_BOTTOM = "Less($open, $close)"

#: Shapes of one day's bar: its body, range and shadows over the open, or over the range.
KBAR: dict[str, str] = {
    "KMID": "($close-$open)/$open",
    "KLEN": "($high-$low)/$open",
    "KMID2": f"($close-$open)/{_RANGE}",
    "KUP": f"($high-{_TOP})/$open",
    "KUP2": f"($high-{_TOP})/{_RANGE}",
    "KLOW": f"({_BOTTOM}-$low)/$open",
    "KLOW2": f"({_BOTTOM}-$low)/{_RANGE}",
    "KSFT": "(2*$close-$high-$low)/$open",
    "KSFT2": f"(2*$close-$high-$low)/{_RANGE}",
}


def _gain(field: str) -> str:
    return f"Greater(${field}-Ref(${field}, 1), 0)"


def _loss(field: str) -> str:
    return f"Greater(Ref(${field}, 1)-${field}, 0)"


def _change(field: str) -> str:
    return f"(Sum(Abs(${field}-Ref(${field}, 1)), {{d}})+1e-12)"


_UP = "Mean($close>Ref($close, 1), {d})"
_DOWN = "Mean($close<Ref($close, 1), {d})"
_TURNOVER_MOVE = "Abs($close/Ref($close, 1)-1)*$volume"

#: Rolling statistics, ``{d}`` being the window, keyed as ``include`` and ``exclude`` name them.
ROLLING: dict[str, str] = {
    "ROC": "Ref($close, {d})/$close",
    "MA": "Mean($close, {d})/$close",
    "STD": "Std($close, {d})/$close",
    "BETA": "Slope($close, {d})/$close",
    "RSQR": "Rsquare($close, {d})",
    "RESI": "Resi($close, {d})/$close",
    "MAX": "Max($high, {d})/$close",
    "LOW": "Min($low, {d})/$close",
    "QTLU": "Quantile($close, {d}, 0.8)/$close",
    "QTLD": "Quantile($close, {d}, 0.2)/$close",
    "RANK": "Rank($close, {d})",
    "RSV": "($close-Min($low, {d}))/(Max($high, {d})-Min($low, {d})+1e-12)",
    "IMAX": "IdxMax($high, {d})/{d}",
    "IMIN": "IdxMin($low, {d})/{d}",
    "IMXD": "(IdxMax($high, {d})-IdxMin($low, {d}))/{d}",
    "CORR": "Corr($close, Log($volume+1), {d})",
    "CORD": "Corr($close/Ref($close,1), Log($volume/Ref($volume, 1)+1), {d})",
    "CNTP": _UP,
    "CNTN": _DOWN,
    "CNTD": f"{_UP}-{_DOWN}",
    "SUMP": f"Sum({_gain('close')}, {{d}})/{_change('close')}",
    "SUMN": f"Sum({_loss('close')}, {{d}})/{_change('close')}",
    "SUMD": f"(Sum({_gain('close')}, {{d}})-Sum({_loss('close')}, {{d}}))/{_change('close')}",
    "VMA": "Mean($volume, {d})/($volume+1e-12)",
    "VSTD": "Std($volume, {d})/($volume+1e-12)",
    "WVMA": f"Std({_TURNOVER_MOVE}, {{d}})/(Mean({_TURNOVER_MOVE}, {{d}})+1e-12)",
    "VSUMP": f"Sum({_gain('volume')}, {{d}})/{_change('volume')}",
    "VSUMN": f"Sum({_loss('volume')}, {{d}})/{_change('volume')}",
    "VSUMD": f"(Sum({_gain('volume')}, {{d}})-Sum({_loss('volume')}, {{d}}))/{_change('volume')}",
}

# Qlib's columns of ``LOW`` are called MIN5, MIN10, ...
_COLUMN = {"LOW": "MIN"}


def kbar() -> dict[str, str]:
    """Column -> expression of the candlestick shapes."""
    return dict(KBAR)


def price(windows: Sequence[int] = (0,), fields: Sequence[str] = DEFAULT_PRICES) -> dict[str, str]:
    """Column -> expression of the prices of ``windows`` days ago, over the latest close."""
    return {
        f"{field.upper()}{days_ago}": f"{_days_ago(field.lower(), days_ago)}/$close"
        for field in fields
        for days_ago in windows
    }


def volume(windows: Sequence[int]) -> dict[str, str]:
    """Column -> expression of the volumes of ``windows`` days ago, over the latest."""
    return {f"VOLUME{days_ago}": f"{_days_ago('volume', days_ago)}/($volume+1e-12)" for days_ago in windows}


def rolling(
    windows: Sequence[int] = DEFAULT_WINDOWS,
    include: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> dict[str, str]:
    """Column -> expression of the rolling statistics.

    ``include`` and ``exclude`` are keys of :data:`ROLLING`; all, unless ``include`` names some. Each statistic has
    a column for each window, in days.
    """
    return {
        f"{_COLUMN.get(key, key)}{days}": template.format(d=days)
        for key, template in ROLLING.items()
        if key not in exclude and (include is None or key in include)
        for days in windows
    }


def alpha158() -> dict[str, str]:
    """Column -> expression of the 158 columns, in Qlib's order."""
    return {**kbar(), **price(), **rolling()}


def _days_from(least: int) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    """Check numbers of days: at least ``least``, and distinct, because they name columns."""

    def check(days: tuple[int, ...]) -> tuple[int, ...]:
        if min(days, default=least) < least or len(set(days)) < len(days):
            raise ValueError(f"expected distinct numbers of days from {least} on")
        return days

    return check


class _Kbar(Section):
    """No options."""


class _Price(Section):
    windows: tuple[int, ...] = Field((0, 1, 2, 3, 4), description="days ago")
    feature: tuple[str, ...] = Field(
        ("OPEN", "HIGH", "LOW", "CLOSE", "VWAP"), description="fields of the bars"
    )

    @field_validator("feature")
    @classmethod
    def _fields(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not name.isidentifier():
                raise ValueError(f"got {name!r}, expected the name of a field such as OPEN")
        return names

    _check_windows = field_validator("windows")(_days_from(0))


class _Volume(Section):
    windows: tuple[int, ...] = Field((0, 1, 2, 3, 4), description="days ago")

    _check_windows = field_validator("windows")(_days_from(0))


class _Rolling(Section):
    windows: tuple[int, ...] = Field(DEFAULT_WINDOWS, description="days")
    include: tuple[str, ...] | None = Field(None, description="statistics; all if null")
    exclude: tuple[str, ...] = Field((), description="statistics to leave out")

    _check_windows = field_validator("windows")(_days_from(1))

    @field_validator("include", "exclude")
    @classmethod
    def _known(cls, keys: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for key in keys or ():
            if key not in ROLLING:
                raise ValueError(f"unknown statistic {key!r}; {choices_hint(key, ROLLING)}")
        return keys


class Alpha158Options(Section):
    """A selection of columns of Alpha158: the argument of Qlib's ``Alpha158DL.get_feature_config``, with its defaults.

    A missing group adds no columns; ``{}`` adds its default ones, which are five days for ``price`` and ``volume``.
    Qlib ignores unknown statistics; here they are refused.
    """

    kbar: _Kbar | None = Field(None, description="the nine shapes of a day's bar")
    price: _Price | None = Field(None, description="prices over the close")
    volume: _Volume | None = Field(None, description="volumes over the day's")
    rolling: _Rolling | None = Field(None, description="statistics over windows of days")

    def columns(self) -> dict[str, str]:
        """Column -> expression, in Qlib's order."""
        found: dict[str, str] = {}
        if self.kbar is not None:
            found |= kbar()
        if self.price is not None:
            found |= price(self.price.windows, self.price.feature)
        if self.volume is not None:
            found |= volume(self.volume.windows)
        if self.rolling is not None:
            found |= rolling(self.rolling.windows, self.rolling.include, self.rolling.exclude)
        return found


def _days_ago(field: str, days: int) -> str:
    return f"Ref(${field}, {days})" if days else f"${field}"
