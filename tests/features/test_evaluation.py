"""Evaluation on a panel: sharing, spans, types, starts, and nothing ahead."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.config.alpha158 import alpha158
from lstm_bench.config.alpha360 import alpha360
from lstm_bench.config.sections.handler import DEFAULT_LABEL
from lstm_bench.core.errors import ExpressionError
from lstm_bench.data.panel import Panel
from lstm_bench.features import evaluation, host
from lstm_bench.features.evaluation import evaluate, evaluate_rows
from lstm_bench.features.expression import extent
from lstm_bench.features.table import Rows

DAYS, INSTRUMENTS = 100, 5


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Random bars: one listed late, one delisted early, one without rows, one suspended; no vwap."""
    rng = np.random.default_rng(7)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.02, (INSTRUMENTS, DAYS)), axis=1))
    fields = {
        "close": close,
        "open": close * (1 + rng.normal(0, 0.01, close.shape)),
        "high": close * 1.03,
        "low": close * 0.97,
        "volume": np.exp(rng.normal(14, 1, close.shape)),
        "vwap": np.full(close.shape, np.nan),
    }
    first = np.array([0, 30, 0, DAYS, 0])
    last = np.array([DAYS - 1, DAYS - 1, 69, -1, DAYS - 1])
    bars = {}
    for name, values in fields.items():
        for row in range(INSTRUMENTS):
            values[row, : first[row]] = np.nan
            values[row, last[row] + 1 :] = np.nan
        values[4, 40:50] = np.nan
        bars[name] = values.astype(np.float32).T
    days = np.datetime64("2020-01-01") + np.arange(DAYS)
    present = {"vwap": np.zeros(INSTRUMENTS, dtype=np.bool_)}
    return Panel(days, 0, ("A", "B", "C", "D", "E"), bars, first, last, present)


def column(text: str, panel: Panel, begin: int = 0, end: int = DAYS) -> npt.NDArray[np.float32]:
    column: npt.NDArray[np.float32] = evaluate([text], panel, begin, end)[0]
    return column


def test_columns_are_fortran_ordered_float32(panel: Panel) -> None:
    out = evaluate(["$close", "Mean($close, 5)"], panel, 10, 60)
    assert out.shape == (2, 50, INSTRUMENTS)
    assert out.dtype == np.float32
    assert all(values.flags.f_contiguous for values in out)
    np.testing.assert_array_equal(out[0], panel.fields["close"][10:60])


@pytest.mark.parametrize("block", [1, 1 << 15])
def test_some_rows_have_the_values_that_they_have_among_all(
    panel: Panel, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "_BLOCK_VALUES", block)
    rng = np.random.default_rng(0)
    mask = rng.random((40, INSTRUMENTS)) < 0.5
    mask[10:, 0] = False  # bars of later days are not needed for it, save for the label
    mask[:, 4] = False
    texts = [
        *alpha158().values(),
        *DEFAULT_LABEL.values(),
        "EMA($close, 9)",
        "Corr($close, ChangeInstrument('E', $close), 5)",
        "ChangeInstrument('E', $close)",
    ]
    rows = Rows.of(mask)
    some = evaluate_rows(texts, panel, 55, rows)
    among_all = evaluate(texts, panel, 55, 95)
    assert some.shape == (len(texts), len(rows))
    np.testing.assert_array_equal(some, among_all[:, rows.days, rows.instruments])
    assert np.isfinite(some).any(axis=1).sum() == len(texts) - 1  # all but VWAP0


def test_a_field_without_a_file_has_no_rows_whatever_its_neighbours(panel: Panel) -> None:
    present = {"vwap": np.array([True, False, False, True, True])}
    partly = dataclasses.replace(panel, present=present)
    counts = column("Count($vwap, 3)", partly)
    assert (counts[:, [0, 4]] == 0).all()  # rows of NaN
    assert np.isnan(counts[:, [1, 2, 3]]).all()  # no rows
    for n, code in enumerate(panel.instruments):
        alone = Panel(
            panel.days,
            0,
            (code,),
            {name: bars[:, n : n + 1] for name, bars in panel.fields.items()},
            panel.first[n : n + 1],
            panel.last[n : n + 1],
            {"vwap": present["vwap"][n : n + 1]},
        )
        np.testing.assert_array_equal(column("Count($vwap, 3)", alone)[:, 0], counts[:, n])


def test_equal_numbers_of_two_types_are_kept_apart(panel: Panel) -> None:
    truth = "($close>$open)"
    assert np.isfinite(evaluate([f"{truth}+1.0", f"Not({truth}+1)"], panel, 0, DAYS)[1, 0, 0])
    signs = evaluate([f"$close/({truth}*0.0)", f"$close/({truth}*(-0.0))"], panel, 0, DAYS)[:, 0, 0]
    assert signs.tolist() == [np.inf, -np.inf]


