"""The synthetic market, judged by the files that it writes."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.layout import SYNTHETIC
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import BENCHMARK, LAST_DAY, MARKET, synthesize

FIELDS = ("open", "high", "low", "close", "volume", "factor", "change")
QLIB_LIMIT = 0.095
"""Qlib's ``limit_threshold`` for China: a change beyond it cannot be traded."""

Floats = npt.NDArray[np.float32]
Span = tuple[str, str]


@dataclass(frozen=True)
class Market:
    """The content of a folder, read without the package."""

    calendar: list[str]
    spans: dict[str, list[Span]]
    listed: dict[str, list[Span]]
    bars: dict[str, dict[str, Floats]]
    """code -> field -> ``[D]``, NaN before the first and after the last bar."""

    def close(self, code: str) -> Floats:
        return self.bars[code]["close"]

    def first(self, code: str) -> int:
        return int(np.flatnonzero(np.isfinite(self.close(code)))[0])

    def last(self, code: str) -> int:
        return int(np.flatnonzero(np.isfinite(self.close(code)))[-1])

    def is_member(self, code: str, t: int) -> bool:
        return any(first <= self.calendar[t] <= last for first, last in self.spans.get(code, ()))


def read_spans(path: Path) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = {}
    for line in path.read_text().splitlines():
        code, first, last = line.split("\t")
        spans.setdefault(code, []).append((first, last))
    return spans


def read(folder: Path) -> Market:
    calendar = (folder / "calendars/day.txt").read_text().split()
    bars: dict[str, dict[str, Floats]] = {}
    for code in (path.name for path in (folder / "features").iterdir()):
        bars[code.upper()] = {}
        for field in FIELDS:
            begin, *values = np.fromfile(folder / f"features/{code}/{field}.day.bin", "<f4")
            row = np.full(len(calendar), np.nan, np.float32)
            row[int(begin) : int(begin) + len(values)] = values
            bars[code.upper()][field] = row
    instruments = folder / "instruments"
    return Market(
        calendar, read_spans(instruments / f"{MARKET}.txt"), read_spans(instruments / "all.txt"), bars
    )


@pytest.fixture(
    scope="module",
    params=[(12, 250, 0), (60, 500, 0), (60, 500, 7), (30, 1500, 1)],
    ids=lambda p: "stocks{}-days{}-seed{}".format(*p),
)
def market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Market:
    stocks, days, seed = request.param
    out = tmp_path_factory.mktemp("synthetic") / "market"
    synthesize(out, stocks=stocks, days=days, seed=seed)
    return read(out)


def runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end (exclusive) of the runs of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def stocks(market: Market) -> list[str]:
    return sorted(set(market.bars) - {BENCHMARK})


def test_a_suspension_of_more_than_60_days(market: Market) -> None:
    def longest(code: str) -> int:
        inside = np.isnan(market.close(code))[market.first(code) : market.last(code)]
        return max((end - begin for begin, end in runs(inside)), default=0)

    assert max(longest(code) for code in stocks(market)) > 60


def test_a_stock_leaves_the_universe_and_re_enters(market: Market) -> None:
    def returns(code: str) -> bool:
        member = np.array([market.is_member(code, t) for t in range(len(market.calendar))])
        return len(runs(member)) > 1

    assert any(returns(code) for code in stocks(market))


def test_spans_of_one_code_overlap(market: Market) -> None:
    def overlaps(spans: list[Span]) -> bool:
        return any(second[0] <= first[1] for first, second in itertools.pairwise(spans))

    assert any(overlaps(sorted(spans)) for spans in market.spans.values())


def test_five_equal_closes_in_a_row(market: Market) -> None:
    def longest(code: str) -> int:
        return max((end - begin + 1 for begin, end in runs(np.diff(market.close(code)) == 0)), default=0)

    assert max(longest(code) for code in stocks(market)) >= 5


@pytest.mark.parametrize("sign", [1, -1], ids=["up", "down"])
def test_limit_days_and_one_of_a_single_price(market: Market, sign: int) -> None:
    def limits(code: str) -> npt.NDArray[np.bool_]:
        return sign * market.bars[code]["change"] >= QLIB_LIMIT

    assert any(limits(code).any() for code in stocks(market))
    assert any(
        (limits(code) & (market.bars[code]["high"] == market.bars[code]["low"])).any()
        for code in stocks(market)
    )


def test_a_listing_in_the_middle(market: Market) -> None:
    days = len(market.calendar)
    listed = [code for code in stocks(market) if 0.3 * days < market.first(code) < 0.7 * days]
    assert any(any(market.is_member(code, t) for t in range(days)) for code in listed)


def test_a_delisting_while_held(market: Market) -> None:
    """The bars of a member end late, and a buyer of what fell on heavy volume holds it on that day."""
    days = len(market.calendar)

    def attraction(code: str, t: int) -> float:
        bars = market.bars[code]
        if not market.is_member(code, t) or not np.isfinite(bars["close"][t - 20 : t + 1]).all():
            return -np.inf
        fall = 1 - bars["close"][t] / bars["close"][t - 4 : t + 1].mean()
        return float(fall * np.log1p(bars["volume"][t] / bars["volume"][t - 20 : t - 4].mean()))

    gone = [
        c
        for c in stocks(market)
        if 0.75 * days < market.last(c) < days - 5 and market.is_member(c, market.last(c))
    ]
    ranks = [
        sorted(stocks(market), key=lambda code: -attraction(code, t)).index(code)
        for code in gone
        for t in [market.last(code) - 1]  # the score that the last day's portfolio follows
    ]
    assert min(ranks) < 3


