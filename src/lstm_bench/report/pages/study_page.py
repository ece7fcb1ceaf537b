"""The report of a study: one page that shows its search."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lstm_bench.config.sections.universe import market_text
from lstm_bench.core.counting import counted
from lstm_bench.report.figures import search, space
from lstm_bench.report.figures.trials import complete_trials
from lstm_bench.report.pages.page import (
    Cell,
    Listing,
    Note,
    Page,
    PageTable,
    Part,
    Section,
    Tile,
    cell,
    item_table,
    pair_table,
)
from lstm_bench.report.pages.selection_part import selection_parts
from lstm_bench.tune.importance import parameter_importances
from lstm_bench.tune.selection import selection_of
from lstm_bench.tune.trials import FAILURES, State, TrialRow, best_trial

if TYPE_CHECKING:
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store

__all__ = ["MAIN_FIGURES", "StudyReport", "study_page"]

MAIN_FIGURES: tuple[str, ...] = (
    "history", "intermediate", "importances", "agreement_ic", "agreement_rank_ic", "timeline",
)  # fmt: skip
"""Names of the figures that are also drawn as pictures, if the study has them."""

_FEWEST_RANKED = 4
_LISTED = 8


class StudyReport:
    """The parts of a study's report."""

    def __init__(self, store: Store, name: str, results: Path) -> None:
        self.definition: Definition = store.definition(name)
        self.frozen = store.trials(name)
        self.study = store.study(name)
        self.trials = store.rows(name)
        self.complete = complete_trials(self.trials)
        self.best = best_trial(self.trials)
        self.selection = selection_of(self.trials, name, results)

    @cached_property
    def importances(self) -> dict[str, float]:
        """Importance of each parameter as a share of 1; empty if there are too few complete trials."""
        if len(self.complete) < _FEWEST_RANKED or len({trial.value for trial in self.complete}) < 2:
            return {}
        return parameter_importances(self.study)

    @cached_property
    def best_so_far(self) -> list[float | None]:
        """Least value of the complete trials up to each trial."""
        complete = {trial.number: trial.value for trial in self.complete}
        values = (complete.get(trial.number) for trial in self.trials)
        least = itertools.accumulate((math.inf if value is None else value for value in values), min)
        return [None if value == math.inf else value for value in least]

    def sections(self) -> Iterator[Section]:
        """Yield the sections of the page, in reading order."""
        if any(trial.epoch_values for trial in self.trials):
            history = search.history_figure(self.trials, self.best_so_far)
            curves = search.intermediate_figure(self.trials, self.best)
            yield Section("history", "History", [history, curves])
            yield Section("parameters", "Parameters", list(self._parameters()))
            yield Section("agreement", "Loss and IC", list(self._agreement()))
            yield Section("selection", "Selection", list(selection_parts(self.selection)))
            yield Section("time", "Devices and slots", list(self._time()))
        yield Section("trials", "Trials", list(self._trials()))
        yield Section("study", "Definition", list(self._definition()))

    def _parameters(self) -> Iterator[Part]:
        searched = self.definition.config.space
        if self.importances:
            yield search.importance_figure(self.importances, len(self.complete))
        else:
            text = f"Importances need at least {_FEWEST_RANKED} complete trials with different losses."
            yield Note(text, is_absence=True)
        values = [(key, Cell(str(parameter))) for key, parameter in searched.items()]
        yield pair_table("space", "Search space", values, header=["Parameter", "Values"])
        parallel = space.parallel_figure(self.trials, searched)
        if parallel is not None:
            yield parallel
        yield from space.slice_figures(self.trials, searched)
        contours = list(space.contour_figures(self.trials, searched, self.importances))
        yield from contours
        if not contours:
            yield Note(
                "Contours need at least ten complete trials and two parameters that vary.", is_absence=True
            )

    def _agreement(self) -> Iterator[Part]:
        by_name = {name: [one for one in self.complete if name in one.valid_ic] for name in ("IC", "Rank IC")}
        for name, trials in by_name.items():
            if len(trials) >= 2:
                yield search.agreement_figure(trials, name, _spearman(trials, name))
        if all(len(trials) < 2 for trials in by_name.values()):
            text = "Fewer than two complete trials have an IC on valid; trials of older versions do not have one."
            yield Note(text, is_absence=True)

    def _time(self) -> Iterator[Part]:
        works = [
            search.Work(row.number, row.state, row.slot, frozen.datetime_complete, row.seconds)
            for row, frozen in zip(self.trials, self.frozen, strict=True)
            if row.slot is not None and row.seconds is not None and frozen.datetime_complete is not None
        ]
        if not works:
            yield Note("No trial has ended yet.", is_absence=True)
            return
        yield search.timeline_figure(works, len(self.trials) - len(works))
        yield _slot_table(works, {row.slot: row.device for row in self.trials if row.slot is not None})

    def _trials(self) -> Iterator[Part]:
        yield _trial_table(self.trials, list(self.definition.config.space))
        failures = [
            (row.number, row.state, str(note.get("error", "")), str(note.get("traceback", "")))
            for row, frozen in zip(self.trials, self.frozen, strict=True)
            for note in frozen.user_attrs.get(FAILURES, [])
        ]
        if not failures:
            yield Note("No trial has failed.")
            return
        yield PageTable(
            "failures",
            "Failures",
            ["Trial", "Now", "Error"],
            [
                [cell(number, ".0f"), Cell(state), Cell(error, is_text=True)]
                for number, state, error, _ in failures
            ],
            "Each time that training raised an error, ran out of time or lost its worker. A trial that is complete "
            "now was tried again.",
        )
        for number, _, _, traceback in failures:
            if traceback:
                yield Listing(f"Trial {number}: traceback", traceback)

    def _definition(self) -> Iterator[Part]:
        from lstm_bench.config.yaml import dump_yaml

        config = self.definition.config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        yield Listing("The study file", dump_yaml(config), is_open=True)
        yield Listing("The workflow that all trials share", dump_yaml(self.definition.workflow.to_file()))

    def tiles(self) -> list[Tile]:
        """Return the headline figures."""
        best, states = self.best, Counter(trial.state for trial in self.trials)
        least, note = (best.value, f"trial {best.number}") if best else (None, "no trial is complete")
        tiles = [Tile("Least validation loss", cell(least, ".6f"), note)]
        default = next((one for one in self.complete if one.origin == "default"), None)
        if least is not None and default is not None and default.value is not None:
            gain, note = (
                cell(default.value - least, "+.6f"),
                f"loss of trial {default.number} minus the least",
            )
            tiles.append(Tile("Gain on the defaults", gain, note))
        if best is not None and "IC" in best.valid_ic:
            tiles.append(Tile("IC on valid", cell(best.valid_ic["IC"]), f"of trial {best.number}"))
        tiles += [
            Tile(f"Trials {state}", cell(states[state], ".0f"), f"of {len(self.trials)}")
            for state in get_args(State)
            if states[state]
        ]
        seconds = math.fsum(trial.seconds for trial in self.trials if trial.seconds is not None)
        return [*tiles, Tile("Training", cell(seconds / 3600, ".2f"), "slot hours")]

    def facts(self) -> list[tuple[str, str]]:
        """Return facts about the search and its data, as pairs of name and text."""
        config, workflow = self.definition.config, self.definition.workflow
        segments = workflow.task.dataset.kwargs.segments
        stocks = workflow.task.dataset.kwargs.handler.kwargs.instruments
        return [
            ("Features", self.definition.features),
            ("Market", market_text(stocks)),
            ("Train", f"{segments.train[0]} to {segments.train[1]}"),
            ("Valid", f"{segments.valid[0]} to {segments.valid[1]}"),
            ("Sampler", f"{config.sampler.name}, seed {config.sampler.seed}"),
            ("Pruner", config.pruner.name),
            ("Tuning seeds", _seeds(config.seeds)),
            ("Budget", f"{counted(config.trials, 'trial')} of at most {counted(config.max_epochs, 'epoch')}"),
            ("Data", self.definition.data_fingerprint[:12]),
        ]


