"""Scores of new days from a record: those of a run whose test segment they are, whatever came after."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import DataError, DeviceError, InputError
from lstm_bench.data.provider import Provider
from lstm_bench.model.paths.cpu import outputs
from lstm_bench.model.select import precisions
from lstm_bench.record.record import Record
from lstm_bench.record.saved import SavedRun, find_record
from lstm_bench.run import reproduction
from lstm_bench.run.prediction import predict_days
from lstm_bench.run.runner import execute

Configure = Callable[..., RunConfig]

FEATURES = ("alpha158", "alpha360")
LAST, TO = 289, 309
"""Calendar positions: the last day of the recorded scores, and of a market that ends some days later."""

SEGMENTS = "task.dataset.kwargs.segments"


def truncate(market: Path, to: int, out: Path) -> Path:
    """Copy a market as it was on a day, the bars of later days not there yet."""
    shutil.copytree(market, out)
    calendar = out / "calendars" / "day.txt"
    calendar.write_text("".join(f"{day}\n" for day in calendar.read_text().split()[: to + 1]))
    for path in out.glob("features/*/*.bin"):
        content = np.fromfile(path, dtype="<f4")
        kept = content[: max(to + 2 - int(content[0]), 0)]
        kept.tofile(path) if len(kept) > 1 else path.unlink()
    return out


@pytest.fixture(scope="session")
def earlier(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The market some days ago."""
    return truncate(market, TO, tmp_path_factory.mktemp("earlier") / "qlib")


@pytest.fixture(scope="session")
def days(market: Path) -> list[str]:
    return (market / "calendars" / "day.txt").read_text().split()


def run_until(config: Configure, days: list[str], last: int, provider: Path, features: str) -> RunConfig:
    """A run that tests from day 250 to a day, without a backtest."""
    train, valid = (f"[{days[a]}, {days[b]}]" for a, b in ((0, 199), (200, 249)))
    return config(
        f"{SEGMENTS}={{train: {train}, valid: {valid}, test: [{days[250]}, {days[last]}]}}",
        f"data_handler_config.end_time={days[last]}",
        "task.record=[]",
        "task.model.kwargs.n_epochs=1",
        features=features,
        provider=provider,
    )


