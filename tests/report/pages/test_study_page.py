"""A study's report: what its store says, in any state of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import parse_study
from lstm_bench.config.workflow import load_workflow
from lstm_bench.core.errors import ConfigError
from lstm_bench.report.figures.trials import loss_axis
from lstm_bench.report.pages.page import Note, Page, PageTable, render
from lstm_bench.report.pages.study_page import StudyReport, study_page
from lstm_bench.tune.definition import Definition
from lstm_bench.tune.repository.store import Store

SPACE: dict[str, Any] = {
    "hidden_size": {"choices": [8, 16, 32]},
    "num_layers": {"int": [1, 3]},
    "lr": {"float": [1e-4, 1e-2], "log": True},
    "dropout": {"float": [0.0, 0.5], "when": {"num_layers": [2, 3]}},
}
RESULTS = Path("no results")
START = datetime(2026, 1, 1, 12)


class Search:
    """A study whose trials are put there as drivers would leave them."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "store.journal"))
        config = parse_study(
            {
                "name": "s", "base": "demo.yaml", "space": SPACE, "seeds": [1000, 1001], "max_epochs": 3,
                "sampler": {"name": "random"}, "pruner": {"name": "none"},
            }
        )  # fmt: skip
        workflow = load_workflow(ready_folder("configs") / "demo.yaml").resolved()
        self.store.create(Definition(config, workflow, "0" * 64))

    def add(
        self,
        params: Mapping[str, Any],
        curve: Sequence[float],
        state: str = "COMPLETE",
        ic: float | None = None,
        errors: Sequence[str] = (),
        slot: str = "cpu/0",
    ) -> None:
        from lstm_bench.tune.space import distributions

        study, number = self.store.study("s"), len(self.store.trials("s"))
        known = distributions(self.store.definition("s").config.space)
        outcome: dict[str, Any] = {"device": "cpu", "slot": slot, "seconds": 30.0, "diverged_seeds": []}
        outcome["key"] = f"key{number}"
        if ic is not None:
            outcome["valid_ic"] = {
                "1000": {"IC": ic, "Rank IC": ic + 0.01},
                "1001": {"IC": ic + 0.02, "Rank IC": ic},
            }
        trial = optuna.trial.create_trial(
            state=optuna.trial.TrialState[state],
            value=min(curve) if state == "COMPLETE" else None,
            params=dict(params),
            distributions={key: known[key] for key in params},
            intermediate_values=dict(enumerate(curve)),
            user_attrs={"outcome": outcome}
            | (
                {"failures": [{"error": text, "traceback": f"Traceback of {text}"} for text in errors]}
                if errors
                else {}
            ),
        )
        end = START + timedelta(seconds=40 * number)
        trial.datetime_start, trial.datetime_complete = end - timedelta(seconds=35), end
        study.add_trial(trial)


@pytest.fixture
def search(tmp_path: Path) -> Search:
    return Search(tmp_path)


def fill(search: Search, n: int = 12) -> None:
    for k in range(n):
        layers = 1 + k % 3
        params = {"hidden_size": (8, 16, 32)[k % 3], "num_layers": layers, "lr": 1e-4 * 1.4**k}
        if layers > 1:
            params["dropout"] = 0.04 * k
        loss = 0.99 + 0.001 * abs(k - 7)
        search.add(
            params, [loss + 0.002, loss, loss + 0.001], ic=0.05 - 0.005 * abs(k - 7), slot=f"cpu/{k % 2}"
        )
    search.add({"hidden_size": 8, "num_layers": 1, "lr": 1e-2}, [1.2], "PRUNED")
    search.add(
        {"hidden_size": 16, "num_layers": 1, "lr": 1e-3},
        [1.1, 1.0],
        "FAIL",
        errors=["no memory <b>", "again"],
    )


def tables(page: Page) -> dict[str, PageTable]:
    return {
        part.name: part for section in page.sections for part in section.parts if isinstance(part, PageTable)
    }


def notes(page: Page) -> str:
    return " ".join(
        part.text for section in page.sections for part in section.parts if isinstance(part, Note)
    )


def test_history_and_curves(search: Search) -> None:
    fill(search)
    page = study_page(search.store, "s", RESULTS)
    rows = [trial for trial in search.store.trials("s") if trial.state.name == "COMPLETE"]
    by_name = {trace["name"]: trace for trace in page.figures["history"].traces}
    assert by_name["complete"]["y"] == [trial.value for trial in rows]
    assert by_name["complete"]["x"] == [trial.number for trial in rows]
    assert by_name["pruned"]["y"] == [1.2]  # the loss of its last epoch
    assert by_name["failed"]["y"] == [1.0]
    least = [value for value in by_name["best so far"]["y"] if value is not None]
    assert least == sorted(least, reverse=True)
    assert least[-1] == min(trial.value or 9.0 for trial in rows)
    curves = {trace["name"]: trace for trace in page.figures["intermediate"].traces}
    assert curves["pruned here"]["y"] == [1.2]
    best = next(trace for name, trace in curves.items() if name.startswith("best"))
    assert best["y"] == pytest.approx([0.992, 0.99, 0.991])
    assert best["customdata"] == [8] * 3  # Qlib's defaults wait as trial 0