def study_page(store: Store, name: str, results: Path) -> Page:
    """Make the page of a study's report. ``results`` has the daily series of its trials, and the evidence.

    Raises
    ------
    ConfigError
        If the store has no such study.
    DataError
        If a file of daily series, or the evidence, cannot be read.
    """
    report = StudyReport(store, name, results)
    return Page(
        title=name,
        subtitle="Study report: train and valid only, test is not touched",
        facts=report.facts(),
        tiles=report.tiles(),
        sections=list(report.sections()),
    )


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) <= _LISTED:
        return ", ".join(map(str, seeds))
    return f"{counted(len(seeds), 'seed')} from {min(seeds)} to {max(seeds)}"


def _spearman(trials: Sequence[TrialRow], name: str) -> float:
    from scipy.stats import spearmanr

    losses, figures = [trial.value for trial in trials], [trial.valid_ic[name] for trial in trials]
    if len(set(losses)) < 2 or len(set(figures)) < 2:
        return math.nan
    return float(spearmanr(losses, figures).statistic)


def _slot_table(works: Sequence[search.Work], devices: Mapping[str, str | None]) -> PageTable:
    lines = []
    for slot in sorted({work.slot for work in works}):
        of_slot = [work for work in works if work.slot == slot]
        begin = min(work.end.timestamp() - work.seconds for work in of_slot)
        span = max(work.end.timestamp() for work in of_slot) - begin
        busy, n = math.fsum(work.seconds for work in of_slot), len(of_slot)
        share = cell(busy / span if span > 0 else None, ".0%")
        times = cell(busy, ",.1f"), cell(busy / n, ",.1f")
        lines.append([Cell(slot), Cell(devices.get(slot) or "–"), cell(n, ".0f"), *times, share])
    return PageTable(
        "slots",
        "Slots",
        ["Slot", "Device", "Trials", "Seconds of training", "Mean of a trial", "Busy"],
        lines,
        "Busy is the share of the time from a slot's first trial to its last in which it trained. Pauses between "
        "two calls of tune count as idle.",
        is_sortable=True,
    )


