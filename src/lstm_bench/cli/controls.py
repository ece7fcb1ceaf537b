"""``lstm-bench controls``: what must come out if nothing is wrong, and how far figures depend on conventions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lstm_bench.cli.options import (
    RESULTS,
    Device,
    Experiment,
    Json,
    Out,
    Overrides,
    ProviderUri,
    RunSeed,
    argument,
    option,
    takes_options,
)
from lstm_bench.cli.output import print_json, print_table, wrapped
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import CheckError, ConfigError, choices_hint
from lstm_bench.run.controls.parts import EPOCHS, PARTS, PERMUTATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lstm_bench.run.controls.document import CapacityRow, Controls
    from lstm_bench.run.controls.parts import ControlPart

__all__ = ["ControlsOptions", "controls"]


@dataclass(frozen=True)
class ControlsOptions:
    """Options of ``controls``."""

    workflow: Path = argument(..., "A Qlib workflow file.", metavar="CONFIG", show_default=False)
    seed: RunSeed = None
    overrides: Overrides = field(default_factory=list)
    provider_uri: ProviderUri = None
    out: Out = RESULTS
    experiment: Experiment = None
    device: Device = "auto"
    only: list[str] = option(
        list,
        "Compute one part: permuted, oracle, look-ahead, conventions or capacity. Repeatable.",
        metavar="PART",
    )
    epochs: int = option(
        EPOCHS, "Epochs of the controls' own trainings, at most; the run itself has the file's.", min=1
    )
    permutations: int = option(PERMUTATIONS, "Seeds of the control with permuted labels.", min=3)
    as_json: Json = False


@takes_options
def controls(options: ControlsOptions) -> None:
    """Check a configuration by controls with known answers, and show what depends on conventions and on assets.

    Uses the record of the run, or trains the run if it has none. Exits with 1 if a control fails.
    """
    from lstm_bench.bench.manifest import records_of_rows
    from lstm_bench.cli.paths import check_folder
    from lstm_bench.config.experiment import records_folder
    from lstm_bench.config.workflow import load_workflow
    from lstm_bench.run.controls.runner import ControlRun
    from lstm_bench.run.runner import execute

    parts = _parts(options.only)
    keys = {"qlib_init.provider_uri": options.provider_uri, "task.model.kwargs.seed": options.seed}
    set_keys = [(key, value) for key, value in keys.items() if value is not None]
    config = load_workflow(options.workflow, [*options.overrides, *set_keys])
    names = {
        "--experiment": options.experiment,
        "experiment_name": config.experiment_name,
        "CONFIG": options.workflow.stem,
    }
    folder = records_folder(options.out, names)
    check_folder("--out", folder)
    record, computed = execute(config, folder, device=options.device)
    control = ControlRun(
        config, record, records_of_rows(folder), options.device, options.epochs, options.permutations
    )
    found = control.compute(parts)
    path = found.save(record.path)
    if options.as_json:
        print_json(
            {"record": str(record.path), "computed": computed, "path": str(path), **found.model_dump()}
        )
    else:
        _print(found)
        how = "trained, because it had no record:" if computed else "of the run recorded in"
        typer.echo(
            f"{how} {record.path}\nwritten to {path}; `lstm-bench report {record.path}` shows it on a page"
        )
    if found.failed:
        raise CheckError(f"{counted(len(found.failed), 'control')} failed: {', '.join(found.failed)}")


def _parts(names: Sequence[str]) -> Sequence[ControlPart]:
    """Return the requested parts, all of them without a name."""
    for name in names:
        if name not in PARTS:
            raise ConfigError(f"--only: got {name!r}; {choices_hint(name, PARTS)}")
    return [part for part in PARTS if not names or part in names]


def _print(found: Controls) -> None:
    print_table(
        "Controls",
        ["control", "expected", "found", ""],
        [
            [one.title, one.expected, one.found, "pass" if one.passed else "FAIL"]
            for one in found.controls.values()
        ],
    )
    if found.conventions:
        print_table(
            "The same scores under other conventions: excess return with cost",
            ["convention", "return a year", "information ratio", "max drawdown"],
            [
                [
                    one.name,
                    _text(one.annualized_return, ".2%"),
                    _text(one.information_ratio, ".3f"),
                    _text(one.max_drawdown, ".2%"),
                ]
                for one in found.conventions
            ],
        )
        _print_flips(found)
    if found.capacity:
        _print_capacity(found.capacity, found)
    if found.capacity_note:
        typer.echo(f"no capacity: {found.capacity_note.removeprefix('capacity: ')}")


def _print_flips(found: Controls) -> None:
    for reason in found.left_out:
        typer.echo(f"not compared: {reason}")
    if len(found.compared) < 2:
        return
    rows = ", ".join(found.compared)
    if not found.flips:
        typer.echo(f"no convention changes the order of the rows {rows}")
        return
    print_table(
        f"Rank flips among the rows {rows}",
        ["convention", "metric", "better as configured", "better under it"],
        [[one.convention, one.metric.replace("_", " "), one.better, one.worse] for one in found.flips],
    )


def _print_capacity(rows: Sequence[CapacityRow], found: Controls) -> None:
    print_table(
        f"Capacity, with an impact cost of {found.impact_cost:g}: excess return after cost and impact",
        ["assets", "information ratio", "95 % interval", "return a year", "cost a year",
         "participation: mean", "95th per cent", "largest", ""],
        [
            [
                f"{one.assets / 1e6:,.0f} million",
                _text(one.information_ratio, ".3f"),
                f"{_text(one.low, '.3f')} to {_text(one.high, '.3f')}",
                _text(one.annualized_return, ".2%"),
                _text(one.cost, ".2%"),
                _text(one.participation_mean, ".2%"),
                _text(one.participation_95, ".2%"),
                _text(one.participation_max, ".2%"),
                "" if one.is_meaningful else "meaningless",
            ]
            for one in rows
        ],
    )  # fmt: skip
    typer.echo(
        wrapped(
            "Participation is an order's share of its stock's traded value of the day. If it exceeds 10 % for more "
            "than one order in twenty, the market would not have filled the orders at the day's price: the figures "
            f"mean nothing. The median stock trades {found.median_amount:,.0f} a day, in the account's currency."
        )
    )


def _text(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
