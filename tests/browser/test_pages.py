"""The pages as a reader has them: drawn by a browser, without a network, with the records' own numbers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright drives the browser; make test-browser"
)

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT = 120_000  # milliseconds
DAYS, TRAIN, VALID = 420, 260, 320

OPTIONS = [
    "task.model.kwargs.hidden_size=8", "task.model.kwargs.n_epochs=3", "task.model.kwargs.batch_size=200",
    "task.model.kwargs.GPU=-1", "task.dataset.kwargs.step_len=5", "portfolio.strategy.kwargs.topk=5",
    "portfolio.strategy.kwargs.n_drop=1", "task.record.1.kwargs.ana_long_short=true",
]  # fmt: skip


def command(*arguments: str, folder: Path) -> dict[str, Any]:
    """Run the command line in a folder; return what it prints as JSON, if that."""
    environment = os.environ | {"LSTM_BENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "lstm_bench", "-q", *arguments], cwd=folder, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in arguments else {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market, two benched seeds with their records, and a study, all trained here."""
    if CHROMIUM is None:
        message = "no Chromium: apt-get install chromium, or run make test-browser, which does that"
        if os.environ.get("LSTM_BENCH_BROWSER") == "required":
            pytest.fail(message)
        pytest.skip(message)
    place = tmp_path_factory.mktemp("pages")
    command("data", "synth", "market", "--stocks", "20", "--days", str(DAYS), folder=place)
    days = (place / "market" / "calendars" / "day.txt").read_text().split()
    own = [
        *OPTIONS,
        f"data_handler_config.start_time={days[0]}", f"data_handler_config.end_time={days[-1]}",
        f"data_handler_config.fit_start_time={days[0]}", f"data_handler_config.fit_end_time={days[TRAIN]}",
        f"task.dataset.kwargs.segments={{train: [{days[0]}, {days[TRAIN]}], "
        f"valid: [{days[TRAIN + 1]}, {days[VALID]}], test: [{days[VALID + 1]}, {days[-3]}]}}",
        f"portfolio.backtest.start_time={days[VALID + 1]}", f"portfolio.backtest.end_time={days[-3]}",
    ]  # fmt: skip
    for name, lr in (("slow", 0.001), ("fast", 0.01)):
        shutil.copy(ROOT / "configs" / "lstm_alpha158.yaml", place / f"{name}.yaml")
        settings = [word for option in (*own, f"task.model.kwargs.lr={lr}") for word in ("--set", option)]
        command(
            "bench", f"{name}.yaml", "--provider-uri", "market", "--seeds", "2", "--devices", "cpu",
            "--executor", "inline", *settings, folder=place,
        )  # fmt: skip
    command(
        "study", "create", "search", "--features", "alpha158", "--provider-uri", "market", "--hidden-size", "4,8",
        "--num-layers", "1,2", "--lr", "log:1e-4:1e-2", "--seeds", "1000-1001", "--max-epochs", "3", "--trials", "11",
        "--pruner", "none", "--set", "task.model.kwargs.batch_size=200", folder=place,
    )  # fmt: skip
    command("tune", "--study", "search", "--devices", "cpu", "--executor", "inline", folder=place)
    return place


@pytest.fixture(scope="module")
def record(folder: Path) -> Path:
    found = sorted((folder / "results").glob("*/*/provenance.json"))
    return found[0].parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a file; fail on console messages, or on a request that is not for the file itself."""
    complaints: list[str] = []
    contexts = []

    def opened(path: Path, **context: Any) -> Page:
        contexts.append(browser.new_context(**context))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith("data:") or asked.url.split("#")[0] == path.as_uri()
            else complaints.append(f"asked for {asked.url}"),
        )  # fmt: skip
        page.goto(path.as_uri())
        page.wait_for_function("document.documentElement.dataset.drawn === 'all'", timeout=WAIT)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints, complaints


def traces_of(page: Page) -> dict[str, list[dict[str, Any]]]:
    """Figure -> its traces, as plotly holds them."""
    return dict(page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".plot")].map((plot) => [
            plot.id, plot.data.map((trace) => Object.fromEntries(
                ["name", "x", "y", "z", "base"].map((key) => [key, trace[key] ?? null])))]))"""
    ))  # fmt: skip


def assert_drawn(page: Page) -> None:
    """Each figure has marks, and has the data of the page's JSON."""
    drawn = page.evaluate(
        """() => [...document.querySelectorAll(".plot")].map((plot) => [plot.id,
            plot.querySelectorAll(
                ".heatmaplayer image, .contourlayer path, .barlayer path, .scatterlayer path").length,
            plot.querySelector("svg.main-svg").getBoundingClientRect().height])"""
    )  # fmt: skip
    assert drawn
    names = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(names) == len(set(names))
    assert [name for name, marks, height in drawn if not marks or height < 100] == []
    written = json.loads(page.locator("#figures").text_content() or "")
    held = traces_of(page)
    assert set(held) == set(written)
    for name, traces in held.items():
        for trace, expected in zip(traces, written[name]["traces"], strict=True):
            for key in ("x", "y", "z", "base"):
                assert trace[key] == expected.get(key), (name, key)