def test_expressions_give_the_same_alone_and_together(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        *alpha158().values(),
        *list(alpha360().values())[::17],
        *DEFAULT_LABEL.values(),
        "EMA($close, 9)",
    ]
    monkeypatch.setattr(host, "processors", lambda: 1)
    together = evaluate(texts, panel, 62, 98)
    for position, text in enumerate(texts):
        np.testing.assert_allclose(together[position], column(text, panel, 62, 98), rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(evaluation, "_BLOCK_VALUES", 1)
    monkeypatch.setattr(host, "processors", lambda: 3)
    np.testing.assert_array_equal(evaluate(texts, panel, 62, 98), together)


def test_histories_start_where_qlib_starts_them(panel: Panel) -> None:
    close = panel.fields["close"][:, 0].astype(np.float64)
    # N = 0 adds no days, so the mean starts on the first day asked for, whatever others need
    got = evaluate(["Mean($close, 0)", "Ref($close, 60)", "EMA($close, 11)"], panel, 70, 80)
    np.testing.assert_allclose(got[0, :, 0], np.cumsum(close[70:80]) / np.arange(1, 11), rtol=1e-6)
    mean = np.nan
    weight = 0.0
    for value in close[60:71]:
        mean = value if np.isnan(mean) else (mean * weight * (5 / 6) + value) / (weight * (5 / 6) + 1)
        weight = weight * (5 / 6) + 1
    assert got[2, 0, 0] == pytest.approx(mean, rel=1e-6)
    # N - 1 days are loaded for a difference that needs N
    delta = column("Delta($close, 5)", panel, 70, 80)
    assert np.isnan(delta[0, 0])
    assert not np.isnan(delta[1, 0])


def test_a_window_does_not_reach_before_the_first_row(panel: Panel) -> None:
    up = column("Mean($close>Ref($close, 1), 5)", panel)
    assert np.isnan(up[:30, 1]).all()
    assert up[30, 1] == 0.0
    assert up[31, 1] == 0.5 * (panel.fields["close"][31, 1] > panel.fields["close"][30, 1])
    assert np.isnan(up[70:, 2]).all()
    assert np.isnan(up[:, 3]).all()
    # a suspended day is a row: the comparison with nothing is False, not missing
    assert up[45, 4] == 0.0


@pytest.mark.parametrize(
    "text", ["Mean($vwap, 5)", "Count($vwap, 5)", "$vwap**0", "Mean($vwap>1, 3)", "$vwap+$close"]
)
def test_a_field_without_a_file_has_no_rows(panel: Panel, text: str) -> None:
    assert np.isnan(column(text, panel)).all()


def test_numbers_keep_float32_and_windows_make_float64(panel: Panel) -> None:
    close = panel.fields["close"]
    np.testing.assert_array_equal(column("$close/3-1", panel), close / np.float32(3) - np.float32(1))
    wide = close[4:, 0].astype(np.float64)
    got = column("Sum($close, 1)/3-1", panel)[4:, 0]
    np.testing.assert_array_equal(got, (wide / 3 - 1).astype(np.float32))
    np.testing.assert_array_equal(
        column("($close>$open)+1", panel)[:, 0], 1.0 + (close > panel.fields["open"])[:, 0]
    )


def test_infinite_values_are_missing_to_windows_but_not_to_regressions(panel: Panel) -> None:
    text = "$close/($close>$open)"
    infinite = np.isinf(column(text, panel)[:, 0])
    assert infinite[:20].any()
    assert not np.isinf(column(f"Max({text}, 5)", panel)[:, 0]).any()
    assert np.isnan(column(f"Slope({text}, 5)", panel)[np.argmax(infinite) :, 0]).all()


def test_another_instrument_stands_beside_each(panel: Panel) -> None:
    ratio = column("Mean(ChangeInstrument('a', $close), 3)/$close", panel)
    mean = column("Mean($close, 3)", panel)[:, :1]
    np.testing.assert_allclose(ratio, mean / panel.fields["close"], rtol=1e-6)
    beta = column("Corr($close, ChangeInstrument('A', $close), 5)", panel)
    np.testing.assert_allclose(beta[5:, 0], 1.0, rtol=1e-6)
    everywhere = column("ChangeInstrument('A', $close)", panel)
    np.testing.assert_array_equal(everywhere, np.repeat(panel.fields["close"][:, :1], INSTRUMENTS, axis=1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$clse", "no field 'clse'; did you mean 'close'?"),
        ("ChangeInstrument('Z', $close)", "no instrument 'Z'"),
        ("($close>$open)-($close<$open)", "Sub cannot be applied"),
        ("Not($close)", "Not cannot be applied"),
        ("Power($close>$open, -1)", "Power cannot be applied: Integers to negative integer powers"),
        ("($close>$open)+99999999999999999999", "Add cannot be applied: Python int.* too large"),
    ],
)
def test_what_cannot_be_evaluated_is_named(panel: Panel, text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message.replace("?", r"\?")) as caught:
        evaluate(["$close", text], panel, 0, DAYS)
    assert repr(text) in str(caught.value)


def test_missing_rows_are_refused(panel: Panel) -> None:
    later = dataclasses.replace(panel, offset=100)
    with pytest.raises(ValueError, match="3 rows of history, expected 4"):
        evaluate(["Mean($close, 5)"], later, 3, 10)
    with pytest.raises(ValueError, match="expected an interval"):
        evaluate(["$close"], panel, 0, DAYS + 1)
    assert evaluate([], panel, 0, DAYS).shape == (0, DAYS, INSTRUMENTS)


@settings(max_examples=15)
@given(day=st.integers(0, DAYS - 1), seed=st.integers(0, 2**32 - 1))
def test_nothing_looks_ahead(panel: Panel, day: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for values in fields.values():
        values[day + 1 :] *= rng.uniform(0.5, 2.0, values[day + 1 :].shape).astype(np.float32)
    changed = dataclasses.replace(panel, fields=fields)
    texts = [
        *alpha158().values(),
        *list(alpha360().values())[::13],
        *DEFAULT_LABEL.values(),
        "Ref($close, -1)",
    ]
    before, after = (evaluate(texts, bars, 0, DAYS) for bars in (panel, changed))
    for text, old, new in zip(texts, before, after, strict=True):
        _, right = extent([text])
        np.testing.assert_array_equal(old[: max(0, day + 1 - right)], new[: max(0, day + 1 - right)], text)
    if day < DAYS - 1:  # and a look ahead would be seen
        assert not np.array_equal(before[-1][day], after[-1][day], equal_nan=True)