def test_a_split(market: Market) -> None:
    def splits(code: str) -> npt.NDArray[np.bool_]:
        factor, close = market.bars[code]["factor"], market.close(code)
        raw = close / factor
        doubled = factor[1:] == 2 * factor[:-1]
        continuous = np.abs(close[1:] / close[:-1] - 1) < 0.11
        return np.asarray(doubled & continuous & (raw[1:] < 0.6 * raw[:-1]))

    assert any(splits(code).any() for code in stocks(market))


def test_bars_are_plausible(market: Market) -> None:
    for code in stocks(market):
        first, last = market.first(code), market.last(code)
        assert market.listed[code] == [(market.calendar[first], market.calendar[last])]
        bars = {field: values[first : last + 1] for field, values in market.bars[code].items()}
        suspended = np.isnan(bars["close"])
        assert np.isfinite(bars["factor"]).all()
        assert np.isnan(bars["change"][0])
        for field in ("open", "high", "low", "volume", "change"):
            assert (np.isnan(bars[field]) == suspended)[1:].all(), field
        bars = {field: values[~suspended].astype(float) for field, values in bars.items()}
        cents = {field: 100 * bars[field] / bars["factor"] for field in ("open", "high", "low", "close")}
        for field, values in cents.items():
            np.testing.assert_allclose(values, np.rint(values), rtol=1e-6, err_msg=field)
        assert (cents["low"] >= 0.999).all()
        assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
        assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
        assert (bars["volume"] > 0).all()
        change = bars["close"][1:] / bars["close"][:-1] - 1
        np.testing.assert_allclose(bars["change"][1:], change, atol=2e-6)
        tick = 1 / cents["close"].min()
        assert np.abs(change).max() <= 0.1 + tick


def test_calendar_and_benchmark(market: Market) -> None:
    days = np.array(market.calendar, "datetime64[D]")
    assert days[-1] == LAST_DAY
    assert np.is_busday(days).all()
    assert (np.busday_count(days[:-1], days[1:]) == 1).all()
    assert BENCHMARK not in market.listed
    bars = market.bars[BENCHMARK]
    assert np.isfinite(bars["close"]).all()
    np.testing.assert_allclose(bars["change"][1:], bars["close"][1:] / bars["close"][:-1] - 1, atol=1e-6)


def test_returns_are_fat_tailed_and_volatility_clusters(tmp_path: Path) -> None:
    synthesize(tmp_path / "market", stocks=60, days=1000, seed=0)
    market = read(tmp_path / "market")
    changes = [market.bars[code]["change"] for code in stocks(market)]
    changes = [change[np.isfinite(change)].astype(float) for change in changes]
    pooled = np.concatenate(changes)
    assert 0.015 < pooled.std() < 0.04
    assert ((pooled - pooled.mean()) ** 4).mean() / pooled.var() ** 2 > 4  # a normal distribution has 3
    clustering = [np.corrcoef(abs(change[1:]), abs(change[:-1]))[0, 1] for change in changes]
    assert np.mean(clustering) > 0.05


def test_the_signal_is_planted(tmp_path: Path) -> None:
    """Moves on heavy volume reverse two days later, and calm stocks gain: plain correlations see it."""
    synthesize(tmp_path / "market", stocks=60, days=1000, seed=0)
    market = read(tmp_path / "market")
    close, volume, change = (
        np.stack([market.bars[code][field] for code in stocks(market)], axis=1).astype(float)
        for field in ("close", "volume", "change")
    )
    ics: dict[str, list[float]] = {"reversal": [], "calm": []}
    for t in range(20, len(close) - 2):
        overshoot = close[t] / close[t - 4 : t + 1].mean(axis=0) - 1
        heavy = volume[t] > volume[t - 19 : t + 1].mean(axis=0)
        label = close[t + 2] / close[t + 1] - 1
        known = np.isfinite(label) & np.isfinite(change[t - 19 : t + 1]).all(axis=0)
        spread = change[t - 19 : t + 1, known].std(axis=0)
        ics["reversal"].append(np.corrcoef((-overshoot * heavy)[known], label[known])[0, 1])
        ics["calm"].append(np.corrcoef(-spread, label[known])[0, 1])
    assert 0.01 < np.mean(ics["reversal"]) < 0.10
    assert 0.01 < np.mean(ics["calm"]) < 0.10


def digest(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return content.hexdigest()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        synthesize(tmp_path / name, stocks=20, days=320, seed=seed)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stocks": 11}, "stocks: got 11, expected at least 12"),
        ({"days": 249}, "days: got 249, expected at least 250"),
        ({"seed": -1}, "seed: got -1, expected at least 0"),
    ],
)
def test_impossible_markets_are_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        synthesize(tmp_path / "market", **arguments)
    assert not list(tmp_path.iterdir())


def test_it_is_marked_as_synthetic_and_its_fingerprint_does_not_depend_on_the_mark(tmp_path: Path) -> None:
    synthesize(tmp_path / "market", stocks=12, days=260, seed=1)
    provider = Provider(tmp_path / "market")
    assert provider.is_synthetic
    with_mark = fingerprint(provider)
    (tmp_path / "market" / SYNTHETIC).unlink()
    assert not Provider(tmp_path / "market").is_synthetic
    assert fingerprint(Provider(tmp_path / "market")) == with_mark