def test_importances_are_optunas(search: Search) -> None:
    fill(search)
    report = StudyReport(search.store, "s", RESULTS)
    again = StudyReport(search.store, "s", RESULTS)
    expected = optuna.importance.get_param_importances(search.store.study("s"))
    assert report.importances == again.importances == pytest.approx(expected)
    shown = study_page(search.store, "s", RESULTS).figures["importances"].traces[0]
    assert dict(zip(shown["y"], shown["x"], strict=True)) == report.importances
    assert shown["x"] == sorted(shown["x"])


def test_slices_and_parallel_hold_each_trial(search: Search) -> None:
    fill(search)
    page = study_page(search.store, "s", RESULTS)
    trials = {trial.number: trial for trial in search.store.trials("s")}
    for key in SPACE:
        trace = next(one for one in page.figures[f"slice_{key}"].traces if one["name"] == "complete")
        for number, x, y in zip(trace["customdata"], trace["x"], trace["y"], strict=True):
            value = trials[number].params[key]
            assert x == (str(value) if key == "hidden_size" else value)
            assert y == trials[number].value
        having = [
            trial for trial in trials.values() if trial.state.name == "COMPLETE" and key in trial.params
        ]
        assert len(trace["x"]) == len(having)
    drawn = [
        number
        for trace in page.figures["parallel"].traces
        for number in trace["customdata"]
        if number is not None
    ]
    complete = {trial.number for trial in trials.values() if trial.state.name == "COMPLETE"}
    assert set(drawn) == complete
    assert len(drawn) == len(complete) * (len(SPACE) + 1)
    assert sum(name.startswith("contour_") for name in page.figures) == 3


def test_agreement_is_the_mean_over_seeds(search: Search) -> None:
    fill(search)
    figure = study_page(search.store, "s", RESULTS).figures["agreement_ic"]
    assert figure.traces[0]["y"] == pytest.approx([0.06 - 0.005 * abs(k - 7) for k in range(12)])
    assert figure.traces[0]["x"] == pytest.approx([0.99 + 0.001 * abs(k - 7) for k in range(12)])
    assert "Rank correlation −1.00 over 12 trials" in figure.note


def test_time_line_and_slots(search: Search) -> None:
    fill(search)
    page = study_page(search.store, "s", RESULTS)
    bars = {trace["name"]: trace for trace in page.figures["timeline"].traces}
    assert bars["complete"]["x"] == [30_000.0] * 12
    assert (
        bars["complete"]["base"][0] == "2026-01-01 12:00:10.000"
    )  # reported after 40 s, 30 of them training
    slots = {line[0].text: line for line in tables(page)["slots"].lines}
    assert slots["cpu/1"][2].value == 6
    assert slots["cpu/1"][3].value == 180.0


def test_failures_are_listed(search: Search) -> None:
    fill(search)
    page = study_page(search.store, "s", RESULTS)
    assert [line[2].text for line in tables(page)["failures"].lines] == ["no memory <b>", "again"]
    text = render(page)
    assert "no memory &lt;b&gt;" in text
    assert "Traceback of again" in text


def test_a_new_study(search: Search) -> None:
    page = study_page(search.store, "s", RESULTS)
    assert not page.figures
    assert tables(page)["trials-table"].lines[0][1].text == "queued"
    assert render(page)


def test_few_trials(search: Search) -> None:
    search.add({"hidden_size": 8, "num_layers": 1, "lr": 1e-3}, [0.99])
    page = study_page(search.store, "s", RESULTS)
    assert "importances" not in page.figures
    assert "parallel" not in page.figures
    notes_text = notes(page)
    for what in ("Importances need", "Contours need", "Fewer than two complete trials have an IC"):
        assert what in notes_text
    assert render(page)


def test_an_unknown_study(search: Search) -> None:
    with pytest.raises(ConfigError, match="no study 'x'"):
        study_page(search.store, "x", RESULTS)


def test_a_loss_that_exploded_does_not_squeeze_the_others() -> None:
    losses = [0.99 + 0.001 * k for k in range(10)]
    assert "range" not in loss_axis(losses)
    low, high = loss_axis([*losses, 50.0, None, float("nan")])["range"]
    assert low < 0.99
    assert max(losses) < high < 2


def test_the_page_shows_how_much_of_the_best_trial_is_selection(search: Search, tmp_path: Path) -> None:
    from lstm_bench.tune.valid_series import ValidSeries, series_path, write_series

    fill(search)
    page = study_page(search.store, "s", tmp_path)
    assert "No complete trial has a file of daily series of valid" in notes(page)
    assert "No seed of trial 8 is in the evidence" in notes(page)
    days = np.arange("2015-01-05", 64, dtype="datetime64[D]")
    for row in search.store.rows("s"):
        if row.state == "complete":
            values = np.random.default_rng(row.number).normal(size=(3, len(days)))
            path = series_path(tmp_path / "s" / "search" / f"{row.key}.json")
            write_series(path, {1000: ValidSeries(days, *values)})
    page = study_page(search.store, "s", tmp_path)
    found = {line[0].text: line[1].text for line in tables(page)["selection-table"].lines}
    assert found["Trials tried"] == "13, 1 of them pruned, 1 failed besides"
    assert found["Trials with daily series"] == "12; 64 days of valid"
    assert {"Deflated Sharpe ratio", "Probability of overfitting, by Sharpe ratio"} <= set(found)
    assert "what luck gives the best of so many trials" in notes(page)
    assert "What is left after the choice among trials" in render(page)
