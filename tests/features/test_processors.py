"""Each processor against pandas, on a table with missing days, NaN and infinities."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from lstm_bench.config.sections.processor import ProcessorConfig
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.features.column_selection import surviving_columns
from lstm_bench.features.columns import StoredColumns
from lstm_bench.features.fitted import FittedStatistics
from lstm_bench.features.processors import process
from lstm_bench.features.table import Rows, Table

T, N, F = 40, 9, 3
NAMES = ("A", "B", "C")
DAYS = np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]")
FIT = {"fit_start_time": "2020-01-05", "fit_end_time": "2020-01-20"}


def make(seed: int = 0, infinite: bool = False) -> Table:
    rng = np.random.default_rng(seed)
    rows = Rows.of(rng.random((T, N)) < 0.8)
    values = rng.standard_normal((F + 1, len(rows))).astype(np.float32)
    values[1] = np.round(values[1])  # ties
    values[rng.random(values.shape) < 0.1] = np.nan
    if infinite:
        values[rng.random(values.shape) < 0.05] = np.inf
        values[rng.random(values.shape) < 0.02] = -np.inf
    kept = np.ones(len(rows), dtype=np.bool_)
    return Table(rows, DAYS, kept, StoredColumns(NAMES, values[:F]), StoredColumns(("LABEL0",), values[F:]))


def frame(table: Table) -> pd.DataFrame:
    """Qlib's form of the kept rows, indexed by (day, instrument)."""
    columns = {name: table.feature.column(i) for i, name in enumerate(table.feature.names)}
    columns[table.label.names[0]] = table.label.column(0)
    index = pd.MultiIndex.from_arrays(
        [DAYS[table.rows.days], table.rows.instruments], names=["day", "instrument"]
    )
    return pd.DataFrame(columns, index=index)[table.kept].sort_index()


def run(table: Table, *chain: str | dict[str, Any]) -> Table:
    return process(table, [ProcessorConfig.model_validate(entry) for entry in chain])[0]


def one(name: str, **kwargs: Any) -> dict[str, Any]:
    return {"class": name, "kwargs": kwargs}