def column(table: pd.DataFrame, name: str) -> list[float | None]:
    return [None if np.isnan(value) else value for value in table[name].to_numpy(np.float64).tolist()]


def test_run_report(folder: Path, record: Path, open_page: Open) -> None:
    command("report", str(record), folder=folder)
    page = open_page(record / "report.html")
    assert_drawn(page)
    held = traces_of(page)
    tables = {path.stem: pd.read_parquet(path) for path in record.glob("*.parquet")}
    epochs, ic, report = tables["epochs"], tables["ic"], tables["report"]
    days = [f"{day:%Y-%m-%d}" for day in ic.index]
    expected: dict[tuple[str, str], list[Any]] = {
        ("losses", "train"): column(epochs, "train_loss"),
        ("losses", "valid"): column(epochs, "valid_loss"),
        ("ic_series", "day"): column(ic, "ic"),
        ("rank_ic_series", "day"): column(ic, "rank_ic"),
        ("ic_decay", "IC"): column(tables["ic_decay"], "ic"),
        ("ic_decay", "Rank IC"): column(tables["ic_decay"], "rank_ic"),
        ("turnover", "day"): column(report, "turnover"),
    }
    for (figure, name), values in expected.items():
        assert next(trace for trace in held[figure] if trace["name"] == name)["y"] == values, (figure, name)
    assert held["ic_series"][0]["x"] == days
    summed = {
        "benchmark": report["bench"],
        "account, with cost": report["return"] - report["cost"],
        "excess, with cost": report["return"] - report["bench"] - report["cost"],
    }
    for trace in held["cumulative_return"]:
        if trace["name"] in summed:
            np.testing.assert_allclose(trace["y"], np.cumsum(summed[trace["name"]]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        next(trace for trace in held["groups"] if trace["name"] == "group 1")["y"],
        np.cumsum(ic["group_1"].fillna(0.0)), rtol=0, atol=1e-12,
    )  # fmt: skip
    counted = 10 ** np.array(held["score_density"][0]["z"], dtype=np.float64)
    scored = (np.isfinite(tables["pred"]["score"]) & np.isfinite(tables["label"]["LABEL0"])).sum()
    assert 0.98 * scored <= round(float(np.nansum(counted))) <= scored


def test_headline_is_the_records(folder: Path, record: Path, open_page: Open) -> None:
    command("report", str(record), folder=folder)
    page = open_page(record / "report.html")
    metrics = json.loads((record / "metrics.json").read_text())
    tiles = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".tile")].map((tile) => [
            tile.querySelector(".label").textContent, Number(tile.querySelector(".figure").dataset.value)]))"""
    )
    with_cost = "1day.excess_return_with_cost"
    assert tiles["IC"] == metrics["IC"]
    assert tiles["Rank ICIR"] == metrics["Rank ICIR"]
    assert tiles["Excess return with cost"] == metrics[f"{with_cost}.annualized_return"]
    assert tiles["Max drawdown"] == metrics[f"{with_cost}.max_drawdown"]


def test_study_report(folder: Path, open_page: Open) -> None:
    command("report", "--study", "search", "--out", "study.html", folder=folder)
    page = open_page(folder / "study.html")
    assert_drawn(page)
    shown = command("study", "show", "search", "--json", folder=folder)
    done = {trial["number"]: trial["value"] for trial in shown["trials"] if trial["state"] == "complete"}
    assert len(done) > 9
    held = traces_of(page)
    complete = next(trace for trace in held["history"] if trace["name"] == "complete")
    assert dict(zip(complete["x"], complete["y"], strict=True)) == done
    agreement = held["agreement_ic"][0]
    ics = [trial["valid_ic"]["IC"] for trial in shown["trials"] if trial["state"] == "complete"]
    assert agreement["y"] == ics
    assert sum(held["importances"][0]["x"]) == pytest.approx(1.0)
    assert any(name.startswith("contour_") for name in held)


def test_leaderboard_page(folder: Path, record: Path, open_page: Open) -> None:
    command("report", str(record), folder=folder)
    command("leaderboard", "--html", "board.html", folder=folder)
    page = open_page(folder / "board.html")
    assert_drawn(page)
    held = traces_of(page)
    for study in ("fast", "slow"):
        seeds = pd.read_parquet(folder / "results" / "leaderboard" / f"{study}.parquet")
        trace = next(one for one in held["t0_seeds_ic"] if one["name"].startswith(f"{study}/"))
        assert trace["x"] == seeds["IC"].tolist()
    link = page.locator("#t0_results a").first
    assert link.text_content() == record.name
    assert (folder / str(link.get_attribute("href"))).resolve() == (record / "report.html").resolve()


def test_no_button_sends_a_figure_away(folder: Path, record: Path, open_page: Open) -> None:
    command("report", str(record), folder=folder)
    page = open_page(record / "report.html")
    assert_drawn(page)
    buttons = page.evaluate("[...document.querySelectorAll('.modebar-btn')].map((one) => one.dataset.title)")
    assert any("Download" in title for title in buttons), buttons
    assert not [title for title in buttons if "loud" in title or "hare" in title or "link" in title], buttons
    assert page.evaluate("document.querySelector('.plot')._context.plotlyServerURL") == ""


def test_tables_sort(folder: Path, open_page: Open) -> None:
    command("leaderboard", "--html", "board.html", folder=folder)
    page = open_page(folder / "board.html")
    header = page.locator("#t0_results th button", has_text="Rank IC").first
    position = page.evaluate(
        """() => [...document.querySelectorAll('#t0_results th')].findIndex(
            (cell) => cell.textContent.trim() === 'Rank IC')"""
    )

    def values() -> list[float]:
        return list(page.evaluate(
            """(at) => [...document.querySelectorAll('#t0_results tbody tr')].map(
                (row) => Number(row.cells[at].dataset.value))""",
            position,
        ))  # fmt: skip

    before = values()
    header.click()
    assert values() == sorted(before, reverse=True)
    header.click()
    assert values() == sorted(before)
    names = page.locator("#t0_results th button", has_text="Row").first
    names.click()
    assert values() != sorted(before) or len(set(before)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_follows_the_system_and_the_button(
    record: Path, folder: Path, open_page: Open, scheme: str
) -> None:
    command("report", str(record), folder=folder)
    page = open_page(record / "report.html", color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    before, numbers = page.evaluate(ground), traces_of(page)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page.locator("#theme").click()
    page.wait_for_function("document.documentElement.dataset.drawn === 'all'", timeout=WAIT)
    assert page.evaluate("document.documentElement.dataset.theme") != scheme
    assert page.evaluate(ground) != before
    assert traces_of(page) == numbers


@pytest.fixture(scope="module")
def long_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaderboard of twenty rows, some with long names, and of one that is reduced."""
    from tests.report.conftest import row_maker

    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.leaderboard.groups import group_rows
    from lstm_bench.report.leaderboard.rows import rows_of
    from lstm_bench.report.pages.leaderboard_page import leaderboard_page
    from lstm_bench.report.pages.page import render

    place = tmp_path_factory.mktemp("board")
    make = row_maker(place / "results")
    for k in range(20):
        study = ["momentum-with-a-rather-long-name-of-a-study", "alpha158", "lstm_of_underscores_only"][k % 3]
        label = "lr=0.01,hidden_size=32,dropout=0.25" if k % 4 == 0 else f"trial-{k}"
        make(
            f"{study}-{k}",
            label,
            range(3),
            lift=k / 500,
            overrides=[f"task.model.kwargs.hidden_size={8 + k}"],
        )
    make("short", overrides=["task.dataset.kwargs.segments.train=[2013-01-01, 2014-12-31]"])
    groups = group_rows(rows_of(collect(place / "results")))
    (place / "board.html").write_text(render(leaderboard_page(groups)), encoding="utf-8")
    return place / "board.html"


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (1366, "dark"), (390, "light")])
def test_long_names_leave_room_to_the_figures(
    long_names: Path, open_page: Open, width: int, scheme: str
) -> None:
    page = open_page(long_names, viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert_drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    first, tallest = page.evaluate(
        """() => { const rows = [...document.querySelectorAll('#t0_rows tbody tr')]; return [
            rows[0].cells[0].getBoundingClientRect().width,
            Math.max(...rows.map((row) => row.getBoundingClientRect().height))]; }"""
    )
    assert first < width * 0.42
    assert tallest < 160, "a name takes some lines, not a dozen"
    inside, whole = page.evaluate(
        "[document.querySelector('#t0_rows').parentElement].map((box) => [box.clientWidth, box.scrollWidth])[0]"
    )
    assert width < 1000 or whole <= inside, "nothing is clipped where there is room"
    beyond = page.evaluate(
        """() => [...document.querySelectorAll('.plot')].flatMap((plot) => {
            const box = plot.getBoundingClientRect();
            return [...plot.querySelectorAll('.ytick text')].filter(
                (text) => text.getBoundingClientRect().left < box.left - 2).map((text) => text.textContent); })"""
    )
    assert beyond == []


def test_buttons_are_under_a_pointer_only(long_names: Path, open_page: Open) -> None:
    page = open_page(long_names)
    seen = "getComputedStyle(document.querySelector('.modebar-group')).opacity"
    assert page.evaluate(seen) == "0"
    page.locator("#t0_curve_ic").hover()
    page.wait_for_function(f"Number({seen}) > 0.5", timeout=WAIT)
    touched = open_page(long_names, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    assert touched.evaluate("document.querySelectorAll('.modebar-btn').length") == 0


def test_fits_a_phone(record: Path, folder: Path, open_page: Open) -> None:
    command("report", str(record), folder=folder)
    page = open_page(record / "report.html", viewport={"width": 390, "height": 844})
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) == 0