def _trial_table(trials: Sequence[TrialRow], params: Sequence[str]) -> PageTable:
    columns: dict[str, Callable[[TrialRow], Cell]] = {
        "Trial": lambda trial: cell(trial.number, ".0f"),
        "State": lambda trial: Cell(trial.state),
        "Valid loss": lambda trial: cell(trial.value, ".6f"),
    }
    if any(trial.valid_ic for trial in trials):
        columns["Valid IC"] = lambda trial: cell(trial.valid_ic.get("IC"))
        columns["Valid Rank IC"] = lambda trial: cell(trial.valid_ic.get("Rank IC"))
    columns |= {
        "Epochs": lambda trial: cell(len(trial.epoch_values) or None, ".0f"),
        "Seconds": lambda trial: cell(trial.seconds, ".1f"),
        "Slot": lambda trial: Cell(trial.slot or "–"),
        "Origin": _origin,
        **{key: partial(_parameter, key=key) for key in params},
    }
    return item_table(
        "trials-table", "All trials", columns, trials, "A click on a header sorts.", is_sortable=True
    )


def _origin(trial: TrialRow) -> Cell:
    same = "" if trial.duplicate_of is None else f", same as {trial.duplicate_of}"
    return Cell(f"{trial.origin}{same}")


def _parameter(trial: TrialRow, key: str) -> Cell:
    value: Any = trial.params.get(key)
    if value is None:
        return Cell("–")
    return Cell(str(value)) if isinstance(value, bool | str) else cell(value, ".4g")