@pytest.fixture(params=FEATURES)
def features(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def recorded(
    configure: Configure, days: list[str], earlier: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Records of some days ago, by features."""
    results = tmp_path_factory.mktemp("results")
    configs = {features: run_until(configure, days, LAST, earlier, features) for features in FEATURES}
    return {features: execute(config, results)[0].path for features, config in configs.items()}


@pytest.fixture
def saved(recorded: dict[str, Path], tmp_path: Path, features: str) -> SavedRun:
    """A record of the test's own."""
    return SavedRun.load(Record(shutil.copytree(recorded[features], tmp_path / recorded[features].name)))


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give the warnings so far, less the one that each run on the synthetic market has."""
    caplog.set_level(logging.WARNING)
    return lambda: [text for text in caplog.messages if "'vwap'" not in text]


def test_new_days_have_the_scores_of_a_run_that_tests_them(
    saved: SavedRun,
    configure: Configure,
    days: list[str],
    market: Path,
    earlier: Path,
    tmp_path: Path,
    features: str,
    quiet: Callable[[], list[str]],
) -> None:
    later, _ = execute(run_until(configure, days, len(days) - 1, market, features), tmp_path / "later")
    wanted = later.table("pred")
    wanted = wanted[wanted.index.get_level_values("datetime") > days[LAST]]

    found = predict_days(saved, Provider(market))
    assert found.bars == "same"
    assert quiet() == []
    pd.testing.assert_frame_equal(found.scores, wanted, rtol=0, atol=1e-6)
    assert found.comparison is not None
    assert found.comparison.agrees
    assert str(found.comparison.day) == days[LAST]
    assert found.comparison.rows == len(saved.record.table("pred").xs(days[LAST], level="datetime"))
    # the last two days have no label
    for day in days[-2:]:
        assert found.scores["score"].xs(day, level="datetime").notna().all()
    assert found.scores.attrs["run_id"] == saved.record.path.name

    # nothing of these days was known before, and that changes no score of the days that were
    before = predict_days(saved, Provider(earlier)).scores
    known = found.scores[found.scores.index.get_level_values("datetime") <= days[TO]]
    assert str(before.index[-1][0].date()) == days[TO]
    assert before.index.isin(known.index).all()
    np.testing.assert_allclose(before["score"], known["score"][before.index], rtol=0, atol=1e-7)

    # and so with days asked for
    some = predict_days(saved, Provider(market), days[300], days[302]).scores
    part = found.scores.loc[days[300] : days[302]]
    pd.testing.assert_frame_equal(some, part, rtol=0, atol=1e-7)


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
def test_days_of_the_record_are_scored_again(
    saved: SavedRun, earlier: Path, days: list[str], quiet: Callable[[], list[str]]
) -> None:
    found = predict_days(saved, Provider(earlier), days[250], days[LAST]).scores
    pd.testing.assert_frame_equal(found, saved.record.table("pred"), rtol=0, atol=1e-7)
    assert quiet() == []
    predict_days(saved, Provider(earlier), days[240], days[240])
    (text,) = quiet()
    assert (
        f"start: {days[240]} is not after {days[249]}, the end of the days that the model was trained" in text
    )


def test_the_score_of_one_stock_comes_back(
    configure: Configure, days: list[str], market: Path, tmp_path: Path, quiet: Callable[[], list[str]]
) -> None:
    config = run_until(
        lambda *overrides, **more: configure(
            *overrides, "data_handler_config.instruments=[SH600000, SH600001]", "lstm_bench.compat=none", **more
        ),
        days, LAST, market, "alpha158",
    )  # fmt: skip
    record, _ = execute(config, tmp_path / "one")
    path = record.path / "config.yaml"  # a run of one stock would be refused: its ICs are NaN
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "SH600001" not in line))
    pred = record.table("pred").xs("SH600000", level="instrument", drop_level=False)
    assert len(pred.xs(days[LAST], level="datetime")) == 1
    for noise, agrees in ((1e-6, True), (0.5, False)):
        (pred + noise * pred.std()).to_parquet(record.path / "pred.parquet")
        found = predict_days(SavedRun.load(record), Provider(market))
        assert found.comparison is not None
        assert found.comparison.agrees is agrees
    assert "are not reproduced" in quiet()[-1]


@pytest.mark.skipif("bf16" not in precisions("cpu"), reason="the processor has no AVX512-BF16")
def test_scores_of_bf16_come_back_in_float32_too(
    configure: Configure, days: list[str], market: Path, tmp_path: Path, quiet: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = run_until(
        lambda *overrides, **more: configure(
            *overrides, "lstm_bench.compat=none", "lstm_bench.training.precision=bf16", **more
        ),
        days, LAST, market, "alpha158",
    )  # fmt: skip
    record, _ = execute(config, tmp_path / "one")
    again = predict_days(SavedRun.load(record), Provider(market)).comparison
    provenance = record.path / "provenance.json"
    provenance.write_text(
        provenance.read_text().replace('"training_path": "cpu"', '"training_path": "sharded"')
    )
    assert record.provenance_as_written()["device"]["training_path"] == "sharded"
    assert predict_days(SavedRun.load(record), Provider(market)).comparison == again
    monkeypatch.setattr(outputs, "PRECISIONS", ("fp32",))
    elsewhere = predict_days(SavedRun.load(record), Provider(market)).comparison
    assert again is not None
    assert elsewhere is not None
    assert again.largest_difference < 1e-6 * again.std
    assert 1e-5 < elsewhere.largest_difference / elsewhere.std < 3e-2
    assert elsewhere.agrees
    assert not any("reproduced" in message for message in quiet())


def copied(market: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(market, tmp_path / "copy"))


def scale(path: Path, day: int) -> None:
    content = np.fromfile(path, dtype="<f4")
    position = 1 + day - int(content[0])
    assert np.isfinite(content[position])
    content[position] *= 1.5
    content.tofile(path)


def traded(market: Path, codes: Iterable[str], *days: int) -> str:
    """Name a folder of bars that has a close on each of the days."""
    for code in codes:
        content = np.fromfile(market / "features" / code.lower() / "close.day.bin", dtype="<f4")
        positions = [1 + day - int(content[0]) for day in days]
        if min(positions) > 0 and max(positions) < len(content) and np.isfinite(content[positions]).all():
            return code.lower()
    raise AssertionError(f"nothing traded on {days}")


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
def test_other_bars_than_those_of_the_run_are_said(
    saved: SavedRun, market: Path, tmp_path: Path, quiet: Callable[[], list[str]], days: list[str]
) -> None:
    copy = copied(market, tmp_path)
    members = saved.record.table("pred").xs(days[LAST], level="datetime").index
    code = traded(market, members, 100, LAST)
    scale(copy / "features" / code / "close.day.bin", 100)
    found = predict_days(saved, Provider(copy))
    (text,) = quiet()
    assert found.bars == "different"
    assert f"data: from {days[0]} to {days[LAST + 2]}, bars, members or trading days are not those" in text
    assert f"the scores of {days[LAST]} are reproduced" in text

    scale(copy / "features" / code / "close.day.bin", LAST)
    found = predict_days(saved, Provider(copy))
    assert found.comparison is not None
    assert not found.comparison.agrees
    assert f"the scores of {days[LAST]} are not reproduced: they differ by up to" in quiet()[1]


@pytest.mark.parametrize("features", ["alpha360"], indirect=True)
def test_a_market_without_the_recorded_day_is_said(
    saved: SavedRun, market: Path, tmp_path: Path, quiet: Callable[[], list[str]], days: list[str]
) -> None:
    copy = copied(market, tmp_path)
    (copy / "calendars" / "day.txt").write_text("".join(f"{day}\n" for day in days if day != days[LAST]))
    for path in copy.glob("features/*/*.bin"):
        content = np.fromfile(path, dtype="<f4")
        begin, position = int(content[0]), LAST + 1 - int(content[0])
        if position < 1:
            content[0] = begin - 1
        elif position < len(content):
            content = np.delete(content, position)
        content.tofile(path)
    found = predict_days(saved, Provider(copy))
    assert found.comparison is None
    (text,) = quiet()
    assert f"the data do not hold {days[LAST]}, so that no recorded score could be computed again" in text


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
def test_a_market_that_ended_is_said(
    saved: SavedRun, market: Path, tmp_path: Path, quiet: Callable[[], list[str]], days: list[str]
) -> None:
    copy = copied(market, tmp_path)
    members = copy / "instruments" / "csi300.txt"
    table = [line.split("\t") for line in members.read_text().splitlines()]
    members.write_text(
        "".join(
            f"{code}\t{first}\t{min(last, days[300])}\n" for code, first, last in table if first <= days[300]
        )
    )
    found = predict_days(saved, Provider(copy))
    (text,) = quiet()
    assert (
        f"{len(days) - 301} of {len(days) - LAST - 1} days have no rows to score, the last {days[-1]}" in text
    )
    assert f"'csi300' has no member after {days[300]}" in text
    assert str(found.scores.index[-1][0].date()) == days[300]
    with pytest.raises(
        DataError, match=f"there are no rows to score on .*'csi300' has no member after {days[300]}"
    ):
        predict_days(saved, Provider(copy), days[302])


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
def test_a_short_history_is_said(
    saved: SavedRun, earlier: Path, quiet: Callable[[], list[str]], days: list[str]
) -> None:
    found = predict_days(saved, Provider(earlier), days[3], days[4])
    assert found.scores["score"].notna().any()
    assert any("the data have 3 days before it, and a window reaches back 65" in text for text in quiet())


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
def test_other_numerics_have_to_give_the_recorded_scores(
    saved: SavedRun, earlier: Path, monkeypatch: pytest.MonkeyPatch, quiet: Callable[[], list[str]]
) -> None:
    was = saved.provenance["numerics"]
    monkeypatch.setattr(reproduction, "NUMERICS", was + 1)
    predict_days(saved, Provider(earlier))
    (text,) = quiet()
    assert f"computed with numerics {was}, and this version has {was + 1}; the scores of" in text
    pred = saved.record.table("pred")
    (pred * 2).to_parquet(saved.record.path / "pred.parquet")
    with pytest.raises(DataError, match=r"are not reproduced.*; train the run again"):
        predict_days(saved, Provider(earlier))
    monkeypatch.undo()
    predict_days(saved, Provider(earlier))
    assert "bars are those that the run was computed from, but the scores of" in quiet()[-1]


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
def test_a_record_that_does_not_know_its_bars_says_so(
    saved: SavedRun, earlier: Path, quiet: Callable[[], list[str]]
) -> None:
    path = saved.record.path / "provenance.json"
    content = json.loads(path.read_text())
    del content["bars"]
    path.write_text(json.dumps(content))
    assert predict_days(SavedRun.load(saved.record), Provider(earlier)).bars == "unknown"
    (text,) = quiet()
    assert "the record does not state the bars that it was computed from; the scores of" in text


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((None, None), r"start: none was given, and there are no further days: the data end on {290}"),
        (("2031-01-05", None), "start: got 2031-01-05, but the data end on {290}"),
        (("yesterday", None), "start: got 'yesterday', expected a day such as"),
        (("{280}", "{270}"), "start..end: starts on {280}, after its end {270}"),
        (("2020-09-26", "2020-09-27"), "start"),
    ],
)
def test_days_that_cannot_be_scored_are_refused(
    saved: SavedRun, market: Path, tmp_path: Path, days: list[str], asked: tuple[Any, Any], words: str
) -> None:
    provider = Provider(truncate(market, 290, tmp_path / "short"))
    (saved.record.table("pred").rename(index={pd.Timestamp(days[LAST]): pd.Timestamp(days[290])})).to_parquet(
        saved.record.path / "pred.parquet"
    )
    named = {"{" + str(i) + "}": days[i] for i in (270, 280, 290)}
    texts = [words, *asked]
    for name, day in named.items():
        texts = [text if text is None else text.replace(name, day) for text in texts]
    with pytest.raises(DataError, match=texts[0]):
        predict_days(saved, provider, *texts[1:])


@pytest.mark.parametrize("features", ["alpha360"], indirect=True)
def test_a_device_is_a_demand(saved: SavedRun, earlier: Path) -> None:
    with pytest.raises(DeviceError, match="got 'cuda:99'"):
        predict_days(saved, Provider(earlier), device="cuda:99")


@pytest.mark.parametrize("features", ["alpha158"], indirect=True)
def test_a_damaged_record_is_refused(saved: SavedRun, earlier: Path) -> None:
    folder = saved.record.path
    # copies: older releases of safetensors map the file, which is replaced below
    weights = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    statistics = (folder / "statistics.json").read_text()

    def refusal() -> str:
        with pytest.raises(InputError) as refused:
            predict_days(SavedRun.load(Record(folder)), Provider(earlier))
        return str(refused.value)

    save_file({"rnn.weight_ih_l0": weights["rnn.weight_ih_l0"]}, folder / "model.safetensors")
    assert "its weights are not those of its configuration: rnn.weight_hh_l0 has shape none" in refusal()
    save_file(weights | {"fc_out.bias": torch.zeros(2)}, folder / "model.safetensors")
    assert "fc_out.bias has shape (2,), the configuration's model has (1,)" in refusal()
    (folder / "model.safetensors").write_bytes(b"torn")
    assert "model.safetensors: cannot be read" in refusal()
    save_file(weights, folder / "model.safetensors")
    for text, why in (
        ("", "cannot be read: not JSON"),
        ("[]", "holds no JSON object"),
        ('{"infer": [{"processor": "ZScoreNorm"}]}', "infer: group: missing, expected a text"),
        ('{"infer": 3}', "infer: got 3 (a number), expected a list"),
    ):
        (folder / "statistics.json").write_text(text)
        assert f"statistics.json: {why}" in refusal()
    (folder / "statistics.json").write_text(json.dumps(json.loads(statistics) | {"infer": []}))
    assert "statistics: got none, expected those of RobustZScoreNorm" in refusal()
    (folder / "statistics.json").unlink()
    assert "is not complete: it has no statistics.json" in refusal()
    (folder / "statistics.json").write_text(statistics)
    (folder / "provenance.json").write_text('{"device": {}}')
    assert refusal().startswith(f"{folder / 'provenance.json'}: it has no device.training_path; ")
    (folder / "metrics.json").write_text("{}")
    assert "diverged in its first epoch" in refusal()
    assert "nothing to predict with" in refusal()


def make_record(folder: Path) -> Record:
    folder.mkdir(parents=True)
    (folder / "provenance.json").write_text("{}")
    return Record(folder)


def test_a_run_is_found_by_folder_and_by_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (make_record(tmp_path / "results" / "mine" / name) for name in ("abcd01", "abef02"))
    make_record(tmp_path / "results" / "mine" / ".abcd01.host-1.draft")
    for text in ("abcd01", "abc", str(one.path)):
        assert find_record(text, tmp_path / "results") == one
    assert find_record("abe", tmp_path / "results") == two
    other = make_record(tmp_path / "results" / "yours" / "abcd01")
    with pytest.raises(DataError, match="got 'abcd01', which 2 records begin with; give one of ") as refused:
        find_record("abcd01", tmp_path / "results")
    assert str(one.path) in str(refused.value)
    assert str(other.path) in str(refused.value)
    with pytest.raises(DataError, match=f"got 'xyz', expected .* and it has {one.path}, "):
        find_record("xyz", tmp_path / "results")
    for pattern in (
        "**a",
        "*",
        ".abcd",
        "[",
        "a/b",
    ):  # an id's beginning is no pattern, and drafts are no records
        with pytest.raises(DataError, match=f"got {re.escape(repr(pattern))}, expected a record's folder"):
            find_record(pattern, tmp_path / "results")
    with pytest.raises(DataError, match="it has none; `lstm-bench run CONFIG` makes one"):
        find_record("xyz", tmp_path / "elsewhere")
    monkeypatch.chdir(one.path)
    with pytest.raises(DataError, match="run: got '', expected a record's folder"):
        find_record("", tmp_path / "results")
    for folder in ("results", "results/mine"):
        with pytest.raises(
            DataError, match=f"{folder} is no complete record: .*; it holds records: .*{one.path}"
        ):
            find_record(str(tmp_path / folder), tmp_path)
