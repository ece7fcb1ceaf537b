from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import DataKey, Dataset
from lstm_bench.dataset.windows import FoldedWindows, LaggedWindows

Configure = Callable[..., DatasetConfig]
Perturbed = Callable[[np.datetime64], Provider]

RANKED = ["DropnaLabel", {"class": "CSRankNorm", "kwargs": {"fields_group": "label"}}]


@pytest.fixture(scope="module")
def rows_dataset(workflow158: DatasetConfig, provider: Provider) -> Dataset:
    return build_dataset(workflow158, provider)


@pytest.fixture(scope="module")
def bars_dataset(workflow360: DatasetConfig, provider: Provider) -> Dataset:
    return build_dataset(workflow360, provider)


def test_what_was_fitted_is_plain_data(rows_dataset: Dataset, bars_dataset: Dataset) -> None:
    for dataset in (rows_dataset, bars_dataset):  # stored columns and lagged ones
        (learned,) = dataset.fitted["infer"]
        plain = json.loads(json.dumps(learned.to_json(), allow_nan=False))
        assert plain["columns"] == list(dataset.feature_names)
        assert {key: plain[key] for key in ("processor", "group")} == {
            "processor": "RobustZScoreNorm",
            "group": "feature",
        }
        for name in ("center", "scale"):
            numbers = np.asarray(plain[name], dtype=np.float32)  # None becomes NaN
            np.testing.assert_array_equal(numbers, getattr(learned, name))


