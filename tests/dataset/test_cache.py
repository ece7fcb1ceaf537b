"""The cache gives what was built, once, and keeps nothing of days that were not asked for."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.test_imports import imported_parts

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset import cache as cache_module
from lstm_bench.dataset.array_entry import Entry
from lstm_bench.dataset.array_store import ArrayStore, default_bytes
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.dataset import DataKey, Dataset
from lstm_bench.dataset.windows import LaggedWindows

Configure = Callable[..., DatasetConfig]

DATA = "f" * 64
TUNING: tuple[SegmentName, ...] = ("train", "valid")
FEATURES = {"Alpha158": 20, "Alpha360": 6}


@pytest.fixture
def cache(tmp_path: Path) -> DatasetCache:
    return DatasetCache(tmp_path / "cache", max_bytes=10**9)


@pytest.fixture
def market_copy(market: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(market, tmp_path / "copy"))


@pytest.fixture
def configs(workflow158: DatasetConfig, workflow360: DatasetConfig) -> dict[str, DatasetConfig]:
    return {"Alpha158": workflow158, "Alpha360": workflow360}


def with_step_len(config: DatasetConfig, step_len: int) -> DatasetConfig:
    kwargs = config.kwargs.model_copy(update={"step_len": step_len})
    return config.model_copy(update={"kwargs": kwargs})


def assert_same(one: Dataset, other: Dataset) -> None:
    """Compare all that a model and its evaluation see, bit for bit."""
    np.testing.assert_array_equal(one.days, other.days)
    assert (one.instruments, one.feature_names) == (other.instruments, other.feature_names)
    assert (one.step_len, one.n_features, one.offset) == (other.step_len, other.n_features, other.offset)
    assert one.segments == other.segments
    np.testing.assert_array_equal(one.raw_label, other.raw_label)
    np.testing.assert_array_equal(one.member, other.member)
    keys: tuple[DataKey, ...] = ("infer", "learn")
    for segment in one.segments:
        for key in keys:
            mine, yours = one.samples(segment, key), other.samples(segment, key)
            np.testing.assert_array_equal(mine.labels, yours.labels)
            assert mine.labels.dtype == yours.labels.dtype
            (index, X, _), (other_index, other_X, _) = one.windows(segment, key), other.windows(segment, key)
            assert index.equals(other_index)
            assert X.tobytes() == other_X.tobytes()
    for chain, steps in one.fitted.items():
        assert [step.to_json() for step in steps] == [step.to_json() for step in other.fitted[chain]]
    for key in keys:
        assert one.table(key).equals(other.table(key))


@pytest.mark.parametrize("handler", FEATURES)
def test_a_cached_dataset_is_the_built_one(
    handler: str, configs: dict[str, DatasetConfig], provider: Provider, cache: DatasetCache
) -> None:
    config, d_feat = configs[handler], FEATURES[handler]
    built = build_dataset(config, provider, d_feat=d_feat)
    cached = [cache.open(config, provider, DATA, d_feat=d_feat) for _ in range(2)]
    for dataset in cached:
        assert_same(built, dataset)
        assert dataset.table("raw").equals(built.table("raw"))
    assert len(cache.store.info()) == 1


@pytest.mark.parametrize("handler", FEATURES)
def test_one_entry_serves_every_step_len(
    handler: str,
    configs: dict[str, DatasetConfig],
    provider: Provider,
    cache: DatasetCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    d_feat = FEATURES[handler]
    entry = cache.ensure(configs[handler], provider, DATA, TUNING, d_feat=d_feat)
    for step_len in (3, 11):
        config = with_step_len(configs[handler], step_len)
        built = build_dataset(config, provider, TUNING, d_feat=d_feat)
        with monkeypatch.context() as patch:
            patch.setattr(cache_module, "build_dataset", None)
            assert cache.ensure(config, provider, DATA, TUNING, d_feat=d_feat).path == entry.path
            opened = DatasetCache.open_entry(entry.path, config)
        assert opened.step_len == step_len
        assert_same(built, opened)


def test_lagged_columns_stay_bars(
    workflow360: DatasetConfig, provider: Provider, cache: DatasetCache
) -> None:
    dataset = cache.open(workflow360, provider, DATA, d_feat=6)
    assert isinstance(dataset.samples("train", "learn").windows, LaggedWindows)
    T, N = len(dataset.days), len(dataset.instruments)
    assert dataset.views["infer"].features is dataset.views["learn"].features
    assert dataset.views["infer"].features.on("cpu").shape == (N, 59 + T, 6)


@pytest.mark.parametrize(
    "own",
    [
        {"infer_processors": [], "learn_processors": []},
        {"infer_processors": ["CSZScoreNorm", "CSZFillna"], "process_type": "independent"},
        {
            "infer_processors": [
                {"class": "ZScoreNorm", "kwargs": {"fields_group": "feature"}},
                {"class": "MinMaxNorm", "kwargs": {"fields_group": "feature"}},
                {"class": "Fillna", "kwargs": {"fields_group": "feature", "fill_value": 0.5}},
            ]
        },
    ],
)
@pytest.mark.parametrize("handler", FEATURES)
def test_other_processors_are_kept_too(
    handler: str, own: dict[str, Any], configure: Configure, provider: Provider, cache: DatasetCache
) -> None:
    config = configure(handler, step_len=4, **own)
    d_feat = 6 if handler == "Alpha360" else 158
    built = build_dataset(config, provider, d_feat=d_feat)
    assert_same(built, cache.open(config, provider, DATA, d_feat=d_feat))


def test_other_data_columns_or_segments_are_other_entries(
    configs: dict[str, DatasetConfig], configure: Configure, provider: Provider, cache: DatasetCache
) -> None:
    config = configs["Alpha158"]
    own = {"infer_processors": config.kwargs.handler.model_dump(by_alias=True)["kwargs"]["infer_processors"]}
    moved = configure("Alpha158", dates=(0, 180, 250, 310), step_len=8, **own)
    entries = [
        cache.ensure(config, provider, DATA, d_feat=20),
        cache.ensure(config, provider, "0" * 64, d_feat=20),
        cache.ensure(config, provider, DATA, TUNING, d_feat=20),
        cache.ensure(config, provider, DATA, ("train",), d_feat=20),
        cache.ensure(moved, provider, DATA, TUNING, d_feat=20),
        cache.ensure(configs["Alpha360"], provider, DATA, d_feat=6),
        cache.ensure(configs["Alpha360"], provider, DATA, d_feat=12),
    ]
    assert len({entry.path for entry in entries}) == len(entries)
    # what TSDatasetH does not use is no difference
    assert cache.ensure(config, provider, DATA, d_feat=6).path == entries[0].path


def test_torch_takes_the_maps_without_a_word(
    workflow158: DatasetConfig, provider: Provider, cache: DatasetCache
) -> None:
    entry = cache.ensure(workflow158, provider, DATA, d_feat=20)
    before = (entry.path / "infer.features.npy").read_bytes()
    dataset = DatasetCache.open_entry(entry.path, workflow158)
    features = dataset.views["infer"].features.on("cpu")
    features.zero_()  # a copy of this process's own
    assert torch.count_nonzero(features) == 0
    assert (entry.path / "infer.features.npy").read_bytes() == before


@pytest.mark.parametrize("handler", FEATURES)
def test_an_entry_for_tuning_ends_with_valid(
    handler: str, configs: dict[str, DatasetConfig], provider: Provider, cache: DatasetCache
) -> None:
    config, d_feat = configs[handler], FEATURES[handler]
    entry = cache.ensure(config, provider, DATA, TUNING, d_feat=d_feat)
    last = np.datetime64(config.kwargs.segments.valid[1], "D")
    assert entry.arrays["days"][-1] == last
    assert entry.arrays["rows.days"].max() == len(entry.arrays["days"]) - 1
    test = str(config.kwargs.segments.test[0])
    assert test not in json.dumps(entry.content["dataset"])
    dataset = DatasetCache.open_entry(entry.path, config)
    with pytest.raises(ConfigError, match="segment 'test' was not prepared, only train, valid"):
        dataset.samples("test", "infer")
    with pytest.raises(DataError, match="this dataset has no provider"):
        dataset.table("raw")


@pytest.mark.parametrize("poison", [np.nan, 1e9])
@pytest.mark.parametrize("handler", FEATURES)
def test_an_entry_for_tuning_knows_no_later_bar(
    handler: str,
    poison: float,
    configs: dict[str, DatasetConfig],
    provider: Provider,
    market_copy: Path,
    cache: DatasetCache,
) -> None:
    config, d_feat = configs[handler], FEATURES[handler]
    valid_end = int(np.searchsorted(provider.calendar, np.datetime64(config.kwargs.segments.valid[1], "D")))
    needed = (
        valid_end + 2
    )  # the label of valid's last day is the return from the next day to the one after it
    assert poison_after(market_copy, needed, poison) > 100
    entries = [
        cache.ensure(config, source, data, TUNING, d_feat=d_feat)
        for source, data in ((provider, DATA), (Provider(market_copy), "0" * 64))
    ]
    assert contents(entries[0]) == contents(entries[1])
    # and the day before that is needed: a test that cannot fail would show nothing
    poison_after(market_copy, needed - 1, poison)
    touched = cache.ensure(config, Provider(market_copy), "1" * 64, TUNING, d_feat=d_feat)
    assert contents(entries[0]) != contents(touched)


def poison_after(folder: Path, day: int, value: float) -> int:
    """Overwrite all bars after a calendar position; return how many files that touched."""
    files = 0
    for path in folder.glob("features/*/*.day.bin"):
        content = np.fromfile(path, dtype="<f4")
        later = np.arange(len(content) - 1) + int(content[0]) > day
        content[1:][later] = value
        files += int(later.any())
        content.tofile(path)
    return files


def contents(entry: Entry) -> dict[str, Any]:
    files = {path.name: path.read_bytes() for path in entry.path.glob("*.npy")}
    return {**files, "dataset": entry.content["dataset"]}


def test_a_fit_on_days_that_must_not_be_seen_is_refused(
    configure: Configure, provider: Provider, cache: DatasetCache
) -> None:
    days = provider.calendar
    late = configure("Alpha360", fit_end_time=str(days[250]))
    with pytest.raises(ConfigError, match=r"fit_end_time: .* reaches into segment 'test'"):
        cache.ensure(late, provider, DATA, TUNING, d_feat=6)
    # even where an entry of the same columns, days and segments is there: it is the test segment that moved
    fit = {"fit_end_time": str(days[245])}
    gap = moved_test(configure("Alpha360", **fit), days[250], days[310])
    cache.ensure(gap, provider, DATA, TUNING, d_feat=6)
    with pytest.raises(ConfigError, match="reaches into segment 'test'"):
        cache.ensure(moved_test(gap, days[244], days[310]), provider, DATA, TUNING, d_feat=6)


def moved_test(config: DatasetConfig, first: np.datetime64, last: np.datetime64) -> DatasetConfig:
    segments = config.kwargs.segments.model_copy(update={"test": (first.item(), last.item())})
    kwargs = config.kwargs.model_copy(update={"segments": segments})
    return config.model_copy(update={"kwargs": kwargs})


BUILD = """
import json, logging, sys, time
from pathlib import Path
logging.basicConfig(level=logging.INFO)
from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.cache import DatasetCache
folder, market, config = sys.argv[1:]
config = DatasetConfig.model_validate(json.loads(config))
print("ready", flush=True)
sys.stdin.readline()
entry = DatasetCache(Path(folder)).ensure(config, Provider(market), "f" * 64, ("train", "valid"), d_feat=6)
print(entry.path, flush=True)
"""


def test_processes_that_want_the_same_build_it_once(
    workflow360: DatasetConfig, market: Path, tmp_path: Path, cache: DatasetCache
) -> None:
    config = json.dumps(workflow360.model_dump(mode="json", by_alias=True))
    arguments = [sys.executable, "-c", BUILD, str(cache.store.folder), str(market), config]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(arguments, text=True, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert answers[0][0] == answers[1][0] != ""
    assert sum(errors.count("dataset cache: built") for _, errors in answers) == 1
    (entry,) = cache.store.info()
    assert not entry.in_use
    assert {path.name for path in cache.store.folder.iterdir()} == {entry.key, f"{entry.key}.lock"}


@pytest.mark.parametrize("damage", ["cut", "grown", "gone", "index", "header"])
def test_a_damaged_entry_is_built_again(
    damage: str,
    workflow158: DatasetConfig,
    provider: Provider,
    cache: DatasetCache,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = cache.ensure(workflow158, provider, DATA, d_feat=20)
    entry.close()
    features = entry.path / "infer.features.npy"
    whole = features.read_bytes()
    if damage == "cut":
        features.write_bytes(whole[:-1])
    elif damage == "grown":
        features.write_bytes(whole + b"0")
    elif damage == "gone":
        features.unlink()
    elif damage == "header":
        features.write_bytes(b"0" * len(whole))
    else:
        (entry.path / "entry.json").write_text("{")
    with pytest.raises(DataError, match="damaged entry"):
        DatasetCache.open_entry(entry.path, workflow158)
    with caplog.at_level(logging.WARNING):
        dataset = cache.open(workflow158, provider, DATA, d_feat=20)
    assert "a damaged entry" in caplog.text
    assert features.read_bytes() == whole
    assert_same(build_dataset(workflow158, provider, d_feat=20), dataset)


def test_a_worker_learns_what_is_wrong_with_an_entry(
    configs: dict[str, DatasetConfig], provider: Provider, cache: DatasetCache, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="the cache has no such entry"):
        DatasetCache.open_entry(tmp_path / "nowhere", configs["Alpha158"])
    entry = cache.ensure(configs["Alpha158"], provider, DATA, d_feat=20)
    with pytest.raises(
        DataError, match="belongs to another configuration: its class, handler, d_feat differ"
    ):
        DatasetCache.open_entry(entry.path, configs["Alpha360"])
    other = cache.ensure(configs["Alpha360"], provider, DATA, d_feat=6)
    with pytest.raises(ConfigError, match="step_len: got 61"):
        DatasetCache.open_entry(other.path, with_step_len(configs["Alpha360"], 61))


def small(store: ArrayStore, key: str) -> Entry:
    return store.open(key, lambda: ({"x": np.zeros(1 << 15)}, {}))


def test_the_least_recently_used_goes(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path, max_bytes=600_000)  # room for two of 262 kB
    small(store, "a").close()
    small(store, "b").close()
    small(store, "a").close()  # used after b
    small(store, "c").close()
    assert [entry.key for entry in store.info()] == ["c", "a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.lock", "c", "c.lock"]


def test_what_is_open_stays(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path, max_bytes=300_000)
    held = small(store, "a")
    small(store, "b").close()
    assert [(entry.key, entry.in_use) for entry in store.info()] == [("b", False), ("a", True)]
    assert [entry.key for entry in store.clear()] == ["b"]
    held.close()
    assert held.arrays["x"].sum() == 0
    assert [entry.key for entry in store.clear()] == ["a"]
    assert held.arrays["x"].sum() == 0  # removed, and readable as long as it is mapped
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_holds_its_entry(
    workflow158: DatasetConfig, provider: Provider, cache: DatasetCache
) -> None:
    dataset: Dataset | None = cache.open(workflow158, provider, DATA, d_feat=20)
    assert cache.store.clear() == []
    assert dataset is not None
    dataset = None
    assert len(cache.store.clear()) == 1


def test_what_a_killed_builder_left_is_removed(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path, max_bytes=10**9)
    draft = tmp_path / ".a.123-abcd.draft"
    draft.mkdir()
    (draft / "x.npy").write_bytes(b"0" * 100)
    assert [(entry.key, entry.bytes) for entry in store.info()] == [("a", 100)]
    small(store, "a").close()
    assert not draft.exists()
    draft.mkdir()
    assert [entry.key for entry in store.clear()] == ["a"]
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path, max_bytes=10**9)

    def fail() -> tuple[dict[str, Any], dict[str, Any]]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.open("a", fail)
    assert store.info() == []
    small(store, "a").close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written.*LSTM_BENCH_CACHE names another"):
        small(ArrayStore(tmp_path / "file" / "cache", 1), "a")


def test_the_size_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE_GB", "0.5")
    assert default_bytes() == 500_000_000
    monkeypatch.setenv("LSTM_BENCH_CACHE_GB", "much")
    with pytest.raises(ConfigError, match="LSTM_BENCH_CACHE_GB: got 'much'"):
        default_bytes()


def test_all_that_makes_a_dataset_is_in_its_key() -> None:
    # or arrays from before a change would be given out after it; Alpha158's columns are in config
    package = Path(cache_module.__file__).parents[1]
    for part in cache_module._CODE:
        for path in (package / part).rglob("*.py"):
            assert imported_parts(path) <= set(cache_module._CODE), path