def assert_same(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(got, expected, check_dtype=False, rtol=2e-6, atol=2e-6)


def fit_part(data: pd.DataFrame) -> npt.NDArray[Any]:
    return data.loc[FIT["fit_start_time"] : FIT["fit_end_time"]].to_numpy()


def test_robust_zscore() -> None:
    table = make()
    data = frame(table)
    part = fit_part(data)
    center = np.nanmedian(part, axis=0)
    scale = (np.nanmedian(np.abs(part - center), axis=0) + 1e-12) * 1.4826
    clipped = run(table, one("RobustZScoreNorm", **FIT))
    assert_same(frame(clipped), ((data - center) / scale).clip(-3, 3))
    free = run(table, one("RobustZScoreNorm", clip_outlier=False, fields_group="feature", **FIT))
    expected = (data - center) / scale
    expected["LABEL0"] = data["LABEL0"]
    assert_same(frame(free), expected)


def test_zscore_and_minmax() -> None:
    table = make()
    data = frame(table)
    part = fit_part(data)
    zscore = run(table, one("ZScoreNorm", **FIT))
    assert_same(frame(zscore), (data - np.nanmean(part, axis=0)) / np.nanstd(part, axis=0))
    low, high = np.nanmin(part, axis=0), np.nanmax(part, axis=0)
    assert_same(frame(run(table, one("MinMaxNorm", **FIT))), (data - low) / (high - low))


@pytest.mark.parametrize("name", ["ZScoreNorm", "MinMaxNorm"])
def test_constant_columns_stay_and_empty_ones_stay_empty(name: str) -> None:
    table = make()
    values = np.stack([table.feature.column(i) for i in range(F)])
    values[0], values[1] = 0.3, np.nan
    table = table.with_group("feature", StoredColumns(NAMES, values))
    result = frame(run(table, one(name, **FIT)))
    assert (result["A"] == np.float32(0.3)).all()
    assert result["B"].isna().all()


def test_each_processor_is_fitted_on_what_the_one_before_gave() -> None:
    table = make()
    chained = run(table, one("ZScoreNorm", **FIT), one("Fillna", fill_value=0.5), one("MinMaxNorm", **FIT))
    first = frame(run(table, one("ZScoreNorm", **FIT))).fillna(0.5)
    part = fit_part(first)
    low, high = part.min(axis=0), part.max(axis=0)
    assert_same(frame(chained), (first - low) / (high - low))


def test_fitting_sees_kept_rows_only() -> None:
    table = make()
    data = frame(table).dropna(subset=["LABEL0"])
    part = fit_part(data)
    result = run(table, "DropnaLabel", one("ZScoreNorm", **FIT))
    assert_same(frame(result), (data - np.nanmean(part, axis=0)) / np.nanstd(part, axis=0))


def test_drop_missing_rows() -> None:
    table = make()
    data = frame(table)
    assert_same(frame(run(table, "DropnaLabel")), data.dropna(subset=["LABEL0"]))
    assert_same(
        frame(run(table, one("DropnaProcessor", fields_group="feature"))), data.dropna(subset=[*NAMES])
    )
    assert_same(frame(run(table, "DropnaProcessor")), data.dropna())


def test_columns_are_kept_in_the_handlers_order() -> None:
    table = make()
    data = frame(table)
    assert_same(frame(run(table, one("FilterCol", col_list=["C", "A"]))), data[["A", "C", "LABEL0"]])
    assert_same(frame(run(table, one("DropCol", col_list=["B"]))), data[["A", "C", "LABEL0"]])
    late = run(table, one("ZScoreNorm", **FIT), one("FilterCol", col_list=["C"]))
    assert_same(frame(late), frame(run(table, one("ZScoreNorm", **FIT)))[["C", "LABEL0"]])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            one("FilterCol", col_list=["Z", "Y"]),
            "FilterCol: its col_list leaves no feature of A, B, C; there is no column Y, Z; name columns of the "
            "feature set in col_list, or take the processor out",
        ),
        (one("FilterCol", fields_group=None, col_list=["A"]), "drops the label"),
        (one("FilterCol", fields_group="label", col_list=["A"]), "drops the label"),
        (one("DropCol", col_list=["LABEL0"]), r"DropCol: its col_list \(LABEL0\) drops the label"),
        (
            one("DropCol", col_list=["C", "B", "A"]),
            "DropCol: its col_list leaves no feature of A, B, C; name",
        ),
    ],
)
def test_a_model_needs_features_and_a_label(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(make(), entry)


def test_only_surviving_columns_are_needed() -> None:
    def needed(*chain: str | dict[str, Any]) -> tuple[str, ...]:
        return surviving_columns(NAMES, "LABEL0", [ProcessorConfig.model_validate(entry) for entry in chain])

    pick = one("FilterCol", col_list=["C"])
    assert needed(pick) == ("C",)
    assert needed("ProcessInf", one("DropCol", col_list=["A"]), pick) == ("C",)
    assert needed(one("DropnaProcessor", fields_group="label"), pick) == ("C",)
    assert needed("DropnaProcessor", pick) == NAMES  # the rows to drop depend on all of them


def test_columns_of_which_none_exists_are_counted_and_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    entry = ProcessorConfig.model_validate(one("FilterCol", col_list=[f"X{i}" for i in range(12)]))
    with pytest.raises(
        ConfigError, match=r"there is no column X0, .*, X5 and 4 more, 12 in all; name columns"
    ):
        surviving_columns(NAMES, "LABEL0", [entry])
    assert caplog.text == ""


def test_a_column_that_does_not_exist_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    entry = ProcessorConfig.model_validate(one("FilterCol", col_list=["A", "KLEM"]))
    surviving_columns(NAMES, "LABEL0", [entry])
    assert "FilterCol: the handler has no column KLEM" in caplog.text


def test_infinities_become_the_mean_of_the_day() -> None:
    table = make(infinite=True)
    data = frame(table)

    def fill(day: Any) -> Any:
        return day.where(~np.isinf(day), day[~np.isinf(day)].mean())

    assert_same(frame(run(table, "ProcessInf")), data.groupby("day").transform(fill))


def test_tanh_leaves_a_column_named_label_alone() -> None:
    table = make()
    data = frame(table)
    expected = pd.DataFrame(np.tanh(data - 1))
    renamed = table.with_group("label", StoredColumns(("next return",), table.label.column(0)[None]))
    assert_same(frame(run(renamed, "TanhProcess")), expected.rename(columns={"LABEL0": "next return"}))
    expected["LABEL0"] = data["LABEL0"]
    assert_same(frame(run(table, "TanhProcess")), expected)


def test_cross_sectional_ranks() -> None:
    table = make(infinite=True)
    data = frame(table)
    assert_same(frame(run(table, "CSRankNorm")), (data.groupby("day").rank(pct=True) - 0.5) * 3.46)
    dropped = data.dropna(subset=["LABEL0"]).copy()
    dropped["LABEL0"] = (dropped["LABEL0"].groupby("day").rank(pct=True) - 0.5) * 3.46
    result = run(table, "DropnaLabel", one("CSRankNorm", fields_group="label"))
    assert_same(frame(result), dropped)
    assert result.label.column(0).dtype == np.float64


def test_cross_sectional_zscores() -> None:
    table = make()
    days = frame(table).groupby("day")
    assert_same(frame(run(table, "CSZScoreNorm")), days.transform(lambda x: (x - x.mean()) / x.std()))

    def robust(x: Any) -> Any:
        centered = x - x.median()
        return (centered / centered.abs().median() / 1.4826).clip(-3, 3)

    assert_same(frame(run(table, one("CSZScoreNorm", method="robust"))), days.transform(robust))
    both = run(table, one("CSZScoreNorm", fields_group=["feature", "label"]))
    assert_same(frame(both), frame(run(table, "CSZScoreNorm")))


def test_a_day_of_equal_values_has_no_zscore() -> None:
    table = make()
    table = table.with_group(
        "label", StoredColumns(("LABEL0",), np.full((1, len(table.rows)), 0.1, np.float32))
    )
    assert frame(run(table, "CSZScoreNorm"))["LABEL0"].isna().all()


def test_cross_sectional_fill() -> None:
    table = make()
    data = frame(table)
    filled = data.groupby("day").transform(lambda x: x.fillna(x.mean()))
    assert_same(frame(run(table, "CSZFillna")), filled)


def test_a_fit_period_without_rows_is_an_error() -> None:
    with pytest.raises(DataError, match=r"no row lies in 2019-01-01\.\.2019-12-31"):
        run(make(), one("ZScoreNorm", fit_start_time="2019-01-01", fit_end_time="2019-12-31"))


def test_what_was_learned_is_plain_data() -> None:
    table = make()
    values = np.stack([table.feature.column(i) for i in range(F)])
    values[2] = np.nan
    table = table.with_group("feature", StoredColumns(NAMES, values))
    chain = [ProcessorConfig.model_validate(one("ZScoreNorm", fields_group="feature", **FIT))]
    _, (learned,) = process(table, chain)
    content = learned.to_json()
    assert content["processor"] == "ZScoreNorm"
    assert content["columns"] == ["A", "B", "C"]
    assert content["center"][0] == pytest.approx(np.nanmean(fit_part(frame(table))[:, 0]), abs=1e-6)
    assert content["center"][2] is None


def test_the_raw_table_is_left_alone() -> None:
    table = make(infinite=True)
    before = frame(table)
    run(
        table,
        "ProcessInf",
        one("RobustZScoreNorm", **FIT),
        "Fillna",
        "DropnaProcessor",
        "CSRankNorm",
        "TanhProcess",
    )
    pd.testing.assert_frame_equal(frame(table), before)


@pytest.mark.parametrize("name", ["ZScoreNorm", "MinMaxNorm", "RobustZScoreNorm"])
def test_labels_of_embargoed_days_are_not_fitted_on(name: str) -> None:
    table = make()
    embargoed = np.isin(DAYS, np.arange("2020-01-17", "2020-01-21", dtype="datetime64[D]"))
    chain = [ProcessorConfig.model_validate(one(name, **FIT))]
    shorter = [ProcessorConfig.model_validate(one(name, **FIT | {"fit_end_time": "2020-01-16"}))]
    _, (feature, label) = process(table, chain, embargoed)
    _, (all_feature, all_label) = process(table, chain)
    _, (_, short_label) = process(table, shorter)
    np.testing.assert_array_equal(feature.center, all_feature.center)
    np.testing.assert_array_equal((label.center, label.scale), (short_label.center, short_label.scale))
    assert label.scale != all_label.scale


CHAIN = [
    one("RobustZScoreNorm", fields_group="feature", **FIT),
    one("FilterCol", col_list=["A", "C"]),
    "CSRankNorm",
    one("MinMaxNorm", **FIT),
    one("ZScoreNorm", fields_group="label", **FIT),
    "Fillna",
]


def chain() -> list[ProcessorConfig]:
    return [ProcessorConfig.model_validate(entry) for entry in CHAIN]


def learned(seed: int = 0) -> list[FittedStatistics]:
    """Fitted statistics of a chain, in the form of a record."""
    _, fitted = process(make(seed), chain())
    return [FittedStatistics.from_json(json.loads(json.dumps(step.to_json()))) for step in fitted]


def test_what_was_learned_treats_other_rows_alike() -> None:
    fitted, _ = process(make(), chain())
    again, same = process(make(), chain(), fitted=learned())
    pd.testing.assert_frame_equal(frame(again), frame(fitted), check_exact=True)
    assert [step.to_json() for step in same] == [step.to_json() for step in learned()]
    # nothing is fitted to other rows: what they are before the last fitted processor decides what they become
    other = make(seed=1)
    alone, _ = process(dataclasses.replace(other, kept=other.rows.days >= T - 2), chain(), fitted=learned())
    whole, _ = process(other, chain(), fitted=learned())
    expected = frame(whole).loc[DAYS[T - 2] :]
    assert len(expected)
    pd.testing.assert_frame_equal(frame(alone), expected, check_exact=True)


def test_a_column_without_values_stays_without() -> None:
    table = make()
    values = np.array([table.feature.column(i) for i in range(F)])
    values[0] = np.nan
    table = table.with_group("feature", StoredColumns(NAMES, values))
    entry = [ProcessorConfig.model_validate(one("ZScoreNorm", fields_group="feature", **FIT))]
    _, fitted = process(table, entry)
    assert fitted[0].to_json()["center"][0] is None
    again, _ = process(make(), entry, fitted=[FittedStatistics.from_json(fitted[0].to_json())])
    assert np.isnan(again.feature.column(0)).all()
    assert not np.isnan(again.feature.column(1)).all()


def test_what_another_chain_learned_is_refused() -> None:
    steps = learned()
    with pytest.raises(
        DataError, match="got RobustZScoreNorm of group 'feature', expected those of MinMaxNorm"
    ):
        process(make(), chain(), fitted=[steps[0], *steps])
    with pytest.raises(DataError, match="got none, expected those of ZScoreNorm of group 'label'"):
        process(make(), chain(), fitted=steps[:-1])
    with pytest.raises(DataError, match="ZScoreNorm has some, but the configuration has no such processor"):
        process(make(), chain()[:-2], fitted=steps)
    others = dataclasses.replace(steps[0], columns=("A", "B", "D"))
    with pytest.raises(DataError, match="with the columns A, B, C"):
        process(make(), chain(), fitted=[others, *steps[1:]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": [1.0]}, "got 3 centers and 1 scale of 3 columns"),
        ({"group": "price"}, "of group 'price'"),
        ({"center": None}, "center: got null, expected a list"),
        ({"center": ["x", 1, 2]}, "expected names of columns, and numbers or null"),
        ({"columns": None}, "columns: got null, expected a list"),
    ],
)
def test_damaged_statistics_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        FittedStatistics.from_json(learned()[0].to_json() | change)