def test_a_missing_field_is_reported_once_and_where_a_column_has_it(
    configure: Configure,
    workflow158: DatasetConfig,
    market: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = shutil.copytree(market, tmp_path / "market")  # a folder without warnings so far
    for config, warnings in (
        (workflow158, 0),
        (configure(infer_processors=[]), 1),
        (configure("Alpha360"), 1),
    ):
        build_dataset(config, Provider(place))
        assert sum("the field 'vwap'" in text for text in caplog.messages) == warnings
    other = shutil.copytree(market, tmp_path / "other")
    build_dataset(configure("Alpha360"), Provider(other))
    assert sum("the field 'vwap'" in text for text in caplog.messages) == 2


def own_columns(configure: Configure, features: Any, label: str, **own: Any) -> DatasetConfig:
    columns = {"feature": features, "label": [[label], ["LABEL0"]]}
    return configure(
        "DataHandlerLP", data_loader={"class": "QlibDataLoader", "kwargs": {"config": columns}}, **own
    )


def test_rows_are_members_days_with_bars(rows_dataset: Dataset, provider: Provider) -> None:
    universe = provider.universe("csi300")
    panel = provider.panel(rows_dataset.instruments, ["close"], 0, len(rows_dataset.days))
    expected = universe.member(rows_dataset.days, rows_dataset.instruments)
    for n in range(len(rows_dataset.instruments)):
        expected[: panel.first[n], n] = False
        expected[panel.last[n] + 1 :, n] = False
    np.testing.assert_array_equal(rows_dataset.member, expected)
    assert 0 < expected.mean() < 1


def test_the_raw_label_is_the_return_from_tomorrow_on(rows_dataset: Dataset, provider: Provider) -> None:
    close = provider.panel(rows_dataset.instruments, ["close"], 0, len(rows_dataset.days) + 2).fields["close"]
    expected = close[2:] / close[1:-1] - 1
    np.testing.assert_array_equal(rows_dataset.raw_label, np.where(rows_dataset.member, expected, np.nan))


def test_time_series_samples_come_by_instrument(rows_dataset: Dataset) -> None:
    train = rows_dataset.samples("train", "learn")
    assert len(train) == len(train.labels) == len(train.instruments)
    assert (np.diff(train.instruments * len(rows_dataset.days) + train.days) > 0).all()
    assert train.days.max() == 179
    assert train.labels.dtype == np.float64
    assert not np.isnan(train.labels).any()
    test = rows_dataset.samples("test", "infer")
    assert len(test) == rows_dataset.member[240:311].sum()


def test_row_samples_come_by_day(bars_dataset: Dataset) -> None:
    train = bars_dataset.samples("train", "learn")
    assert (np.diff(train.days * len(bars_dataset.instruments) + train.instruments) > 0).all()


def test_windows_end_on_the_samples_own_row(rows_dataset: Dataset) -> None:
    wanted: list[tuple[SegmentName, DataKey]] = [("valid", "learn"), ("test", "infer")]
    for segment, key in wanted:
        index, X, y = rows_dataset.windows(segment, key)
        table = rows_dataset.table(key).loc[index]
        np.testing.assert_array_equal(X[:, -1], table["feature"].to_numpy())
        np.testing.assert_array_equal(y, table["label"].to_numpy()[:, 0])
        assert X.shape == (len(index), rows_dataset.step_len, rows_dataset.n_features) == (len(index), 8, 20)


def test_only_the_kept_columns_are_there_in_the_handlers_order(rows_dataset: Dataset) -> None:
    raw = list(rows_dataset.table("raw")["feature"])
    assert len(raw) == 158
    assert list(rows_dataset.feature_names) == [name for name in raw if name in rows_dataset.feature_names]
    assert list(rows_dataset.table("infer")["feature"]) == list(rows_dataset.feature_names)
    assert list(rows_dataset.table("infer")["label"]) == ["LABEL0"]


def test_alpha360_is_gathered_from_bars(bars_dataset: Dataset) -> None:
    index, X, _ = bars_dataset.windows("valid", "learn")
    assert isinstance(bars_dataset.samples("valid", "learn").windows, LaggedWindows)
    columns = bars_dataset.table("learn").loc[index]["feature"].to_numpy()
    np.testing.assert_array_equal(X, columns.reshape(-1, 6, 60).transpose(0, 2, 1))


def test_step_len_takes_the_last_days_of_alpha360(
    configure: Configure, provider: Provider, bars_dataset: Dataset
) -> None:
    short = build_dataset(
        bars_dataset.config.model_copy(
            update={"kwargs": bars_dataset.config.kwargs.model_copy(update={"step_len": 7})}
        ),
        provider,
    )
    assert (short.step_len, short.n_features) == (7, 6)
    np.testing.assert_array_equal(
        short.windows("test", "infer")[1], bars_dataset.windows("test", "infer")[1][:, -7:]
    )


def test_alpha360_is_stored_where_days_are_compared(
    configure: Configure, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    config = configure("Alpha360", infer_processors=["CSZFillna"], learn_processors=RANKED)
    with caplog.at_level(logging.INFO):
        dataset = build_dataset(config, provider)
    assert "360 columns stored" in caplog.text
    index, X, _ = dataset.windows("valid", "learn")
    assert isinstance(dataset.samples("valid", "learn").windows, FoldedWindows)
    table = dataset.table("learn").loc[index]["feature"].to_numpy()
    np.testing.assert_array_equal(X, table.reshape(-1, 6, 60).transpose(0, 2, 1))


def test_rows_fold_into_the_models_features_per_day(configure: Configure, provider: Provider) -> None:
    features = ["$close", "$open", "$high", "$low", "$volume", "$factor"]
    config = own_columns(configure, features, "Ref($close, -1)").model_copy(update={"name": "DatasetH"})
    dataset = build_dataset(config, provider, d_feat=2)
    index, X, _ = dataset.windows("test", "infer")
    table = dataset.table("infer").loc[index]["feature"].to_numpy()
    np.testing.assert_array_equal(X, table.reshape(-1, 2, 3).transpose(0, 2, 1))
    with pytest.raises(ConfigError, match="d_feat: got 4, but the dataset's 6 columns are not a multiple"):
        build_dataset(config, provider, d_feat=4)


def test_learn_features_may_differ_from_infer_features(configure: Configure, provider: Provider) -> None:
    pick = {"class": "FilterCol", "kwargs": {"col_list": ["KLEN", "KLOW"]}}
    filled = {"class": "Fillna", "kwargs": {"fields_group": "feature", "fill_value": 3}}
    config = configure(
        "Alpha158", step_len=2, process_type="independent",
        infer_processors=[pick, "CSZScoreNorm", filled], learn_processors=[pick, filled, "DropnaLabel"],
    )  # fmt: skip
    dataset = build_dataset(config, provider)
    raw, infer, learn = (dataset.table(key)["feature"][["KLEN", "KLOW"]] for key in ("raw", "infer", "learn"))
    np.testing.assert_array_equal(learn, raw.loc[learn.index].fillna(3))
    assert not np.allclose(infer.loc[learn.index], learn)
    shared = build_dataset(configure("Alpha158", infer_processors=[pick], learn_processors=RANKED), provider)
    assert shared.views["infer"].features is shared.views["learn"].features


def test_columns_for_training_and_prediction_must_be_the_same(
    configure: Configure, provider: Provider
) -> None:
    pick = {"class": "FilterCol", "kwargs": {"col_list": ["KLEN", "KLOW"]}}
    config = configure("Alpha158", learn_processors=[pick])
    with pytest.raises(ConfigError, match="leave different columns"):
        build_dataset(config, provider)


@pytest.mark.parametrize("name", ["workflow158", "workflow360"])
def test_train_and_valid_do_not_look_at_test(
    name: str, provider: Provider, perturbed: Perturbed, request: pytest.FixtureRequest
) -> None:
    config = request.getfixturevalue(name)
    tuning = build_dataset(config, provider, ("train", "valid"))
    whole = build_dataset(config, provider)
    # the labels of valid's last day need the two days after it
    other = build_dataset(config, perturbed(provider.calendar[241]), ("train", "valid"))
    assert len(tuning.days) == 240
    segments: tuple[SegmentName, ...] = ("train", "valid")
    for segment in segments:
        index, X, y = tuning.windows(segment, "learn")
        for again in (whole, other):
            same = again.windows(segment, "learn")
            assert index.equals(same[0])
            np.testing.assert_array_equal(X, same[1])
            np.testing.assert_array_equal(y, same[2])
    with pytest.raises(ConfigError, match="segment 'test' was not prepared, only train, valid"):
        tuning.samples("test", "infer")


def test_bars_of_test_are_not_even_read(workflow158: DatasetConfig, provider: Provider) -> None:
    class Spy(Provider):
        end = 0

        def panel(
            self, instruments: Sequence[str], fields: Sequence[str], begin: int, end: int, **more: Any
        ) -> Panel:
            Spy.end = max(Spy.end, end)
            return super().panel(instruments, fields, begin, end, **more)

    build_dataset(workflow158, Spy(provider.root), ("train", "valid"))
    assert Spy.end == 240 + 2


def test_a_fit_period_in_an_unseen_segment_is_refused(configure: Configure, provider: Provider) -> None:
    late = {"fit_end_time": str(provider.calendar[250])}
    config = configure("Alpha158", infer_processors=["ZScoreNorm"], **late)
    build_dataset(config, provider)
    with pytest.raises(ConfigError, match=r"fit_end_time: .* reaches into segment 'test', which begins on"):
        build_dataset(config, provider, ("train", "valid"))


def test_scores_lie_where_their_samples_are(rows_dataset: Dataset) -> None:
    samples = rows_dataset.samples("test", "infer")
    scores = np.arange(len(samples), dtype=np.float32)
    panel = rows_dataset.scores_to_panel(samples, scores)
    np.testing.assert_array_equal(panel[samples.days, samples.instruments], scores)
    assert np.isfinite(panel).sum() == len(samples)


def test_what_was_learned_is_kept(rows_dataset: Dataset) -> None:
    (learned,) = rows_dataset.fitted["infer"]
    assert learned.columns == rows_dataset.feature_names
    assert json.loads(json.dumps(learned.to_json()))["processor"] == "RobustZScoreNorm"
    raw = rows_dataset.table("raw")["feature"]["KLEN"].loc[: rows_dataset.days[179].astype("datetime64[ns]")]
    assert learned.center[learned.columns.index("KLEN")] == np.float32(np.nanmedian(raw))


def test_a_batch_is_gathered_by_index(rows_dataset: Dataset) -> None:
    samples = rows_dataset.samples("valid", "learn")
    _, X, _ = rows_dataset.windows("valid", "learn")
    pick = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))[:50]
    days, instruments = torch.from_numpy(samples.days)[pick], torch.from_numpy(samples.instruments)[pick]
    np.testing.assert_array_equal(samples.windows.gather(days, instruments).numpy(), X[pick.numpy()])


