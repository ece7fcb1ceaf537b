"""The report of a study: one page that shows its search."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from lstm_bench.config.sections.universe import market_text
from lstm_bench.core.counting import counted
from lstm_bench.report.figures import search, space
from lstm_bench.report.figures.timeline import Work, timeline_figure
from lstm_bench.report.pages.page import Cell, Listing, Note, Page, PageTable, Section, Tile, cell
from lstm_bench.tune.trials import FAILURES, State, TrialRow, best_trial

if TYPE_CHECKING:
    import optuna

    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store

__all__ = ["MAIN_FIGURES", "StudyReport", "study_page"]

MAIN_FIGURES = ("history", "intermediate", "importances", "agreement_ic", "agreement_rank_ic", "timeline")
"""What goes into a document, of those that the study has."""

_FEWEST_RANKED = 4
_LISTED = 8

Part = Any  # a figure, a table, a note or a listing


class StudyReport:
    """What a report of a study is made of.

    Parameters
    ----------
    store, name
        The study.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name = store, name
        self.definition: Definition = store.definition(name)
        self.frozen = store.trials(name)
        self.study: optuna.Study = store.study(name)
        self.trials = store.rows(name)
        self.best = best_trial(self.trials)

    @cached_property
    def importances(self) -> dict[str, float]:
        """Importance of each parameter, shares of 1; empty where the trials do not tell.

        PED-ANOVA draws nothing at random: the same trials give the same shares.
        """
        import optuna.importance

        complete = [trial for trial in self.trials if trial.state == "complete"]
        if len(complete) < _FEWEST_RANKED or len({trial.value for trial in complete}) < 2:
            return {}
        with warnings.catch_warnings():
            # of a parameter that few trials have: the figure says itself how many it is drawn from
            warnings.filterwarnings("ignore", message="Some regimes for parameter", category=UserWarning)
            found = optuna.importance.get_param_importances(
                self.study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )
        return {key: float(share) for key, share in found.items()}

    @cached_property
    def best_so_far(self) -> list[float | None]:
        """Least value of the complete trials up to each one."""
        found: list[float | None] = []
        least: float | None = None
        for trial in self.trials:
            if trial.state == "complete" and trial.value is not None:
                least = trial.value if least is None else min(least, trial.value)
            found.append(least)
        return found

    def sections(self) -> Iterator[Section]:
        """Lay the page's sections out, in reading order."""
        if any(trial.epoch_values for trial in self.trials):
            yield Section("history", "History", list(self._history()))
            yield Section("parameters", "Parameters", list(self._parameters()))
            yield Section("agreement", "Loss and IC", list(self._agreement()))
            yield Section("time", "Devices and slots", list(self._time()))
        yield Section("trials", "Trials", list(self._tables()))
        yield Section("study", "Definition", list(self._definition()))

    def _history(self) -> Iterator[Part]:
        yield search.history_figure(self.trials, self.best_so_far)
        yield search.intermediate_figure(self.trials, self.best)

    def _parameters(self) -> Iterator[Part]:
        searched = self.definition.config.space
        if self.importances:
            yield search.importance_figure(
                self.importances, sum(one.state == "complete" for one in self.trials)
            )
        else:
            yield Note(
                f"There are no importances: they need {_FEWEST_RANKED} complete trials or more, of different "
                "loss.",
                is_absence=True,
            )
        yield _space_table(searched)
        parallel = space.parallel_figure(self.trials, searched)
        if parallel is not None:
            yield parallel
        yield from space.slice_figures(self.trials, searched)
        contours = list(space.contour_figures(self.trials, searched, self.importances))
        yield from contours
        if not contours:
            yield Note("There are no contours: they need ten complete trials or more.", is_absence=True)

    def _agreement(self) -> Iterator[Part]:
        drawn = 0
        for name in ("IC", "Rank IC"):
            both = [trial for trial in self.trials if trial.state == "complete" and name in trial.valid_ic]
            if len(both) >= 2:
                drawn += 1
                yield search.agreement_figure(both, name, _spearman(both, name))
        if not drawn:
            yield Note(
                "Fewer than two complete trials have an IC on valid; trials that an older version trained "
                "have none.",
                is_absence=True,
            )

    def _time(self) -> Iterator[Part]:
        works = [
            Work(row.number, row.state, row.slot, frozen.datetime_complete, row.seconds)
            for row, frozen in zip(self.trials, self.frozen, strict=True)
            if row.slot is not None and row.seconds is not None and frozen.datetime_complete is not None
        ]
        if not works:
            yield Note("No trial has ended yet.", is_absence=True)
            return
        yield timeline_figure(works, len(self.trials) - len(works))
        yield _slot_table(works, {row.slot: row.device for row in self.trials if row.slot is not None})

    def _tables(self) -> Iterator[Part]:
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
            "Each time that training raised, ran out of time or lost its worker; a trial that is complete "
            "now was tried again.",
        )
        yield from (
            Listing(f"Trial {number}: traceback", traceback)
            for number, _, _, traceback in failures
            if traceback
        )

    def _definition(self) -> Iterator[Part]:
        from lstm_bench.config.yaml import dump_yaml

        config = self.definition.config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        yield Listing("The study file", dump_yaml(config), is_open=True)
        yield Listing("The workflow that all trials share", dump_yaml(self.definition.workflow.to_file()))

    # -- the head of the page ------------------------------------------------------------------------------------

    def tiles(self) -> list[Tile]:
        """Return the headline figures."""
        states = Counter(trial.state for trial in self.trials)
        found = [
            Tile(
                "Least validation loss",
                cell(None if self.best is None else self.best.value, ".6f"),
                "no trial is complete" if self.best is None else f"trial {self.best.number}",
            ),
        ]
        default = next(
            (one for one in self.trials if one.origin == "default" and one.state == "complete"), None
        )
        if (
            self.best is not None
            and default is not None
            and default.value is not None
            and self.best.value is not None
        ):
            gain = default.value - self.best.value
            found.append(
                Tile(
                    "Gain on the defaults",
                    cell(gain, "+.6f"),
                    f"loss of trial {default.number} less the least",
                )
            )
        if self.best is not None and "IC" in self.best.valid_ic:
            found.append(Tile("IC on valid", cell(self.best.valid_ic["IC"]), f"of trial {self.best.number}"))
        for state in get_args(State):
            if states[state]:
                found.append(Tile(f"Trials {state}", cell(states[state], ".0f"), f"of {len(self.trials)}"))
        seconds = math.fsum(trial.seconds for trial in self.trials if trial.seconds is not None)
        return [*found, Tile("Training", cell(seconds / 3600, ".2f"), "slot hours")]

    def facts(self) -> list[tuple[str, str]]:
        """Say what was searched, on what, in pairs of name and text."""
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


