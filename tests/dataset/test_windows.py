"""Windows against a plain loop over their definition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.dataset.windows import FoldedWindows, LaggedWindows, Resident, RowWindows
from lstm_bench.features.columns import Fill, LaggedColumns, StandardiseColumns
from lstm_bench.features.table import Rows


def window_of(
    present: npt.NDArray[np.bool_], table: npt.NDArray[np.float32], day: int, instrument: int, L: int
) -> list[npt.NDArray[np.float32]]:
    """Window of a sample by Qlib's rule; ``table [T, N, F]``."""
    days = [t for t in range(len(present)) if present[t].any()]
    place = days.index(day)
    slots: list[int | None] = []
    for p in range(place - L + 1, place + 1):
        slots.append(days[p] if p >= 0 and present[days[p], instrument] else None)
    for i in range(1, L):
        slots[i] = slots[i - 1] if slots[i] is None else slots[i]
    for i in range(L - 2, -1, -1):
        slots[i] = slots[i + 1] if slots[i] is None else slots[i]
    return [table[t, instrument] for t in slots if t is not None]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0), st.integers(1, 9))
def test_row_windows_follow_the_rule(seed: int, density: float, L: int) -> None:
    rng = np.random.default_rng(seed)
    T, N, F = 14, 4, 3
    mask = rng.random((T, N)) < 0.9
    mask[0, 0] = True
    rows = Rows.of(mask)
    seen = np.flatnonzero(rng.random(len(rows)) < density)
    if len(seen) == 0:
        seen = np.array([0])
    table = rng.standard_normal((T, N, F)).astype(np.float32)
    values = table[rows.days, rows.instruments]
    present = np.zeros((T, N), dtype=np.bool_)
    present[rows.days[seen], rows.instruments[seen]] = True

    source = RowWindows.over(Resident(values), rows, seen, L)
    days, instruments = rows.days[seen].astype(np.int64), rows.instruments[seen].astype(np.int64)
    windows = source.gather(torch.from_numpy(days), torch.from_numpy(instruments))

    assert windows.is_contiguous()
    assert (source.step_len, source.n_features) == (L, F)
    for window, day, instrument in zip(windows.numpy(), days, instruments, strict=True):
        np.testing.assert_array_equal(window, window_of(present, table, day, instrument, L))


def lagged(rng: np.random.Generator, T: int = 9, N: int = 3, lags: int = 4) -> tuple[LaggedColumns, Rows]:
    rows = Rows.of(rng.random((T, N)) < 0.8)
    S = lags - 1
    bars = rng.uniform(1, 2, (2, N, S + T)).astype(np.float32)
    bars[rng.random(bars.shape) < 0.1] = np.nan
    columns = LaggedColumns(
        tuple(f"{field}{lag}" for field in "XY" for lag in range(S, -1, -1)),
        fields=bars,
        bases=(0, 1),
        epsilon=np.array([0, 1e-3], dtype=np.float32),
        lags=tuple(range(S, -1, -1)),
        cells=rows.instruments.astype(np.int64) * (S + T) + S + rows.days,
    )
    return columns, rows


def test_a_lagged_column_is_a_quotient_of_bars() -> None:
    columns, rows = lagged(np.random.default_rng(1))
    for position, name in enumerate(columns.names):
        field, lag = "XY".index(name[0]), int(name[1:])
        for value, day, instrument in zip(columns.column(position), rows.days, rows.instruments, strict=True):
            now = columns.history + day
            bars = columns.fields[field, instrument]
            assert value == pytest.approx(bars[now - lag] / (bars[now] + columns.epsilon[field]), nan_ok=True)


@pytest.mark.parametrize("step_len", [1, 3, 4])
def test_lagged_windows_are_the_folded_columns(step_len: int) -> None:
    rng = np.random.default_rng(2)
    columns, rows = lagged(rng)
    C = len(columns.names)
    center, scale = (rng.uniform(0.5, 1.5, C).astype(np.float32) for _ in range(2))
    mapped = columns.mapped(StandardiseColumns(center, scale, 0.4)).mapped(Fill(7.0))
    assert isinstance(mapped, LaggedColumns)
    sources = (
        LaggedWindows.over(Resident(mapped.for_windows()), mapped, step_len),
        FoldedWindows.over(Resident(mapped.stored().for_windows()), rows, 2, step_len),
    )
    days, instruments = (torch.from_numpy(a.astype(np.int64)) for a in (rows.days, rows.instruments))
    one, other = (source.gather(days, instruments) for source in sources)
    assert one.shape == (len(rows), step_len, 2)
    assert one.is_contiguous()
    assert other.is_contiguous()
    assert one.max() == 7
    assert one.abs().min() < one[one != 7].abs().max() == np.float32(0.4)
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_an_overflow_is_seen_coming() -> None:
    columns, _ = lagged(np.random.default_rng(3))
    assert not columns.may_be_infinite
    columns.fields[0, 0, 5] = 0  # a base
    assert columns.may_be_infinite


def test_features_lie_on_a_device_once() -> None:
    rows = Rows.of(np.ones((5, 2), dtype=np.bool_))
    features = Resident(np.zeros((10, 1), dtype=np.float32))
    sources = [RowWindows.over(features, rows, np.arange(10), L).to("meta") for L in (2, 3)]
    assert sources[0].data is sources[1].data
    assert sources[0].data.device.type == "meta"