def test_listed_instruments_are_rows_on_all_their_days(configure: Configure, provider: Provider) -> None:
    codes = [code for code in provider.universe("all").instruments if code.startswith("S")][:3]
    config = configure("Alpha158", instruments=[code.lower() for code in codes])
    dataset = build_dataset(config, provider)
    assert dataset.instruments == tuple(sorted(codes))
    panel = provider.panel(codes, ["close"], 0, len(dataset.days))
    assert dataset.member.sum(axis=0).tolist() == (panel.last - panel.first + 1).tolist()
    with pytest.raises(DataError, match="the data has no bars of SH999999"):
        build_dataset(configure("Alpha158", instruments=["SH999999"]), provider)


def test_an_expression_may_read_another_instrument(configure: Configure, provider: Provider) -> None:
    config = own_columns(configure, ["ChangeInstrument('SH000300', $close)"], "Ref($close, -1)", step_len=1)
    dataset = build_dataset(config, provider)
    close = provider.panel(["SH000300"], ["close"], 0, len(dataset.days)).fields["close"][:, 0]
    samples = dataset.samples("test", "infer")
    np.testing.assert_array_equal(dataset.windows("test", "infer")[1][:, 0, 0], close[samples.days])
    assert not (dataset.member[:, dataset.instruments.index("SH000300")]).any()


@pytest.mark.parametrize(
    ("own", "error", "message"),
    [
        ({"instruments": "csi301"}, DataError, "no market 'csi301'; did you mean 'csi300'"),
        ({"label": ["$nothing"]}, DataError, "label: '\\$nothing' has no value on any"),
        ({"start_time": "1990-01-01", "end_time": "1991-01-01"}, DataError, "start_time..end_time"),
        ({"learn_processors": ["DropnaProcessor"]}, DataError, "no learn row is left"),
    ],
)
def test_what_cannot_be_built_is_named(
    own: dict[str, Any], error: type[Exception], message: str, configure: Configure, provider: Provider
) -> None:
    with pytest.raises(error, match=message):
        build_dataset(configure("Alpha158", **own), provider).samples("train", "learn")


def test_step_len_cannot_exceed_a_rows_days(configure: Configure, provider: Provider) -> None:
    with pytest.raises(ConfigError, match="step_len: got 61, but 360 columns hold 60 days of 6 features"):
        build_dataset(configure("Alpha360", step_len=61), provider)