def study_page(store: Store, name: str) -> Page:
    """Make the page of a study's report.

    Raises
    ------
    ConfigError
        Where the store has no such study.
    """
    report = StudyReport(store, name)
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


def _space_table(searched: Mapping[str, Any]) -> PageTable:
    return PageTable(
        "space",
        "Search space",
        ["Parameter", "Values"],
        [[Cell(key), Cell(str(parameter))] for key, parameter in searched.items()],
        is_wide=False,
    )


def _slot_table(works: Sequence[Work], devices: Mapping[str, str | None]) -> PageTable:
    lines = []
    for slot in sorted({work.slot for work in works}):
        own = [work for work in works if work.slot == slot]
        begun = min(work.end.timestamp() - work.seconds for work in own)
        span, busy = (
            max(work.end.timestamp() for work in own) - begun,
            math.fsum(work.seconds for work in own),
        )
        lines.append(
            [
                Cell(slot),
                Cell(devices.get(slot) or "–"),
                cell(len(own), ".0f"),
                cell(busy, ",.1f"),
                cell(busy / len(own), ",.1f"),
                cell(busy / span if span > 0 else None, ".0%"),
            ]
        )
    return PageTable(
        "slots",
        "Slots",
        ["Slot", "Device", "Trials", "Seconds of training", "Mean of a trial", "Busy"],
        lines,
        "Busy is the share of the time from a slot's first trial to its last in which it trained; pauses "
        "between two calls of tune "
        "count as idle.",
        is_sortable=True,
    )


def _trial_table(trials: Sequence[TrialRow], params: Sequence[str]) -> PageTable:
    has_ic = any(trial.valid_ic for trial in trials)
    figures = ["Valid IC", "Valid Rank IC"] if has_ic else []
    return PageTable(
        "trials-table",
        "All trials",
        ["Trial", "State", "Valid loss", *figures, "Epochs", "Seconds", "Slot", "Origin", *params],
        [
            [
                cell(trial.number, ".0f"),
                Cell(trial.state),
                cell(trial.value, ".6f"),
                *([cell(trial.valid_ic.get("IC")), cell(trial.valid_ic.get("Rank IC"))] if has_ic else []),
                cell(len(trial.epoch_values) or None, ".0f"),
                cell(trial.seconds, ".1f"),
                Cell(trial.slot or "–"),
                Cell(
                    trial.origin
                    if trial.duplicate_of is None
                    else f"{trial.origin}, same as {trial.duplicate_of}"
                ),
                *(_parameter(trial.params.get(key)) for key in params),
            ]
            for trial in trials
        ],
        "A click on a header sorts.",
        is_sortable=True,
    )


def _parameter(value: Any) -> Cell:
    if value is None:
        return Cell("–")
    if isinstance(value, bool | str):
        return Cell(str(value))
    return cell(value, ".4g")
