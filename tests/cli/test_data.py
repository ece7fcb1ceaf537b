"""``data import``, ``data check`` and ``data fetch`` as a user types them, up to a run on what was imported."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
UsBars = Callable[..., pd.DataFrame]

CONFIG = Path(__file__).parents[2] / "configs" / "lstm_alpha158.yaml"
AMERICAN = [
    "qlib_init.region=us",
    "market=us",
    "benchmark=EQUALWEIGHT",
    "task.dataset.kwargs.segments={train: [2017-06-01, 2017-10-31], valid: [2017-11-01, 2017-12-15], "
    "test: [2017-12-18, 2018-02-28]}",
    "data_handler_config.start_time=2017-01-03",
    "data_handler_config.end_time=2018-03-20",
    "data_handler_config.fit_start_time=2017-06-01",
    "data_handler_config.fit_end_time=2017-10-31",
    "portfolio.backtest.start_time=2017-12-18",
    "portfolio.backtest.end_time=2018-02-28",
    "portfolio.strategy.kwargs.topk=5",
    "portfolio.strategy.kwargs.n_drop=1",
    "task.model.kwargs.hidden_size=4",
    "task.model.kwargs.n_epochs=1",
    "task.model.kwargs.batch_size=100",
    "lstm_bench.compat=none",
]


@pytest.fixture
def imported(us_bars: UsBars, tmp_path: Path, here: Run) -> Path:
    """Import a vendor's file, check it, and give the folder."""
    us_bars(stocks=10, days=320).to_csv(tmp_path / "us.csv", index=False)
    done = here("data", "import", "us.csv", "market", "--market", "us")
    assert done.returncode == 0, done.stderr
    for words in ("3,200", "the adjusted close", "320, 2017-01-03 to", "EQUALWEIGHT", "all, us"):
        assert words in done.stdout
    return tmp_path / "market"


def test_an_american_file_is_imported_checked_and_run(imported: Path, here: Run) -> None:
    checked = here("data", "check", imported)
    assert checked.returncode == 0, checked.stdout
    assert "320 days, 11 instruments, 3,520 bars: nothing found" in checked.stdout
    overrides = [argument for text in AMERICAN for argument in ("--set", text)]
    done = here("run", CONFIG, "--provider-uri", imported, "--device", "cpu", *overrides, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert np.isfinite(answer["metrics"]["IC"])
    assert answer["metrics"]["1day.ffr"] == 1.0
    report = pd.read_parquet(Path(answer["record"]) / "report.parquet")
    assert report["bench"].abs().sum() > 0
    assert report["turnover"].sum() > 0


def test_bad_rows_are_refused_or_dropped(here: Run, tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(
        "date,symbol,open,high,low,close,volume,factor\n2020-01-06,A,1,1,1,1,10,1\n2020-01-07,A,1,1,1,x,10,1\n"
    )
    done = here("data", "import", "bars.csv", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bars.csv:3: bad number: close: got 'x', expected a number" in done.stderr
    assert not (tmp_path / "out").exists()
    done = here("data", "import", "bars.csv", "out", "--drop-bad", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["dropped"]) == (1, {"bad number": 1})


def test_options_name_columns_and_append(here: Run, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("when;who;o;h;l;c;v;mood\n06.01.2020;A;1;1;1;1;10;0.5\n")
    (tmp_path / "new.csv").write_text(
        "when;who;o;h;l;c;v;mood\n07.01.2020;A;2;2;2;2;10;0.7\n06.01.2020;A;1;1;1;1;10;1\n"
    )
    named = [
        f"--{field}={column}"
        for field, column in zip(
            ("date", "symbol", "open", "high", "low", "close", "volume", "field", "date-format", "adjust-by"),
            ("when", "who", "o", "h", "l", "c", "v", "mood=mood", "%d.%m.%Y", "none"),
            strict=True,
        )
    ]
    assert here("data", "import", "old.csv", "out", *named).returncode == 0
    done = here("data", "import", "new.csv", "out", "--append", *named)
    assert done.returncode == 0, done.stderr
    assert "1, 2020-01-07 to 2020-01-07" in done.stdout
    again = here("data", "import", "new.csv", "out", "--append", *named)
    assert again.returncode == 0, again.stderr
    assert "nothing to do: the files have no day after 2020-01-07, the last one of" in again.stdout
    mood = np.fromfile(tmp_path / "out/features/a/mood.day.bin", "<f4")
    np.testing.assert_array_equal(mood, np.asarray([0, 0.5, 0.7], np.float32))
    wrong = here("data", "import", "old.csv", "other", "--field", "Mood")
    assert wrong.returncode == 2
    assert "--field: got 'Mood', expected NAME=COLUMN" in wrong.stderr


def test_a_check_says_what_is_wrong_and_exits_with_1(here: Run, market: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(market, tmp_path / "market")
    path = folder / "features/sz000006/low.day.bin"
    bars = np.fromfile(path, "<f4")
    bars[100:120] = -1
    bars.tofile(path)
    done = here("data", "check", folder, "--limit", 2, "--ignore", "price outside range")
    assert done.returncode == 1
    assert "price not positive (20)" in done.stdout
    assert done.stdout.count("low -1") == 2
    assert "more than is shown: price not positive" in done.stdout
    assert "error:" in done.stderr
    assert "20 findings of 1 kind" in done.stderr
    done = here("data", "check", folder, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["clean"] is False
    assert report["counts"]["price not positive"] == 20
    assert report["findings"][0]["instrument"] == "SZ000006"
    assert report["thresholds"]["max_jump"] == 0.3
    assert here("data", "check", folder, "--ignore", "gaps").returncode == 2


def test_an_archive_is_fetched(
    here: Run, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "site").mkdir()
    with tarfile.open(tmp_path / "site" / "synthetic.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(market, "qlib_bin")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "site")
    ) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/synthetic.tar.gz"
        done = here("data", "fetch", url, "--json")
        small = here("data", "fetch", url, "--out", "other", "--max-size", "1k")
        size = here("data", "fetch", url, "--out", "other", "--max-size", "large")
        server.shutdown()
        thread.join()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["folder"] == "synthetic"
    assert (tmp_path / "synthetic/calendars/day.txt").read_bytes() == (
        market / "calendars/day.txt"
    ).read_bytes()
    assert small.returncode == size.returncode == 2
    assert "expected at most 1,000 (--max-size)" in small.stderr
    assert "--max-size: got 'large', expected a size such as 500M or 20G" in size.stderr
    assert not (tmp_path / "other").exists()
